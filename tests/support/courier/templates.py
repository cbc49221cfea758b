"""The template of an External channel's requests, filled in as Courier does it.

Variables are replaced one after the other, in random order, also inside of what has been put in
already. Where what is put in can hold braces, as in JSON and XML, a visitor's or author's words can
thus break the request; urlencoded ones are immune.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from urllib.parse import quote_plus

URLENCODED, JSON, XML = "urlencoded", "json", "xml"
CONTENT_TYPES = {
    URLENCODED: "application/x-www-form-urlencoded",
    JSON: "application/json",
    XML: "text/xml; charset=utf-8",
}
_IN_XML = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&#34;",
        "'": "&#39;",
        "\t": "&#x9;",
        "\n": "&#xA;",
        "\r": "&#xD;",
    }
)


def fill(
    template: str, variables: Mapping[str, str], quick_replies: Sequence[str], content_type: str
) -> str:
    """Return the template with its variables replaced; unknown ones stay."""
    encoded = {name: _encode(value, content_type) for name, value in variables.items()}
    encoded["quick_replies"] = _list(quick_replies, content_type)
    for name in random.sample(list(encoded), len(encoded)):
        # Quotes around a variable belong to it.
        for written in (f'"{{{{{name}}}}}"', f"'{{{{{name}}}}}'", f"{{{{{name}}}}}"):
            template = template.replace(written, encoded[name])
    return template


def _encode(value: str, content_type: str) -> str:
    if content_type == URLENCODED:
        return quote_plus(value)
    if content_type == JSON:
        return json.dumps(value, ensure_ascii=False)
    return value.translate(_IN_XML) if content_type == XML else value


def _list(replies: Sequence[str], content_type: str) -> str:
    if content_type == JSON:
        return json.dumps(list(replies), ensure_ascii=False, separators=(",", ":"))
    if content_type == XML:
        return "".join(f"<item>{_encode(reply, XML)}</item>" for reply in replies)
    return "".join(f"&quick_reply={quote_plus(reply)}" for reply in replies)
