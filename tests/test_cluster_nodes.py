"""Which node serves what, where some do not know: new ones, and those that others forgot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from chip.errors import Unavailable
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.cluster.node import Node
from chip.queue.valkey.cluster.nodes import Nodes
from chip.queue.valkey.cluster.slots import PARTITIONS, NodeAddress
from chip.tasks import pause

Ranges = Sequence[tuple[int, int]]
ALL: Ranges = [(0, 16_383)]
NONE: Ranges = []
LOW: Ranges = [(0, 8191)]
PLACE = NodeAddress("10.0.0.1", 7000)


class Seed(Protocol):
    """Knows who serves these slots."""

    ranges: Ranges

    def dataReceived(self, data: bytes) -> None:
        # What comes before the question is logging in, one command at a time.
        self.transport.write(_encoded(self.ranges) if b"SLOTS" in data else b"+OK\r\n")


def _encoded(ranges: Ranges) -> bytes:
    node = b"*3\r\n$8\r\n10.0.0.1\r\n:7000\r\n$2\r\nid\r\n"
    return b"*%d\r\n" % len(ranges) + b"".join(
        b"*3\r\n:%d\r\n:%d\r\n%b" % (first, last, node) for first, last in ranges
    )


class FakeNode(Node):
    """One that is connected, and says who serves what."""

    def __init__(self, place: NodeAddress) -> None:
        commands: Any = self
        outages: Any = None
        super().__init__(place, commands, outages)
        self.ranges = NONE
        self.asked = 0

    @property
    def connected(self) -> bool:
        return True

    async def open(self) -> None:
        pass

    def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def call(self, *_: bytes) -> list[Any]:
        self.asked += 1
        return [[first, last, [b"10.0.0.1", 7000, b"id"]] for first, last in self.ranges]


@pytest.fixture
def seeds():
    """Makes nodes known that begin with these seeds."""
    ports = []

    def listen(*known: Ranges) -> Nodes[FakeNode]:
        for ranges in known:
            protocol = type("", (Seed,), {"ranges": ranges})
            ports.append(reactor.listenTCP(0, Factory.forProtocol(protocol), 5, "127.0.0.1"))
        hosts = ",".join(f"127.0.0.1:{port.getHost().port}" for port in ports)
        address = parse_url(f"valkey-cluster://{hosts}")
        return Nodes(address.seeds(), reactor, FakeNode)

    yield listen
    for port in ports:
        pytest_twisted.blockon(port.stopListening())


@pytest.mark.parametrize("known", [(ALL,), (NONE, ALL), (LOW, NONE, ALL), (ALL, NONE)])
@pytest_twisted.ensureDeferred
async def test_a_seed_that_does_not_know_who_serves_all_is_not_the_last_to_be_asked(seeds, known):
    nodes = seeds(*known)
    await nodes.open()
    assert {nodes.owner(number).place for number in range(PARTITIONS)} == {PLACE}
    await nodes.close()


@pytest_twisted.ensureDeferred
async def test_where_no_seed_knows_who_serves_all_that_is_said(seeds):
    with pytest.raises(Unavailable, match="nobody serves some of its slots"):
        await seeds(NONE, LOW).open()


@pytest_twisted.ensureDeferred
async def test_a_node_that_does_not_know_who_serves_all_is_not_believed(seeds):
    nodes = seeds(ALL)
    await nodes.open()
    lonely, other = (nodes.at(NodeAddress("10.0.0.2", port)) for port in (7000, 7001))
    lonely.ranges, other.ranges = LOW, ALL
    nodes.moved(100, lonely.place)  # who is named so is asked first
    back: Deferred[int] = Deferred()
    nodes.on_moved = back.callback
    assert await back.addTimeout(60, reactor) == 100
    await pause(reactor, 0)  # it is told while this is found out
    assert nodes.owner(100).place == PLACE
    assert lonely.asked == 1
    await nodes.close()
