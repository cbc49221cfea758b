"""One node of a Cluster, and its connections."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from chip.errors import Unavailable
from chip.queue.valkey.cluster.node import HeardNode
from chip.queue.valkey.cluster.slots import NodeAddress
from chip.queue.valkey.outages import Outages


class FakeConnection:
    """Is being opened until `opened` says how that ended."""

    def __init__(self) -> None:
        self.opened: Deferred[None] = Deferred()
        self.persists = False

    async def open(self, *, persist: bool) -> None:
        self.persists = persist
        await self.opened


class FakeSubscriber:
    def __init__(self) -> None:
        self.connection = FakeConnection()


def opened(*outcomes: Exception | None) -> Unavailable | None:
    """What is said of a node when this has become of its connections."""
    commands: Any = FakeConnection()
    subscriber: Any = FakeSubscriber()
    outages = Outages(lambda: 0.0, quiet=True)
    node = HeardNode(NodeAddress("127.0.0.1", 7001), commands, subscriber, outages)
    found: list[Any] = []
    Deferred.fromCoroutine(node.open()).addBoth(found.append)
    # All at once: one that is cut off is waited for once, not once for each.
    assert [one.persists for one in node.connections] == [True, True]
    for connection, outcome in zip((commands, subscriber.connection), outcomes, strict=True):
        if outcome is None:
            connection.opened.callback(None)
        else:
            connection.opened.errback(outcome)
    return found[0]


def test_a_node_is_open_once_all_its_connections_are():
    assert opened(None, None) is None


def test_what_one_connection_cannot_is_what_is_said_of_the_node():
    away = Unavailable("cannot use Valkey")
    for outcomes in ((away, None), (None, away), (away, away)):
        assert opened(*outcomes) is away
