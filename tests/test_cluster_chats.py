"""What is about all chats of a Cluster, where some of its partitions are in trouble."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chip.errors import Unavailable
from chip.queue.valkey.cluster.chats import ClusterOutbox, ClusterSpool
from chip.queue.valkey.cluster.partitions import Partitions
from chip.queue.valkey.cluster.shares import Shares
from tests.support.fake_cluster import FakeCluster


class FakePartition:
    """Has chats with messages beyond the age limit, and may refuse to change anything."""

    def __init__(self, *stale: bytes, refuses: bool = False) -> None:
        self.outbox = self
        self.left = list(stale)
        self._refuses = refuses

    async def stale(self, limit: int) -> list[bytes]:
        return self.left[:limit]

    async def expire_chats(self, chats: list[bytes]) -> int:
        if self._refuses:
            raise Unavailable("Valkey has too few replicas")
        self.left = [chat for chat in self.left if chat not in chats]
        return len(chats)


def expire(limit: int, *partitions: Any) -> Any:
    """How many messages were taken out."""
    nodes: Any = None
    outbox = ClusterOutbox(Partitions(partitions, nodes))
    found: list[Any] = []
    Deferred.fromCoroutine(outbox.expire(limit)).addBoth(found.append)
    return found[0]


def test_a_partition_that_refuses_keeps_no_other_from_throwing_away_what_is_too_old():
    refusing, first = FakePartition(b"a", b"b", b"c", refuses=True), FakePartition(b"d")
    second = FakePartition(b"e", b"f")
    assert expire(3, refusing, first, refusing, second) == 3
    assert first.left == second.left == []


def test_no_more_is_thrown_away_at_once_than_is_wanted():
    first, second = FakePartition(b"a", b"b"), FakePartition(b"c", b"d")
    assert expire(3, first, second) == 3
    assert (first.left, second.left) == ([], [b"d"])


def test_where_nothing_can_be_thrown_away_that_is_said():
    failure = expire(3, FakePartition(), FakePartition(b"a", refuses=True))
    with pytest.raises(Unavailable, match="too few replicas"):
        failure.raiseException()


def kept_alive(cluster: FakeCluster) -> Any:
    """What is said of its partitions."""
    clock = Clock()
    spool = ClusterSpool(cluster.partitions(), Shares("here", clock, 5), clock)
    found: list[Any] = []
    Deferred.fromCoroutine(spool.keep_alive()).addBoth(found.append)
    return found[0]


@pytest.mark.parametrize(
    ("blocked", "said"),
    [
        ([], ""),
        ([0], "1 of 128 partitions store nothing, those at 127.0.0.1:7001"),
        ([5, 6], "2 of 128 partitions store nothing, those at 127.0.0.1:7001"),
        ([5, 100], "2 of 128 partitions store nothing, those at 127.0.0.1:7001, 127.0.0.1:7002"),
        (range(64), "64 of 128 partitions store nothing, those at 127.0.0.1:7001"),
    ],
)
def test_each_partition_that_stores_nothing_is_told(blocked, said):
    assert kept_alive(FakeCluster(blocked)) == said


def test_a_node_with_too_few_replicas_stores_nothing():
    """Only who asks by himself has it count them."""
    said = "64 of 128 partitions store nothing, those at 127.0.0.1:7002"
    assert kept_alive(FakeCluster([], lacks_replicas=7002)) == said
