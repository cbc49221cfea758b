"""The same WebSocket on every kind of listener: TCP, TLS, a Unix socket, behind the PROXY protocol.

Each wraps the socket differently, and a connection that changes its protocol must find its way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from chip.config.schema import Config
from chip.limits import Limits
from chip.ops.listening import listen_address
from tests.support.certificates import Certificates
from tests.support.web import CHANNEL, UPGRADE, FakeChatServer, build_site, masked, request
from tests.support.websocket import VIOLATIONS

# Twisted's own use of pyOpenSSL.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning"),
    pytest.mark.private_parts,
]

KINDS = ["tcp", "tls", "unix", "haproxy"]
MIB = 1024 * 1024


class Peer(Protocol):
    """A client that keeps what it reads and waits for what it is told to wait for."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.gone = False
        self.end: type | None = None
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        self._look()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.gone = True
        self.end = reason.type
        self._look()

    async def hears(self, end: bytes) -> bytes:
        """Wait until what was heard ends like this; take it all."""
        await self.until(lambda: self.heard.endswith(end))
        heard, self.heard = bytes(self.heard), bytearray()
        return heard

    async def until(self, condition: Callable[[], bool]) -> None:
        done: Deferred[None] = Deferred()
        done.addTimeout(60, reactor)
        self._waiting.append((condition, done))
        self._look()
        await done

    def _look(self) -> None:
        for item in tuple(self._waiting):
            if item[0]():
                self._waiting.remove(item)
                item[1].callback(None)


class Listener:
    """A site on one kind of listener, and the way to it."""

    def __init__(self, kind: str, directory: Path, limits: Limits, clock: Any) -> None:
        self.kind = kind
        self.server = FakeChatServer()
        self.site = build_site(self.server, clock, limits, trusted=("unix",))
        self._path = str(directory / "chip.sock")
        self._certificates = Certificates(directory) if kind == "tls" else None
        self._port: Any = None

    async def start(self) -> None:
        description = {
            "tcp": "tcp:0:interface=127.0.0.1",
            "tls": self._certificates
            and f"ssl:0:interface=127.0.0.1:privateKey={self._certificates.key}"
            f":certKey={self._certificates.certificate}",
            "unix": f"unix:{self._path}",
            "haproxy": "haproxy:tcp:0:interface=127.0.0.1",
        }[self.kind]
        endpoint = listen_address(reactor, "listen", description, Config().tls_ciphers).endpoint
        self._port = await endpoint.listen(self.site)

    async def stop(self) -> None:
        await self._port.stopListening()
        await self.site.drain(0.1)

    async def connect(self) -> Peer:
        """A peer whose WebSocket is open."""
        endpoint: Any
        if self.kind == "unix":
            endpoint = UNIXClientEndpoint(reactor, self._path)
        else:
            endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self._port.getHost().port)
        if self._certificates:
            authority = Certificate.loadPEM(self._certificates.authority.read_text())
            options = optionsForClientTLS("localhost", trustRoot=authority)
            endpoint = wrapClientTLS(options, endpoint)
        peer = await endpoint.connect(Factory.forProtocol(Peer))
        if self.kind == "haproxy":
            peer.transport.write(b"PROXY TCP4 203.0.113.5 192.0.2.1 5123 443\r\n")
        # A request before it, and a message right behind it: nothing of either may be lost.
        peer.transport.write(request("/"))
        await peer.hears(b"}")
        peer.transport.write(request(f"/wc/connect/{CHANNEL}", **UPGRADE) + masked(b"early"))
        assert (await peer.hears(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        return peer


@pytest.fixture(params=KINDS)
def listen(request, tmp_path) -> Any:
    """Start a listener of each kind, with limits and a clock of the test's choice; stop it
    afterwards."""
    started: list[Listener] = []

    async def start(clock: Any = reactor, **limits: Any) -> Listener:
        chosen = msgspec.structs.replace(Limits(), **limits)
        listener = Listener(request.param, tmp_path, chosen, clock)
        started.append(listener)
        await listener.start()
        return listener

    yield start
    for listener in started:
        pytest_twisted.blockon(ensureDeferred(listener.stop()))


Listen = Callable[..., Awaitable[Listener]]


@pytest_twisted.ensureDeferred
async def test_messages_go_both_ways_and_the_goodbye_is_clean(listen: Listen):
    listener = await listen()
    peer = await listener.connect()
    [session] = listener.server.sessions
    assert session.frames == [b"early"]
    session.client.send(b"hello")
    await peer.hears(b"\x81\x05hello")
    large = b"x" * 300_000
    session.client.send(large)
    await peer.hears(large)
    session.client.close(4409, "replaced")
    await peer.hears(b"replaced")
    peer.transport.write(masked(b"\x11\x39", opcode=8))
    await peer.until(lambda: peer.gone)
    while not session.closes:
        await _turn()
    assert len(listener.site.connections) == 0


@pytest_twisted.ensureDeferred
async def test_a_peer_that_did_wrong_and_answers_our_close_sees_a_clean_end(listen: Listen):
    # A clock that stands: nobody is dropped because his time is up, and nobody's turn comes later.
    listener = await listen(clock=Clock(), commands_at_once=10_000)
    for number, (bytes_sent, code) in enumerate(VIOLATIONS):
        peer = await listener.connect()
        peer.transport.write(bytes_sent)
        await peer.until(lambda peer=peer: len(peer.heard) > 4)  # type: ignore[misc]
        assert peer.heard[0] == 0x88
        assert int.from_bytes(peer.heard[2:4], "big") == code
        peer.transport.write(masked(b"on its way") + masked(bytes(peer.heard[2:4]), opcode=8))
        await peer.until(lambda peer=peer: peer.gone)  # type: ignore[misc]
        assert peer.end is ConnectionDone
        while not listener.server.sessions[number].closes:
            await _turn()


@pytest_twisted.ensureDeferred
async def test_the_address_is_the_one_that_counts(listen: Listen):
    listener = await listen()
    await listener.connect()
    expected = {"unix": "", "haproxy": "203.0.113.5"}.get(listener.kind, "127.0.0.1")
    assert listener.server.sessions[0].client.address == expected


@pytest_twisted.ensureDeferred
async def test_a_peer_that_answers_no_ping_is_dropped(listen: Listen):
    listener = await listen(ping_interval=0.5, ping_timeout=0.25)
    peer = await listener.connect()
    await peer.until(lambda: peer.gone)
    assert bytes(peer.heard) == b"\x89\x00"


@pytest_twisted.ensureDeferred
async def test_a_peer_that_answers_pings_stays(listen: Listen):
    clock = Clock()
    listener = await listen(clock=clock, ping_interval=0.2, ping_timeout=0.1)
    peer = await listener.connect()
    [session] = listener.server.sessions
    for _ in range(8):
        clock.advance(0.1)
        clock.advance(0.1)
        await peer.hears(b"\x89\x00")
        peer.transport.write(masked(opcode=10))
        while not session.client.alive:
            await _turn()
    assert not peer.gone
    peer.transport.loseConnection()
    await peer.until(lambda: peer.gone)


@pytest_twisted.ensureDeferred
async def test_a_peer_that_does_not_read_is_dropped_and_what_it_cost_is_bounded(listen: Listen):
    listener = await listen()
    peer = await listener.connect()
    peer.transport.pauseProducing()
    [session] = listener.server.sessions
    gone: Deferred[None] = Deferred()
    session.closed = lambda: gone.callback(None)  # type: ignore[method-assign]
    while session.client.is_open:
        session.client.send(b"x" * 60_000)
        await _turn()
    assert session.client.bytes_out < 20 * MIB
    gone.addTimeout(60, reactor)
    await gone
    peer.transport.abortConnection()


@pytest_twisted.ensureDeferred
async def test_a_busy_session_is_not_sent_more_than_was_read_already(listen: Listen):
    listener = await listen(message_bytes=100_000)
    peer = await listener.connect()
    [session] = listener.server.sessions
    session.client.pause()
    for _ in range(50):
        peer.transport.write(masked(b"x" * 1000))
    session.client.send(b"still here")
    await peer.hears(b"still here")
    assert session.frames == [b"early"]
    session.client.resume()
    while len(session.frames) < 51:
        await _turn()
    assert session.frames[1:] == [b"x" * 1000] * 50


def _turn() -> Deferred[None]:
    """Let the reactor do what it has to do now."""
    turned: Deferred[None] = Deferred()
    reactor.callLater(0, turned.callback, None)  # type: ignore[attr-defined]
    return turned
