"""Courier's sends: POSTs over a fixed number of kept-alive connections.

Owns HTTP as far as a POST with a short answer needs it, and when to send. Knows nothing of chats.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit


class Poster(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._data = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def post(self, request: bytes) -> "asyncio.Future[int]":
        """Send a whole request; the status of its answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found:
            return
        _, _, rest = head.lower().partition(b"\r\ncontent-length:")
        if len(body) < int(rest.partition(b"\r\n")[0]):
            return
        self._data = b""
        if self._answer and not self._answer.done():
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    def close(self) -> None:
        """Reset the connection."""
        self._transport.abort()


class Posters:
    """At most so many connections to one server, opened when they are needed.

    Whoever posts takes a free one, or waits.
    """

    def __init__(self, url: str, connections: int) -> None:
        self._host = urlsplit(url).netloc
        self._may_open = connections
        self._all: list[Poster] = []
        self._free: asyncio.LifoQueue[Poster] = asyncio.LifoQueue()

    async def _poster(self) -> Poster:
        if not self._free.empty() or not self._may_open:
            return await self._free.get()
        self._may_open -= 1
        host, port = self._host.split(":")
        _, poster = await asyncio.get_running_loop().create_connection(Poster, host, int(port))
        self._all.append(poster)
        return poster

    def request(self, path: str, body: bytes) -> bytes:
        """A POST as bytes, made before it has to go."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: Courier\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Accept-Encoding: gzip\r\n\r\n"
        )
        return head.encode() + body

    async def post(self, request: bytes) -> None:
        """Send, and wait for the answer. Raises ValueError when it is not 200."""
        poster = await self._poster()
        status = await poster.post(request)
        self._free.put_nowait(poster)
        if status != 200:
            raise ValueError(f"answered {status}")

    def close(self) -> None:
        """Close all connections."""
        for poster in self._all:
            poster.close()


async def at_rate(rate: float, count: int, act: Callable[[int, float], None]) -> None:
    """Call `act` with 0 to `count` - 1, so many a second, and with the time it was due at.

    A thread keeps the time: asyncio's own timers are late by up to a millisecond.
    """
    loop = asyncio.get_running_loop()
    begin = time.perf_counter() + 0.05
    done = loop.create_future()

    def keep_time() -> None:
        for number in range(count):
            due = begin + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            loop.call_soon_threadsafe(act, number, due)
        loop.call_soon_threadsafe(done.set_result, None)

    thread = threading.Thread(target=keep_time, daemon=True)
    thread.start()
    await done
