"""WebSocket frames as they are on the wire, read and written without being understood."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

TEXT, BINARY, CLOSE = 1, 2, 8
_FIN = 0x80


class Frame(NamedTuple):
    """One frame. `first` is its first byte: FIN, reserved bits and opcode."""

    first: int
    payload: bytes
    masked: bool

    @property
    def opcode(self) -> int:
        return self.first & 0x0F

    @property
    def json(self) -> Any:
        """What a whole message says, None where it is none, or no object."""
        if self.opcode not in (TEXT, BINARY) or not self.first & _FIN:
            return None
        try:
            said = json.loads(self.payload)
        except (ValueError, RecursionError):
            return None
        return said if isinstance(said, dict) else None

    def saying(self, value: Any) -> Frame:
        """The same kind of frame with other words."""
        return self._replace(payload=json.dumps(value).encode())

    def packed(self) -> bytes:
        """Its bytes; the mask is all zeros."""
        length, mask = len(self.payload), _FIN if self.masked else 0
        if length < 126:
            head = bytes((self.first, mask | length))
        elif length <= 0xFFFF:
            head = bytes((self.first, mask | 126)) + length.to_bytes(2, "big")
        else:
            head = bytes((self.first, mask | 127)) + length.to_bytes(8, "big")
        return head + (bytes(4) if self.masked else b"") + self.payload


def text(value: Any) -> Frame:
    """An event as a server sends it."""
    return Frame(_FIN | TEXT, b"", False).saying(value)


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """The next frame. Raises IncompleteReadError at the end."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    mask = await reader.readexactly(4) if second & _FIN else b""
    payload = await reader.readexactly(length)
    if mask:
        repeated = (mask * (length // 4 + 1))[:length]
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(
            length, "big"
        )
    return Frame(first, payload, bool(mask))
