"""A server that only remembers what the web layer did with it, and a whole site around it.

server = FakeChatServer()
site = build_site(server, clock)
server.sessions[0].received        [b'{"type":"ping"}', …]
server.sessions[0].client.send(b"…")
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from chip.chat.inbound import WrongSecret
from chip.limits import Limits
from chip.models import Channel, ChatKey
from chip.web.availability import AvailabilityHandler
from chip.web.connect import Connections, VisitorConnection
from chip.web.http.addresses import Addresses
from chip.web.send import SendHandler
from chip.web.site import Site

CHANNEL = "7d62d551-3030-4100-a260-2d7c4e9693e7"
UNKNOWN = "00000000-3030-4100-a260-2d7c4e9693e7"
CHAT = ChatKey("65vbbDAQCdPdEWlEhDGy4utO", CHANNEL)


class FakeSession:
    """What came in on one connection. `starts` makes every first message start a chat."""

    def __init__(self, client: VisitorConnection, starts: bool) -> None:
        self.client = client
        self.frames: list[bytes] = []
        self.chat: ChatKey | None = None
        self.commands = self.pings = self.errors = self.events_sent = 0
        self.closes = 0
        self._starts = starts

    def received(self, frame: bytes) -> None:
        self.commands += 1
        self.frames.append(frame)
        if self._starts:
            self.chat = CHAT

    def closed(self) -> None:
        self.closes += 1


class FakeLookups:
    """Knows one channel. `trouble` is raised instead; `waits` are answered when the test says."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.wait: Deferred[None] | None = None

    async def channel(self, uuid: str, *, asker: str | None = None) -> Channel | None:
        if self.wait is not None:
            await self.wait
        if self.trouble is not None:
            raise self.trouble
        return Channel(uuid, 1, "sesame") if uuid == CHANNEL else None


class FakeChatServer:
    """Sessions in the order of their opening, and the bodies of sends."""

    def __init__(self, starts: bool = True) -> None:
        self.lookups = FakeLookups()
        self.sessions: list[FakeSession] = []
        self.sends: list[tuple[str, bytes]] = []
        self.send_trouble: Exception | None = None
        self._starts = starts

    def open(self, channel: Channel, client: VisitorConnection) -> FakeSession:
        session = FakeSession(client, self._starts)
        self.sessions.append(session)
        return session

    @property
    def inbound(self) -> FakeChatServer:
        return self

    async def accept(
        self, channel_uuid: str, body: bytes, asker: str | None, proven: Callable[[], object]
    ) -> None:
        if not isinstance(self.send_trouble, WrongSecret):
            proven()
        if self.send_trouble is not None:
            raise self.send_trouble
        self.sends.append((channel_uuid, body))

    async def accept_external(
        self, external_uuid: str, authorization: str, body: bytes, *more: Any
    ) -> None:
        await self.accept(f"{external_uuid} {authorization}", body, *more)


class Counts:
    """An observer that keeps everything it is told."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.codes: list[int] = []
        self.statuses: list[int] = []
        self.cuts: list[str] = []

    def connection(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    def closed(self, code: int) -> None:
        self.codes.append(code)

    def cut(self, why: str) -> None:
        self.cuts.append(why)

    def send(self, status: int) -> None:
        self.statuses.append(status)


def build_site(
    server: Any,
    clock: Any,
    limits: Limits | None = None,
    *,
    trusted: tuple[str, ...] = (),
    allowed_origins: tuple[str, ...] = ("*",),
    own_origin: str = "",
    observer: Any = None,
    availability: Any = None,
    **site_options: Any,
) -> Site:
    """The whole web layer on `server`, with whatever options a test is about."""
    limits = limits or Limits()
    connections = Connections(
        clock=clock,
        chat_server=server,
        limits=limits,
        allowed_origins=allowed_origins,
        own_origin=own_origin,
        observer=observer,
    )
    return Site(
        clock=clock,
        limits=limits,
        connections=connections,
        sends=SendHandler(clock, server, limits, observer),
        availability=AvailabilityHandler(clock, server, limits, availability),
        addresses=Addresses(trusted),
        observer=observer,
        **site_options,
    )


class Listener:
    """A site with a clock, and whoever connects."""

    def __init__(self, limits: dict[str, Any] | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.server = FakeChatServer()
        self.site = build_site(
            self.server,
            self.clock,
            msgspec.structs.replace(Limits(), **(limits or {})),
            **options,
        )

    def connects(self, host: str = "192.0.2.7") -> Wire:
        return Wire(self.site, host)

    def asked(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """The answer to one request on a connection of its own."""
        wire = self.connects()
        wire.says(request(path, method, **headers))
        return wire.answer()


@implementer(IPushProducer)
class Wire:
    """An in-memory TCP connection to a site, and the peer at its other end.

        peer = Wire(site)
        peer.says(request("/"))
        assert peer.answer().status == 200

    `peer` is a host, or an address of Twisted's. `has_ended` is whether the peer has seen the end,
    though it is still read from. The transport is full from `fill` until `drain`,
    as a real one is whose peer does not read.
    """

    disconnecting = False

    def __init__(self, factory: Any, peer: Any = None) -> None:
        self.out = bytearray()
        self.is_open = True
        self.has_ended = False
        self.was_reset = False
        self.reading = True
        self.full = False
        self.producer: Any = None
        self._producer_paused = False
        self._peer = _address(peer or "192.0.2.7")
        protocol = factory.buildProtocol(self._peer)
        if protocol is None:
            self.is_open = False
        else:
            self.protocol = protocol
            protocol.makeConnection(self)

    # The peer's side.

    def says(self, *data: bytes) -> None:
        """Send bytes, each argument in a packet of its own."""
        for packet in data:
            if not self.reading:
                raise AssertionError("the server does not read")
            self.protocol.dataReceived(packet)

    def upgrades(self, channel: str = CHANNEL, **headers: str | None) -> Answer:
        """Ask for a WebSocket. Header names have underscores here; None leaves one out."""
        self.says(request(f"/wc/connect/{channel}", **{**UPGRADE, **headers}))
        return self.answer()

    def leaves(self, reason: Exception | None = None) -> None:
        """Go without a word."""
        self._end(reason or ConnectionDone())

    def answer(self) -> Answer:
        """Take the next HTTP answer, which must be complete."""
        head, _, rest = bytes(self.out).partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", 0))
        status = int(lines[0].split()[1])
        self.out[:] = rest[length:]
        return Answer(status, headers, rest[:length])

    def frames(self) -> list[tuple[int, bytes]]:
        """Take the WebSocket frames that have come, as opcode and payload."""
        found = []
        while self.out:
            length, at = self.out[1], 2
            if length >= 126:
                size = 2 if length == 126 else 8
                length, at = int.from_bytes(self.out[2 : 2 + size], "big"), 2 + size
            found.append((self.out[0] & 0x0F, bytes(self.out[at : at + length])))
            del self.out[: at + length]
        return found

    def close_code(self) -> int | None:
        """The code of the close frame that has come, if any."""
        for opcode, payload in self.frames():
            if opcode == 8:
                return int.from_bytes(payload[:2], "big")
        return None

    def fill(self) -> None:
        """Read no more: what is written from now on stays with the server."""
        self.full = True

    def drain(self) -> None:
        """Read again, everything there is, until the server has nothing left."""
        self.full = False
        while self._producer_paused:
            self._producer_paused = False
            self.producer.resumeProducing()

    # The transport's side.

    def write(self, data: bytes) -> None:
        if not self.is_open:
            return
        self.out += data
        if self.full and self.producer and not self._producer_paused:
            self._producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: list[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        self.disconnecting = True
        self.reading = False
        if not self.full:
            self._end(ConnectionDone())

    def loseWriteConnection(self) -> None:
        self.has_ended = True

    def abortConnection(self) -> None:
        self.was_reset = self.is_open
        self._end(ConnectionAborted())

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = self.is_open and not self.disconnecting

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def getPeer(self) -> Any:
        return self._peer

    def getHost(self) -> Any:
        return IPv4Address("TCP", "192.0.2.1", 8070)

    def _end(self, reason: Exception) -> None:
        if self.is_open:
            self.is_open = self.reading = False
            self.producer = None
            protocol = self.protocol
            del self.protocol
            protocol.connectionLost(Failure(reason))


def _address(peer: Any) -> Any:
    if not isinstance(peer, str):
        return peer
    kind = IPv6Address if ":" in peer else IPv4Address
    return kind("TCP", peer, 4242)


class Answer(NamedTuple):
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def is_refused(wire: Wire, status: int = 400, error: str = "bad request") -> bool:
    """Whether the answer is JSON that any page may read, and the connection soon closed."""
    answer = wire.answer()
    assert answer.status == status
    assert answer.json["error"].startswith(error)
    assert answer.headers["connection"] == "close"
    assert answer.headers["access-control-allow-origin"] == "*"
    wire.protocol.owner.clock.advance(0.6)
    return not (wire.is_open or wire.was_reset or wire.out)


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def request(
    path: str,
    method: str = "GET",
    body: bytes = b"",
    version: str = "1.1",
    host: str = "chat.example.org",
    **headers: str | None,
) -> bytes:
    """An HTTP request. Header names have underscores here; None leaves one out."""
    lines = [f"{method} {path} HTTP/{version}", f"Host: {host}"]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    lines += [
        f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value is not None
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def masked(payload: bytes = b"", opcode: int = 1, fin: bool = True, mask: bytes = b"mask") -> bytes:
    """A client's frame."""
    length = len(payload)
    if length < 126:
        head = bytes((opcode | 0x80 * fin, 0x80 | length))
    elif length <= 0xFFFF:
        head = bytes((opcode | 0x80 * fin, 0xFE)) + length.to_bytes(2, "big")
    else:
        head = bytes((opcode | 0x80 * fin, 0xFF)) + length.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
