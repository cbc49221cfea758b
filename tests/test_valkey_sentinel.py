"""Whose word it takes to leave a server that is in use."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from chip.queue.valkey import sentinel
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.sentinel import is_replaced

HERE, OTHER, NOBODY, SILENT = b"7001", b"7002", b"", None


class FakeSentinel(Protocol):
    """Names the server at this port, or says nothing."""

    names: bytes | None

    def dataReceived(self, data: bytes) -> None:
        if self.names == NOBODY:
            self.transport.write(b"*-1\r\n")
        elif self.names is not SILENT:
            self.transport.write(b"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n%b\r\n" % self.names)


@pytest.fixture
def sentinels(monkeypatch):
    """Makes some that name these servers, and has their address."""
    monkeypatch.setattr(sentinel, "ASK_WITHIN", 0.3)
    ports = []

    def listen(*named: bytes | None) -> str:
        for names in named:
            protocol = type("", (FakeSentinel,), {"names": names})
            ports.append(reactor.listenTCP(0, Factory.forProtocol(protocol), 5, "127.0.0.1"))
        return ",".join(f"127.0.0.1:{port.getHost().port}" for port in ports)

    yield listen
    for port in ports:
        pytest_twisted.blockon(port.stopListening())


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ([OTHER], True),
        ([OTHER, OTHER, HERE], True),
        ([OTHER, OTHER, SILENT], True),
        ([OTHER, HERE, HERE], False),
        ([OTHER, SILENT, SILENT], False),
        ([OTHER, NOBODY, SILENT], False),
        ([OTHER, SILENT], False),
        ([SILENT, SILENT, SILENT], False),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_server_in_use_is_left_if_most_sentinels_name_another_one(sentinels, named, left):
    address = parse_url(f"valkey://{sentinels(*named)}/5?sentinel=chats")
    server = address.at("127.0.0.1", int(HERE))
    assert await is_replaced(server, address, reactor) == left


@pytest_twisted.ensureDeferred
async def test_without_sentinels_nothing_is_replaced():
    address = parse_url("valkey://127.0.0.1:7001")
    assert not await is_replaced(address, address, reactor)
