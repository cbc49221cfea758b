"""A server that breaks a promise: the real one, behind a proxy that gets something wrong.

    kit ── command, request ──▶ WrongServer ──▶ Chip ──▶ WrongCourier ──▶ the kit as Courier
    kit ◀── event, answer ───── WrongServer ◀── Chip

A `Wrong` says what is got wrong. Several wrong servers stand before one Chip, whose Courier is one:
`WrongCourier` knows by the chat which of them a request belongs to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import h11

from chip_conformance.broken import Broken
from chip_conformance.courier import HANG_UP
from chip_conformance.http import Answer, Request, ask, serving
from tests.conformance.frames import CLOSE, Frame, read_frame, text

Event = dict[str, Any]


@dataclass
class Wrong:
    """What a server gets wrong. Each of these is given something on its way, and returns what goes
    on in its place: one thing, or for commands, events and what Courier is told any number.

    `told` may return an answer instead, which Courier is then not asked for.
    """

    request: Callable[[Request], Request | Answer] = lambda request: request
    answer: Callable[[WrongServer, Request, Answer], Answer] = lambda _, __, answer: answer
    frame: Callable[[Line, Frame], Iterable[Frame]] = lambda _, frame: [frame]
    command: Callable[[Line, Event], Iterable[Event]] = lambda _, command: [command]
    event: Callable[[Line, Event], Iterable[Event]] = lambda _, event: [event]
    close: Callable[[int], int | None] = lambda code: code
    told: Callable[[WrongServer, Request], Iterable[Request] | Answer] = lambda _, told: [told]
    heard: Callable[[WrongServer, Request, Answer], Answer] = lambda _, __, heard: heard


@dataclass(eq=False)
class Line:
    """One visitor's connection. `memory` is for whatever a `Wrong` wants to remember."""

    server: WrongServer
    writer: asyncio.StreamWriter
    upstream: asyncio.StreamWriter
    chat: str = ""
    memory: dict[str, Any] = field(default_factory=dict)

    def tells(self, event: Event) -> None:
        """Send an event that Chip did not send."""
        self.writer.write(text(event).packed())

    def says(self, command: Event) -> None:
        """Send a command that the visitor did not send."""
        self.upstream.write(text(command)._replace(masked=True).packed())

    def drop(self) -> None:
        """End the connection without a word."""
        self.writer.transport.abort()


class WrongServer:
    """One wrong server, listening at `url`. `courier` is where the kit's Courier is."""

    def __init__(self, wrong: Wrong, port: int, courier: str) -> None:
        self.wrong = wrong
        self.lines: list[Line] = []
        self.chats: set[str] = set()
        self.memory: dict[str, Any] = {}
        self.url = ""
        self._port = port
        self._courier = courier
        self._tasks: set[asyncio.Task[Any]] = set()

    @contextlib.asynccontextmanager
    async def serving(self):
        """Listen for as long as this lasts."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for line in self.lines:
                line.drop()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def tell_courier(self, request: Request) -> None:
        """Tell Courier what Chip does not."""
        self._start(ask(self._courier, request))

    def _start(self, work) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _talk(self, reader, writer) -> None:
        # What asyncio started must not be cancelled: it would say so on the console.
        await asyncio.wait([self._start(self._serve(reader, writer))])
        writer.close()

    async def _serve(self, reader, writer) -> None:
        with contextlib.suppress(OSError, EOFError, h11.RemoteProtocolError):
            await self._pass_on(reader, writer)

    async def _pass_on(self, reader, writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        parser = h11.Connection(h11.SERVER)
        parser.receive_data(head)
        asked = parser.next_event()
        headers = {name.decode(): value.decode() for name, value in asked.headers}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(asked.method.decode(), asked.target.decode(), headers, body)
        self.chats |= _chats(request)
        sent = self.wrong.request(request)
        if isinstance(sent, Answer):
            writer.write(_packed(sent))
            return
        theirs, upstream = await asyncio.open_connection("127.0.0.1", self._port)
        with contextlib.closing(upstream):
            upstream.write(_asking(sent))
            answer = await _read_answer(theirs, sent.method)
            answer = self.wrong.answer(self, request, answer)
            writer.write(_packed(answer))
            if answer.status == 101:
                await self._relay(Line(self, writer, upstream), reader, theirs)

    async def _relay(self, line: Line, reader, theirs) -> None:
        self.lines.append(line)
        ways = [self._start(self._commands(line, reader)), self._start(self._events(line, theirs))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        self.lines.remove(line)

    async def _commands(self, line: Line, reader) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                for frame in self.wrong.frame(line, await read_frame(reader)):
                    for each in _each(frame, lambda said: self.wrong.command(line, said)):
                        line.upstream.write(each.packed())

    async def _events(self, line: Line, theirs) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                frame = await read_frame(theirs)
                if frame.opcode == CLOSE:
                    code = self.wrong.close(int.from_bytes(frame.payload[:2], "big"))
                    if code is None:
                        line.drop()
                        return
                    frame = frame._replace(payload=code.to_bytes(2, "big") + frame.payload[2:])
                event = frame.json or {}
                if "chat_id" in event:
                    line.chat = event["chat_id"]
                    self.chats.add(line.chat)
                for each in _each(frame, lambda said: self.wrong.event(line, said)):
                    line.writer.write(each.packed())


def _each(frame: Frame, change: Callable[[Event], Iterable[Event]]) -> Iterable[Frame]:
    said = frame.json
    return [frame] if said is None else [frame.saying(each) for each in change(said)]


class WrongCourier:
    """What stands before the kit's Courier, at `port`. `everybody` gets the requests for chats that
    no server knows yet."""

    def __init__(self, courier: str) -> None:
        self.servers: list[WrongServer] = []
        self.everybody: WrongServer | None = None
        self.courier = courier

    def serving(self, port: int):
        """Listen for as long as this lasts."""
        return serving("127.0.0.1", port, self._handle)

    async def _handle(self, request: Request) -> Answer | None:
        about = _chats(request)
        found = (server for server in self.servers if server.chats & about)
        server = next(found, self.everybody)
        told = server.wrong.told(server, request) if server else [request]
        if isinstance(told, Answer):
            return told
        heard = HANG_UP
        for each in told:
            with contextlib.suppress(OSError, Broken):
                heard = await ask(self.courier, each)
        if server:
            heard = server.wrong.heard(server, request, heard)
        return None if heard.status == 0 else heard


def _chats(request: Request) -> set[str]:
    """The chats, and the names of messages, that a request between Courier and Chip is about."""
    if request.method != "POST":
        return set()
    try:
        body = json.loads(request.body)
    except ValueError:
        fields = parse_qs(request.body.decode(errors="replace"))
        return {value for name in ("to", "id", "from") for value in fields.get(name, [])}
    return {str(body.get("chat_id"))} if isinstance(body, dict) else set()


def _asking(request: Request) -> bytes:
    headers = {**request.headers, "content-length": str(len(request.body))}
    if "upgrade" not in headers:
        headers["connection"] = "close"
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + request.body


async def _read_answer(reader: asyncio.StreamReader, method: str) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split()[1])
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    del headers[""]
    length = 0 if method == "HEAD" or status == 101 else int(headers.get("content-length", 0))
    return Answer(status, await reader.readexactly(length), headers)


def _packed(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} Whatever"]
    headers = {**answer.headers}
    if answer.status != 101:
        headers |= {"content-length": str(len(answer.body)), "connection": "close"}
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + answer.body
