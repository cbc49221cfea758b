"""The little HTTP that the stand-in Courier needs: a keep-alive server and a client, by asyncio.

Owns bytes on connections and knows nothing of what is asked or answered. Written by hand because
the benchmark runs it on the same two cores as the server that it measures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

_END = b"\r\n\r\n"


@dataclass(slots=True)
class Request:
    """`path` is without the query; `head` is everything before the body, as it came."""

    method: str
    path: str
    body: bytes
    connection: int
    query: str = ""
    head: str = ""

    def header(self, name: str) -> str:
        """Return a header's value, empty when there is none; `name` is in lower case."""
        return _header(self.head, name)


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        """Return a header's value, empty when there is none; `name` is in lower case."""
        return next((value for key, value in self.headers.items() if key.lower() == name), "")

    @classmethod
    def of(cls, status: int, content: Any) -> Answer:
        """Return an answer with JSON in it."""
        return cls(status, json.dumps(content).encode())

    def encode(self) -> bytes:
        reason = HTTPStatus(self.status).phrase
        head = f"HTTP/1.1 {self.status} {reason}\r\nContent-Length: {len(self.body)}\r\n"
        if "Content-Type" not in self.headers:
            head += "Content-Type: application/json\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return head.encode() + b"\r\n" + self.body


# None hangs up instead of answering.
Handler = Callable[[Request], Awaitable[Answer | None]]


class Server:
    """A port, and all connections to it."""

    def __init__(self, handler: Handler, port: int, host: str = "127.0.0.1") -> None:
        self.handler = handler
        self.port = port
        self.host = host
        self.connections: set[_Connection] = set()
        self.accepted = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def listen(self) -> None:
        """Accept connections, if it does not yet."""
        if self._listener is None:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(
                lambda: _Connection(self), self.host, self.port, backlog=1024
            )

    def go_deaf(self) -> None:
        """Stop listening and reset every open connection."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in list(self.connections):
            connection.transport.abort()


class _Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self.server = server
        self.number = 0
        self.data = b""
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.accepted += 1
        self.number = self.server.accepted
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self.data += data
        if not self.busy:
            self._take()

    def _take(self) -> None:
        """Hand over the next request, once it is here as a whole."""
        end = self.data.find(_END)
        if end < 0:
            return
        head = self.data[:end].decode("latin-1")
        begin = end + len(_END)
        length = _content_length(head)
        if len(self.data) < begin + length:
            return
        body = self.data[begin : begin + length]
        self.data = self.data[begin + length :]
        method, target, _ = head.split(" ", 2)
        path, _, query = target.partition("?")
        self.busy = True
        request = Request(method, path, body, self.number, query, head)
        task = asyncio.create_task(self._answer(request))
        self.server.tasks.add(task)
        task.add_done_callback(self.server.tasks.discard)

    async def _answer(self, request: Request) -> None:
        answer = await self.server.handler(request)
        if answer is None:
            self.transport.abort()
            return
        self.transport.write(answer.encode())
        self.busy = False
        if self.data:
            self._take()


def _header(head: str, name: str) -> str:
    begin = head.lower().find(f"\r\n{name}:")
    return "" if begin < 0 else head[begin + len(name) + 3 :].partition("\r\n")[0].strip()


def _content_length(head: str) -> int:
    return int(_header(head, "content-length") or 0)


class Client:
    """Asks over kept-alive connections. Raises OSError or TimeoutError without an answer."""

    def __init__(self, timeout: float = 30.0) -> None:
        self.timeout = timeout
        self._idle: dict[str, list[_Streams]] = {}

    async def post(self, url: str, body: bytes) -> Answer:
        """Post JSON; return the answer, however bad its status."""
        return await self.request("POST", url, {"Content-Type": "application/json"}, body)

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """Return the answer, however bad its status."""
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        head = f"{method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if body or method != "GET":
            head += f"Content-Length: {len(body)}\r\n"
        data = f"{head}\r\n".encode() + body
        idle = self._idle.setdefault(parts.netloc, [])
        async with asyncio.timeout(self.timeout):
            while idle:
                # A connection that was closed meanwhile never took the request.
                reused = idle.pop()
                if not reused.reader.at_eof():
                    return await self._exchange(reused, idle, data)
                reused.writer.close()
            host, port = parts.hostname or "", parts.port or 80
            fresh = _Streams(*await asyncio.open_connection(host, port))
            return await self._exchange(fresh, idle, data)

    async def let_go(self) -> None:
        """Close the connections that are kept for the next request; they are closed by then."""
        for idle in self._idle.values():
            while idle:
                writer = idle.pop().writer
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _exchange(self, streams: _Streams, idle: list[_Streams], data: bytes) -> Answer:
        try:
            streams.writer.write(data)
            head = (await streams.reader.readuntil(_END)).decode("latin-1")
            body = await streams.reader.readexactly(_content_length(head))
        except asyncio.IncompleteReadError:
            streams.writer.close()
            raise ConnectionResetError("closed without an answer") from None
        except BaseException:
            streams.writer.close()
            raise
        lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        if headers.get("Connection", "").lower() == "close":
            streams.writer.close()
        else:
            idle.append(streams)
        return Answer(int(lines[0].split(" ")[1]), body, headers)


@dataclass(slots=True)
class _Streams:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
