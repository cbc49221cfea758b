"""Whose word it takes to leave a server that is in use."""

from __future__ import annotations

import time
from typing import ClassVar

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock

from chip.queue.valkey import sentinel
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.sentinel import is_replaced, locate
from chip.tasks import pause

HERE, OTHER, NOBODY, SILENT = b"7001", b"7002", b"", None
AGES = 3600


class FakeSentinel(Protocol):
    """Names the server at this port, or says nothing."""

    names: bytes | None
    silent: ClassVar[list[FakeSentinel]] = []

    def dataReceived(self, data: bytes) -> None:
        if self.names is SILENT:
            self.silent.append(self)
        elif self.names == NOBODY:
            self.transport.write(b"*-1\r\n")
        else:
            self.transport.write(b"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n%b\r\n" % self.names)


@pytest.fixture
def clock(monkeypatch):
    """What measures the time for an answer, and nothing else."""
    clock, later = Clock(), reactor.callLater

    def call_later(delay, *call, **more):
        return (clock.callLater if delay >= AGES / 2 else later)(delay, *call, **more)

    monkeypatch.setattr(sentinel, "ASK_WITHIN", AGES)
    monkeypatch.setattr(reactor, "callLater", call_later)
    return clock


@pytest.fixture
def sentinels():
    """Makes some that name these servers, and has their address."""
    FakeSentinel.silent.clear()
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
async def test_a_server_in_use_is_left_if_most_sentinels_name_another_one(
    sentinels, clock, named, left
):
    address = parse_url(f"valkey://{sentinels(*named)}/5?sentinel=chats")
    server = address.at("127.0.0.1", int(HERE))
    asked = Deferred.fromCoroutine(is_replaced(server, address, reactor))
    silent = named.count(SILENT)
    while len(clock.getDelayedCalls()) > silent or len(FakeSentinel.silent) < silent:
        await pause(reactor, 0.01)
    assert asked.called == (not silent)
    clock.pump([AGES / 2] * 2)
    assert await asked == left


@pytest_twisted.ensureDeferred
async def test_sentinels_are_not_blamed_by_a_process_that_was_held_up(sentinels, monkeypatch):
    monkeypatch.setattr(sentinel, "ASK_WITHIN", 60)
    address = parse_url(f"valkey://{sentinels(OTHER, OTHER)}/5?sentinel=chats")
    found = Deferred.fromCoroutine(locate(address, reactor))
    monkeypatch.setattr(reactor, "seconds", lambda: time.time() + 120)
    assert await found == address.at("127.0.0.1", int(OTHER))
    await pause(reactor, 0)  # by the same clock, after which the connections are closed


@pytest_twisted.ensureDeferred
async def test_without_sentinels_nothing_is_replaced():
    address = parse_url("valkey://127.0.0.1:7001")
    assert not await is_replaced(address, address, reactor)
