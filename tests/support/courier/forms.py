"""Reading the forms that are posted to an External channel, as Go's `ParseForm` does.

A JSON body is no form: nothing is read from it.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from urllib.parse import parse_qsl

from .answers import RefusedError
from .http import Request

_MOST_BYTES = 10 << 20
_NOT_UTF8 = re.compile("[\udc80-\udcff]+")


def form_of(request: Request) -> dict[str, str]:
    """Return the first value of each field, those in the body before those in the URL.

    Raises RefusedError.
    """
    kind = request.header("content-type")
    pairs = []
    if kind.lower().startswith("multipart/form-data"):
        pairs = _multipart(kind, request.body)
    elif kind.lower().startswith("application/x-www-form-urlencoded"):
        if len(request.body) > _MOST_BYTES:
            raise RefusedError("invalid request: http: POST too large")
        pairs = _urlencoded(request.body.decode(errors="surrogateescape"))
    pairs += _urlencoded(request.query)
    return {name: _clean(value) for name, value in reversed(pairs)}


def _urlencoded(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, errors="surrogateescape")


def _multipart(kind: str, body: bytes) -> list[tuple[str, str]]:
    parts = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            bytes(part.get_payload(decode=True)).decode(errors="surrogateescape"),
        )
        for part in parts.walk()
        if not part.is_multipart()
    ]


def _clean(value: str) -> str:
    """Return it as PostgreSQL takes it: without NULs, and one U+FFFD for what is not UTF-8."""
    return _NOT_UTF8.sub("\ufffd", value).replace("\0", "")
