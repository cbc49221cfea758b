"""What is about all chats of a Cluster, where some of its partitions are in trouble."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chip.errors import Unavailable
from chip.models import ChatKey
from chip.queue.valkey.cluster.chats import ClusterOutbox, ClusterSpool
from chip.queue.valkey.cluster.partitions import Partitions
from chip.queue.valkey.cluster.shares import Shares
from tests.contracts.queue_parts import CHANNEL
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
    outbox = ClusterOutbox(Partitions(partitions, nodes, Clock()))
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


# What is due.


class DuePartition:
    """One with chats that are due, at a node that may refuse to store anything."""

    def __init__(self, due: dict[ChatKey, float], *, refuses: bool) -> None:
        self.commands = self.outages = self.refusing = self
        self.reason = "it is out of memory" if refuses else ""
        self.spool = SimpleNamespace(lost_any=True)
        self.due = due


class DuePartitions:
    def __init__(self, *partitions: DuePartition) -> None:
        self.all = partitions

    async def ask_together(self, numbers: Any, question: Any) -> Any:
        return [(one, one.due) for one in self.all]


def chats(name: str, count: int) -> list[ChatKey]:
    return [ChatKey(f"{name}{number:020}", CHANNEL) for number in range(count)]


def test_chats_on_a_node_that_refuses_everything_come_behind_those_on_others():
    lost, refused, well = chats("lost", 20), chats("refu", 20), chats("well", 3)
    ill = DuePartition(dict.fromkeys(lost, 0.0) | dict.fromkeys(refused, 1.0), refuses=True)
    other = DuePartition({chat: 100.0 - n for n, chat in enumerate(well)}, refuses=False)
    partitions: Any = DuePartitions(ill, other)
    clock = Clock()
    spool = ClusterSpool(partitions, Shares("here", clock, 5), clock)
    found: list[Any] = []
    Deferred.fromCoroutine(spool.due(8)).addBoth(found.append)
    assert found[0] == [*reversed(well), *lost[:5]]
