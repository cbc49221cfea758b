"""The WebSocket opening handshake of RFC 6455, server's side, over headers already parsed.

    → GET /wc/connect/{channel} HTTP/1.1
      Upgrade: websocket
      Connection: Upgrade
      Sec-WebSocket-Version: 13
      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
    ← HTTP/1.1 101 Switching Protocols
      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=

No subprotocol and no extension is ever agreed on; a client that offers some is served without.
Autobahn could do this, but would parse the whole request a second time, by lines that end where
its sender likes: it splits at the bytes 0b 0c 1c 1d 1e 85 too.
"""

import base64
import hashlib
import re
from typing import Final

from twisted.web.http_headers import Headers

UPGRADE: Final = ((b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"))
"""The headers of 426: what is expected of whoever asks without an upgrade."""

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_VERSION = b"13"


class BrokenUpgradeError(Exception):
    """The headers ask for an upgrade, but not for one that can be given. The text says why."""


def wants_upgrade(headers: Headers) -> bool:
    """Whether this is meant to be a handshake at all."""
    return headers.hasHeader(b"Upgrade")


def switching_protocols(method: bytes, version: bytes, headers: Headers, server: bytes) -> bytes:
    """The 101 answer to a good handshake, whole. Raises BrokenUpgradeError."""
    if method != b"GET" or version != b"HTTP/1.1":
        raise BrokenUpgradeError("an upgrade takes GET and HTTP/1.1")
    if b"websocket" not in _tokens(headers, b"Upgrade"):
        raise BrokenUpgradeError("Upgrade must be websocket")
    if b"upgrade" not in _tokens(headers, b"Connection"):
        raise BrokenUpgradeError("Connection must include Upgrade")
    if headers.getRawHeaders(b"Sec-WebSocket-Version") != [_VERSION]:
        raise BrokenUpgradeError("Sec-WebSocket-Version must be 13")
    keys = headers.getRawHeaders(b"Sec-WebSocket-Key") or []
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise BrokenUpgradeError("Sec-WebSocket-Key must be 16 bytes in Base64")
    accept = base64.b64encode(hashlib.sha1(keys[0] + _MAGIC, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nServer: %b\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n" % (server, accept)
    )


def _tokens(headers: Headers, name: bytes) -> list[bytes]:
    values = headers.getRawHeaders(name) or []
    return [token.strip(b" \t").lower() for value in values for token in value.split(b",")]
