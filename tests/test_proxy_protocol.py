"""The PROXY protocol: whose connection it is, and what is no header."""

from __future__ import annotations

from ipaddress import ip_address
from struct import pack

import pytest

from chip.ops.proxy_protocol import MAX_V2, ProxiedFactory
from tests.support.web import Listener, Wire, request

PROXY, VISITOR = "192.0.2.80", "203.0.113.5"


def v2(command: int, family: int, addresses: bytes, length: int | None = None) -> bytes:
    length = len(addresses) if length is None else length
    return b"\r\n\r\n\x00\r\nQUIT\n" + pack("!BBH", command, family, length) + addresses


def tcp(source: str, target: str) -> bytes:
    return ip_address(source).packed + ip_address(target).packed + pack("!HH", 5123, 443)


TCP4 = tcp(VISITOR, "192.0.2.1")
TELLS = {
    b"PROXY TCP4 203.0.113.5 192.0.2.1 5123 443\r\n": VISITOR,
    b"PROXY TCP6 2001:db8::5 2001:db8::1 5123 443\r\n": "2001:db8::",
    v2(0x21, 0x11, TCP4): VISITOR,
    v2(0x21, 0x11, TCP4 + b"\x04\x00\x01\x00"): VISITOR,
    v2(0x21, 0x21, tcp("2001:db8::5", "2001:db8::1")): "2001:db8::",
    b"PROXY UNKNOWN\r\n": PROXY,
    b"PROXY UNKNOWN ffff:f::ffff ffff:f::ffff 65535 65535\r\n": PROXY,
    v2(0x20, 0x00, b""): PROXY,
    v2(0x20, 0x11, TCP4): PROXY,
    v2(0x21, 0x00, b""): PROXY,
    v2(0x21, 0x31, bytes(216)): PROXY,
}
NONE = [
    request("/"),
    b"PROXY\r\n",
    b"PROXY UNKNOWNS\r\n",
    b"PROXY TCP4 a b c d\r\n",
    b"PROXY TCP4 203.0.113.5 192.0.2.1 x y\r\n",
    b"PROXY TCP4 203.0.113.5 192.0.2.1\r\n",
    b"PROXY TCP4 203.0.113.999 192.0.2.1 1 2\r\n",
    b"PROXY TCP4 2001:db8::5 2001:db8::1 1 2\r\n",
    b"PROXY UDP4 203.0.113.5 192.0.2.1 1 2\r\n",
    b"PROXY UNKNOWN " + b"x" * 100,
    v2(0x11, 0x11, TCP4),
    v2(0x22, 0x11, TCP4),
    v2(0x21, 0x11, TCP4[:11]),
    v2(0x21, 0x11, TCP4, MAX_V2 + 1),
]


class ProxiedListener(Listener):
    """A listener for connections that begin with the PROXY protocol."""

    def __init__(self) -> None:
        super().__init__()
        self._factory = ProxiedFactory(self.site, self.clock.seconds)

    def connects(self, host: str = PROXY) -> Wire:
        return Wire(self._factory, host)


def packets(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 9999])
@pytest.mark.parametrize(("header", "address"), TELLS.items())
def test_the_address_is_the_one_that_is_told_or_else_the_proxys(header, address, size):
    listener = ProxiedListener()
    wire = listener.connects()
    wire.says(*packets(header + request("/"), size))
    assert wire.answer().status == 200
    assert wire.upgrades().status == 101
    (session,) = listener.server.sessions
    assert session.client.address.startswith(address)


@pytest.mark.parametrize("sent", NONE)
def test_what_is_no_header_is_closed_with_one_line_a_minute(sent, log):
    listener = ProxiedListener()
    for _ in range(3):
        wire = listener.connects()
        wire.says(sent)
        assert not wire.is_open
        assert wire.out == b""
    line = "connections were closed: they did not begin with the PROXY protocol"
    assert log.about() == [f"warn: 1 {line} (the last one from {PROXY})"]
    listener.clock.advance(60)
    listener.connects().says(sent)
    assert log.about()[1:] == [f"warn: 3 {line} (the last one from {PROXY})"]


@pytest.mark.parametrize("sent", [b"", b"PROXY TCP4", v2(0x21, 0x11, TCP4)[:20]])
def test_a_header_that_does_not_come_is_not_waited_for_for_ever(sent):
    listener = ProxiedListener()
    wire = listener.connects()
    wire.says(sent)
    listener.clock.advance(4.9)
    assert wire.is_open
    listener.clock.advance(0.2)
    assert not wire.is_open


def test_a_message_right_behind_the_header_and_the_handshake_is_not_lost():
    listener = ProxiedListener()
    wire = listener.connects()
    wire.says(b"PROXY UNKNOWN\r\n" + request("/") + request("/"))
    assert [wire.answer().status, wire.answer().status] == [200, 200]
