"""Visitors by the thousand: the leanest WebSocket client that the measurements can do with.

Owns the client's side of RFC 6455 as far as a well-behaved server needs it, on an asyncio protocol
without streams or tasks. Does not check what the server does; the tests do.
"""

import asyncio
import itertools
import struct
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

Heard = Callable[[bytes], None]

_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Origin: https://website.example\r\n{forwarded}\r\n"
)
# A key of zeros is as good as any other, and masking with it is no work for the client; the
# server cannot know, and unmasks.
_MASK = b"\0\0\0\0"
_PORTS = 20_000
_called = itertools.count()
_PING = 0x89
_CLOSE = 0x88


def _nothing(_: bytes) -> None:
    """Nobody listens."""


class GoneError(Exception):
    """The server has closed the connection, or has not let us in."""


class Visitor(asyncio.Protocol):
    """One connection. `heard` is called with each text frame's payload."""

    __slots__ = ("_data", "_opened", "_transport", "_waiter", "chat_id", "gone", "heard")

    def __init__(self, handshake: bytes) -> None:
        self._data = handshake
        self._opened = False
        self._waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport
        self.chat_id = ""
        self.gone = False
        self.heard: Heard = _nothing

    # From asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._data)
        self._data = b""

    def data_received(self, data: bytes) -> None:
        data = self._data + data if self._data else data
        at, end = 0, len(data)
        if not self._opened:
            head = data.find(b"\r\n\r\n")
            if head < 0:
                self._data = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self._transport.abort()
                return
            at, self._opened = head + 4, True
            self._waiter.set_result(b"")
        while end - at >= 2:
            length, begin = data[at + 1], at + 2
            if length == 126:
                begin = at + 4
                if end < begin:
                    break
                length = int.from_bytes(data[at + 2 : begin])
            elif length == 127:
                begin = at + 10
                if end < begin:
                    break
                length = int.from_bytes(data[at + 2 : begin])
            if end - begin < length:
                break
            self._frame(data[at], data[begin : begin + length])
            at = begin + length
        self._data = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        if not self._waiter.done():
            self._waiter.set_exception(GoneError())

    def _frame(self, first: int, payload: bytes) -> None:
        if first == _PING:
            self._transport.write(b"\x8a" + bytes([0x80 | len(payload)]) + _MASK + payload)
        elif first == _CLOSE:
            self._transport.abort()
        elif not self._waiter.done():
            self._waiter.set_result(payload)
        else:
            self.heard(payload)

    # For the measurements.

    async def opened(self) -> None:
        """Return once the connection is a WebSocket. Raises GoneError."""
        await self._waiter

    def send(self, payload: bytes) -> None:
        """Send a text frame."""
        self._transport.write(masked(payload))

    def send_frames(self, frames: bytes) -> None:
        """Send what `masked` has made, at once."""
        self._transport.write(frames)

    async def ask(self, payload: bytes) -> bytes:
        """Send a text frame, and return the next frame that comes. Raises GoneError."""
        if self.gone:
            raise GoneError
        self._waiter = asyncio.get_running_loop().create_future()
        self.send(payload)
        return await self._waiter

    def vanish(self) -> None:
        """Reset the connection: nothing of it stays behind in the kernel."""
        self._transport.abort()


def masked(payload: bytes) -> bytes:
    """A text frame as a client sends it."""
    length = len(payload)
    if length < 126:
        return b"\x81" + bytes([0x80 | length]) + _MASK + payload
    return b"\x81\xfe" + struct.pack(">H", length) + _MASK + payload


async def connect(url: str, address: str = "") -> Visitor:
    """Open a WebSocket at ``http://host:port/path``, from where a proxy says `address` is. Raises
    GoneError or OSError."""
    parts = urlsplit(url)
    forwarded = f"X-Forwarded-For: {address}\r\n" if address else ""
    handshake = _HANDSHAKE.format(
        path=parts.path or "/", host=parts.netloc, forwarded=forwarded
    ).encode()
    loop = asyncio.get_running_loop()
    # One address has about 28,000 ports to call from.
    source = f"127.0.{1 + next(_called) // _PORTS % 200}.1"
    _, visitor = await loop.create_connection(
        lambda: Visitor(handshake),
        parts.hostname or "",
        parts.port or 80,
        local_addr=(source, 0),
    )
    await visitor.opened()
    return visitor


async def begin(url: str, address: str = "") -> Visitor:
    """Connect and start a chat. Raises GoneError, or ValueError with what came instead."""
    visitor = await connect(url, address)
    event = await visitor.ask(b'{"type":"start_chat"}')
    if not event.startswith(b'{"type":"chat_started","chat_id":"'):
        raise ValueError(event.decode())
    visitor.chat_id = event[34:58].decode()
    return visitor


async def resume(url: str, address: str, chat_id: str) -> Visitor:
    """Connect and come back into a chat. Raises GoneError, or ValueError with what came instead."""
    visitor = await connect(url, address)
    event = await visitor.ask(b'{"type":"start_chat","chat_id":"%s"}' % chat_id.encode())
    if not event.startswith(b'{"type":"chat_resumed"'):
        raise ValueError(event.decode())
    visitor.chat_id = chat_id
    return visitor


async def in_parallel(works: Iterable[Awaitable[T]], parallel: int) -> list[T]:
    """The results of all works, in their order, so many under way at a time."""
    pending = iter(list(enumerate(works)))
    results: dict[int, T] = {}

    async def work() -> None:
        for place, one in pending:
            results[place] = await one

    await asyncio.gather(*(work() for _ in range(parallel)))
    return [results[place] for place in range(len(results))]
