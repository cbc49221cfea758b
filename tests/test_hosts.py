"""Hosts that settings name: those that can be used are connected to, and nothing else is taken."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager

import pytest
from twisted.internet import reactor
from twisted.internet.error import DNSLookupError
from twisted.internet.protocol import Factory, Protocol

from chip.app.names import NameResolver
from chip.config import checks
from chip.gateway.courier import CourierGateway
from chip.hosts import HostEndpoint, ascii_host
from chip.models import Channel, Incoming
from chip.queue.valkey.address import parse_url

pytestmark = pytest.mark.private_parts

CHANNEL = Channel("8291264a-4581-4d12-96e5-e9fcfa6e68d9", 1, "sesame")
CHAT = "7b1d2c3a-0000-4000-8000-000000000001"
HANDLED = b'{"message": "Events Handled", "data": [{"type": "msg", "msg_uuid": "u1"}]}'

ODD = ["courier_1", "r3--abc.example", "a-.example", "courier.example."]


class Says(Protocol):
    """Answers whatever comes."""

    def dataReceived(self, data):
        self.factory.heard += data
        self.transport.write(self.factory.answer)
        self.transport.loseConnection()


@asynccontextmanager
async def server(answer, interface="127.0.0.1"):
    """A server that says `answer` to everything, and keeps what it `heard`."""
    factory = Factory.forProtocol(Says)
    factory.noisy, factory.answer, factory.heard = False, answer, b""
    port = reactor.listenTCP(0, factory, interface=interface)
    factory.port = port.getHost().port
    try:
        yield factory
    finally:
        await port.stopListening()


@asynccontextmanager
async def every_name_is_here():
    """As if each name were in /etc/hosts. What was asked for is returned."""
    asked = []

    def look_up(name, port, *_):
        asked.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    resolver = NameResolver(reactor, look_up)
    resolver.startService()
    try:
        yield asked
    finally:
        resolver.stopService()


async def ask_courier(domain):
    gateway = CourierGateway(
        reactor=reactor, domain=domain, tls=False, connect_timeout=3, timeout=30, parallel=1
    )
    answer = await gateway.post(CHANNEL, CHAT, [Incoming("hello")])
    await gateway.close()
    return answer


def http(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.parametrize(
    ("host", "called"), [*zip(ODD, ODD, strict=True), ("münchen.example", "xn--mnchen-3ya.example")]
)
async def test_courier_is_asked_at_a_host_of_any_name(host, called):
    async with server(http(HANDLED)) as courier, every_name_is_here() as asked:
        answer = await ask_courier(checks.domain(f"{host}:{courier.port}"))
    assert (answer.kind, answer.heard) == ("handled", ["u1"])
    assert asked == [called]
    assert b"\r\nHost: %b:%d\r\n" % (called.encode(), courier.port) in courier.heard


async def test_courier_is_asked_at_an_address_of_ipv6():
    async with server(http(HANDLED), "::1") as courier:
        answer = await ask_courier(checks.domain(f"[::1]:{courier.port}"))
    assert (answer.kind, answer.heard) == ("handled", ["u1"])
    assert b"\r\nHost: [::1]:%d\r\n" % courier.port in courier.heard


@pytest.mark.parametrize("host", ODD)
async def test_valkey_is_connected_to_at_a_host_of_any_name(host):
    async with server(b"+OK\r\n") as valkey, every_name_is_here() as asked:
        address = parse_url(f"valkey://{host}:{valkey.port}")
        line = await address.endpoint(reactor).connect(Factory.forProtocol(Protocol))
        line.transport.abortConnection()
    assert asked == [host]


async def test_a_name_that_nobody_knows_is_an_unknown_one():
    def nobody_knows(*_):
        raise OSError

    resolver = NameResolver(reactor, nobody_knows)
    resolver.startService()
    try:
        with pytest.raises(DNSLookupError, match="courier_1"):
            await HostEndpoint(reactor, "courier_1", 80).connect(Factory.forProtocol(Protocol))
    finally:
        resolver.stopService()


@pytest.mark.parametrize(
    "nonsense",
    ["", ".", "a..b", "a b", "a%b", "a\\b", "*", "v1.x:", f"{'x' * 64}.example", "a.ü‥ü", ":::"],
)
def test_what_is_no_host_is_refused(nonsense):
    with pytest.raises(ValueError, match="expected the name or the address of a host"):
        ascii_host(nonsense)
    with pytest.raises(ValueError, match="expected a host, or host:port"):
        checks.domain(nonsense)


@pytest.mark.parametrize("host", ["courier_1", "r3--abc.example", "a-.example"])
def test_only_a_certificate_cannot_name_every_host(host):
    assert ascii_host(host) == host
    with pytest.raises(ValueError, match="a certificate cannot name this host"):
        ascii_host(host, tls=True)


@pytest.mark.parametrize("host", ["courier.example", "192.0.2.7", "2001:db8::1", "localhost"])
def test_others_are_the_same_with_tls(host):
    assert ascii_host(host, tls=True) == ascii_host(host) == host
