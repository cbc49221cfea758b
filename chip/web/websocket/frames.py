"""WebSocket frames as bytes: the few that need no protocol machine around them.

Most of what visitors send is one small frame with one whole message in it, and all that Chip sends
is unfragmented text. Reading such a frame here takes a tenth of the time that it takes Autobahn,
which gets everything else.
"""

from typing import Final, NamedTuple

TEXT: Final = 1
BINARY: Final = 2
PING: Final = b"\x89\x00"
"""A whole ping, without a payload."""

EMPTY_PONG: Final = b"\x8a\x80"
"""How the answer to that ping begins; a mask of four bytes follows, and nothing to be masked."""
PONG_LENGTH: Final = 6

_FIN: Final = 0x80
_PONG: Final = 10
_MASKED: Final = 0x80
_MEDIUM: Final = 126
_WHOLE: Final = frozenset({_FIN | TEXT, _FIN | BINARY, _FIN | _PONG})
_SMALL_TEXT_HEADERS: Final = [bytes((_FIN | TEXT, length)) for length in range(_MEDIUM)]


class WholeFrame(NamedTuple):
    """A frame that is a message by itself, or a pong. `end` is where the next frame begins."""

    opcode: int
    payload: bytes
    end: int


def whole_frame(data: bytes, start: int, max_payload: int) -> WholeFrame | None:
    """The frame at `start` if it is all there and plain, else None.

    Plain is: masked, not fragmented, with text, binary data or a pong in it, no longer than
    `max_payload` and 65,535 bytes, in the shortest encoding of its length. What is not plain may
    be wrong, unfinished or merely rare; that is not told apart here.
    """
    if len(data) < start + 6 or data[start] not in _WHOLE:
        return None
    length = data[start + 1] - _MASKED
    mask_at = start + 2
    if length == _MEDIUM and data[start] & 0x0F != _PONG:
        length = int.from_bytes(data[mask_at : mask_at + 2], "big")
        mask_at += 2
        if length < _MEDIUM:
            return None
    elif not 0 <= length < _MEDIUM:
        return None
    payload_at = mask_at + 4
    end = payload_at + length
    if end > len(data) or length > max_payload:
        return None
    payload = _unmask(data[mask_at:payload_at], data[payload_at:end])
    return WholeFrame(data[start] & 0x0F, payload, end)


def _unmask(mask: bytes, payload: bytes) -> bytes:
    # Python's integers are the fastest XOR of bytes that needs no C of one's own.
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")


def text_frame(payload: bytes) -> bytes:
    """`payload` as one text frame from a server."""
    length = len(payload)
    if length < _MEDIUM:
        return _SMALL_TEXT_HEADERS[length] + payload
    if length <= 0xFFFF:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload
