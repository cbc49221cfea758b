"""What RapidPro's form for an External channel is to say, and what is wrong with what it says.

RapidPro keeps it in the channel's ``config``, and lets nobody change it once the channel is made.
Courier knows keys there that the form does not ask for: whoever writes them does it by SQL.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from chip.models import NOBODYS_CHAT
from chip.protocol.external_send import ExternalSend, decode_external_send

PATH: Final = "/wc/external"
"""What the send URL ends in. The channel's UUID may follow."""
BODY: Final = "id={{id}}&to={{to}}&text={{text}}&channel={{channel}}{{quick_replies}}"
SHORT: Final = 640
"""Bytes, below which common messages take several requests."""
RESPONSE_CHECK: Final = "queued"

_FORM: Final = "application/x-www-form-urlencoded"
_HEADER: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+: [^\x00-\x08\x0a-\x1f\x7f]*", re.ASCII)
"""What can be sent as one."""
_POSTED: Final = ("from", "text")
"""The fields in which Chip tells Courier what a visitor says."""
_RENAMED: Final = {"mo_from_field": "from", "mo_text_field": "text", "mo_date_field": "date"}
"""Keys by which a field is read from another one first, if there is such a one."""
_ANSWER: Final = json.dumps({"status": "queued"}, separators=(",", ":"))
"""What Chip answers to a message that it has taken."""
_SAMPLE: Final = {
    "id": "0191e180-7d60-7000-aded-7d8b151cbd5b",
    "uuid": "0191e180-7d60-7000-aded-7d8b151cbd5b",
    "to": NOBODYS_CHAT.chat_id,
    "to_no_plus": NOBODYS_CHAT.chat_id,
    "text": "",
    "quick_replies": "",
}
"""A message, by the variables that Courier fills in."""


class Fault(NamedTuple):
    """Something that is wrong with a channel. `is_fatal`: no message gets through."""

    text: str
    is_fatal: bool = True
    remedy: str = "That cannot be changed in RapidPro: make another channel"


def faults_of(
    external_uuid: str, config: Mapping[str, Any], *, knows_uuid: bool = True
) -> list[Fault]:
    """What is wrong with an External channel. The texts quote nothing that may be secret.

    `knows_uuid`: whether its Courier fills in ``{{uuid}}``. One of 10.2 leaves it as it is.
    """
    sample = _SAMPLE | {"channel": external_uuid}
    if not knows_uuid:
        del sample["uuid"]
    texts = [
        *_authorization(_text(config, "send_authorization")),
        *_request(external_uuid, config, sample),
        *_headers(config.get("headers", {}), _text(config, "send_authorization")),
        *_response_check(_text(config, "mt_response_check")),
        *_receiving(config),
    ]
    found = [Fault(text) for text in texts]
    length = _text(config, "max_length", "160")
    if length.isdecimal() and len(length) < 10 and int(length) < SHORT:
        text = f"max_length is {length}, so that most messages come in several requests"
        found.append(Fault(text, is_fatal=False))
    return found


def _authorization(authorization: str) -> list[str]:
    if not authorization:
        return ["there is no send_authorization, so nothing is taken from Courier"]
    if not re.fullmatch(r"[!-~]+( +[!-~]+)*", authorization):
        return ["send_authorization has letters that a header cannot carry"]
    return []


def _request(external_uuid: str, config: Mapping[str, Any], sample: Mapping[str, str]) -> list[str]:
    found = []
    method = _text(config, "method", "POST")
    if method != "POST":
        found.append(f"method is {method!r}, not POST")
    content_type = _text(config, "content_type", "urlencoded")
    if content_type != "urlencoded":
        found.append(f"content_type is {content_type!r}, not urlencoded")
    path = None
    try:
        url = urlsplit(_filled(_text(config, "send_url"), sample))
    except ValueError:
        found.append("send_url is no URL")
    else:
        path = re.fullmatch(rf".*{PATH}(/{external_uuid})?/?", url.path)
        if url.scheme not in ("http", "https") or path is None:
            found.append(f"send_url does not end in {PATH}")
    try:
        sent = decode_external_send(_filled(_text(config, "body"), sample).encode())
    except ValueError:
        missing = ["id"]
    else:
        missing = _missing(sent, sample, named_in_path=bool(path and path[1]))
    return found + [f"body lacks {name}={{{{{name}}}}}" for name in missing]


def _missing(sent: ExternalSend, sample: Mapping[str, str], *, named_in_path: bool) -> list[str]:
    channel = sent.channel or (sample["channel"] if named_in_path else "")
    seen = {"id": sent.name.uuid, "to": sent.chat_id, "channel": channel}
    return [name for name, value in seen.items() if value != sample[name]]


def _headers(headers: object, authorization: str) -> list[str]:
    """Courier sets these last, over its own."""
    if not isinstance(headers, dict):
        return ["headers is no object"]
    found = []
    for name, value in headers.items():
        if not _HEADER.fullmatch(f"{name}: {value}"):
            found.append("headers has one that Courier cannot send")
        elif name.lower() == "content-type":
            if str(value).partition(";")[0].strip().lower() != _FORM:
                found.append(f"headers sets another Content-Type than {_FORM}")
        elif name.lower() == "authorization" and str(value).strip() != authorization:
            found.append("headers sets another Authorization than send_authorization")
    return found


def _response_check(wanted: str) -> list[str]:
    if wanted in _ANSWER:
        return []
    return [f"mt_response_check is no part of {_ANSWER}, so that Courier fails what was taken"]


def _receiving(config: Mapping[str, Any]) -> list[str]:
    """What keeps Courier from taking what visitors say as Chip tells it."""
    found = [
        f"{key} is {field!r}, which Chip sends as something else"
        for key, usual in _RENAMED.items()
        if (field := _text(config, key)) in _POSTED and field != usual
    ]
    if _text(config, "from_xpath") and _text(config, "text_xpath"):
        found.append("from_xpath and text_xpath make Courier expect XML where Chip sends a form")
    if _text(config, "mo_response"):
        text = "mo_response takes the place of Courier's answer, by which Chip knows what arrived"
        found.append(text)
    return found


def _filled(template: str, variables: Mapping[str, str]) -> str:
    """The template as Courier fills it in."""
    for name, value in variables.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    return template


def _text(config: Mapping[str, Any], key: str, default: str = "") -> str:
    value = config.get(key)
    return default if value in (None, "") else str(value)
