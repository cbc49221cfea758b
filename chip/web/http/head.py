"""The head of an HTTP request, held to RFC 9112 and to the limits, line by line.

Owns which heads are refused. Twisted, which parses them afterwards, takes more: what a proxy may
read in another way than Chip, such as two lengths of a body, a folded header or half a line end,
lets somebody smuggle a second request past the proxy.

    GET /wc/connect/… HTTP/1.1    400: anything else than this, each line ending in CR LF
    Host: chat.example.org        400: none (HTTP/1.1), two, or no host
    Content-Length: 12            400: two, no number, or a Transfer-Encoding besides
    …                             431: more than `handshake_headers`, `handshake_bytes` in all
"""

import re
from typing import Final

from chip.errors import Refused

HOST: Final = rb"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?"
"""What RFC 3986 calls a host and a port; a host may be empty."""

_TOKEN = rb"[\w!#$%&'*+.^`|~-]+"
_TARGET = rb"/[!\"$-~]*|\*|(?i:https?)://%b(?:[/?][!\"$-~]*)?" % HOST
_REQUEST_LINE = re.compile(rb"%b (?:%b) HTTP/1\.(?P<minor>[01])" % (_TOKEN, _TARGET))
_HEADER = re.compile(rb"(?P<name>%b):[ \t]*(?P<value>[\t -~\x80-\xff]*)" % _TOKEN)

_LENGTH = b"content-length"
_CODING = b"transfer-encoding"
# Headers that there may be one of, and what it may say.
_SINGLE: Final = {
    b"host": re.compile(HOST),
    # More digits than any body has, and fewer than Python refuses to read.
    _LENGTH: re.compile(rb"[0-9]{1,18}"),
    _CODING: re.compile(rb"(?i:chunked)"),
}


class BadRequest(Refused):
    """What was sent is no HTTP request."""

    def __init__(self, what: str = "") -> None:
        super().__init__(f"bad request: {what}" if what else "bad request")


class HeadTooLarge(Refused):
    """The head of the request is larger than is read."""

    status = 431

    def __init__(self) -> None:
        super().__init__("the head of the request is too large")


class Head:
    """Checks one head after the other. Its methods raise `Refused`."""

    __slots__ = ("_bytes", "_headers", "_minor", "_most_bytes", "_most_headers", "_single")

    def __init__(self, most_bytes: int, most_headers: int) -> None:
        self._most_bytes = most_bytes
        self._most_headers = most_headers
        self._begin()

    @property
    def size(self) -> int:
        """Bytes of the lines that there are."""
        return self._bytes

    @property
    def has_begun(self) -> bool:
        """Whether there is more than nothing of a head."""
        return bool(self._minor)

    def line(self, line: bytes) -> None:
        """A line, without its end."""
        self._check(line)
        self._bytes += len(line) + len(b"\r\n")
        if not self._minor:
            # A blank line before a request is forgiven; Twisted does so once.
            if line:
                self._request_line(line)
        elif line:
            self._header(line)
        else:
            self._end()

    def unfinished_line(self, part: bytes) -> None:
        """The beginning of a line, as far as it is there."""
        self._check(part.removesuffix(b"\r"))

    def _begin(self) -> None:
        self._bytes = 0
        self._headers = 0
        self._minor = b""
        self._single: set[bytes] = set()

    def _check(self, line: bytes) -> None:
        if self._bytes + len(line) > self._most_bytes:
            raise HeadTooLarge
        if b"\n" in line or b"\r" in line:
            raise BadRequest("lines end in CR LF")

    def _request_line(self, line: bytes) -> None:
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise BadRequest("the request line is malformed")
        self._minor = match["minor"]

    def _header(self, line: bytes) -> None:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise BadRequest("a header line is malformed")
        self._headers += 1
        if self._headers > self._most_headers:
            raise HeadTooLarge
        name = match["name"].lower()
        allowed = _SINGLE.get(name)
        if allowed is None:
            return
        if name in self._single:
            raise BadRequest(f"more than one {name.decode()}")
        if not allowed.fullmatch(match["value"].rstrip(b" \t")):
            raise BadRequest(f"{name.decode()} is malformed")
        self._single.add(name)

    def _end(self) -> None:
        if self._minor == b"1" and b"host" not in self._single:
            raise BadRequest("no host")
        if _CODING in self._single and (_LENGTH in self._single or self._minor == b"0"):
            raise BadRequest("transfer-encoding has no place here")
        self._begin()
