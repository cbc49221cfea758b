"""WebSocket frames as bytes: all that Chip sends, and the answer to its pings.

What Chip sends is unfragmented text, pings without a payload, and the close and pong frames that
Autobahn makes. Autobahn reads what comes in, but for one thing: see `EMPTY_PONG`.
"""

from typing import Final

PING: Final = b"\x89\x00"
"""A whole ping, without a payload."""

EMPTY_PONG: Final = b"\x8a\x80"
"""How the answer to that ping begins; a mask of four bytes follows, and nothing to be masked."""
PONG_LENGTH: Final = 6

_TEXT: Final = 0x81
_MEDIUM: Final = 126
_SMALL_TEXT_HEADERS: Final = [bytes((_TEXT, length)) for length in range(_MEDIUM)]


def text_frame(payload: bytes) -> bytes:
    """`payload` as one text frame from a server."""
    length = len(payload)
    if length < _MEDIUM:
        return _SMALL_TEXT_HEADERS[length] + payload
    if length <= 0xFFFF:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload
