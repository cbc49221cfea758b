"""What is asked of all partitions, where some of them are in trouble."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from txredisapi import ResponseError

from chip.errors import Unavailable
from chip.queue.valkey.cluster.partitions import Partitions, Question
from chip.queue.valkey.cluster.slots import PARTITIONS, NodeAddress

PER_NODE = PARTITIONS // 2


class FakeCluster:
    """Two nodes that share the partitions, some of which are blocked: what is asked of these is
    refused, together with others or by itself."""

    def __init__(self, blocked: Collection[int]) -> None:
        self.blocked = blocked
        self._nodes = [FakeNode(self, 7001), FakeNode(self, 7002)]

    def owner(self, number: int) -> FakeNode:
        return self._nodes[number // PER_NODE]

    def partitions(self) -> Partitions:
        found: list[Any] = [FakePartition(self, number) for number in range(PARTITIONS)]
        nodes: Any = self
        return Partitions(found, nodes)


class FakeNode:
    def __init__(self, cluster: FakeCluster, port: int) -> None:
        self.commands = self
        self.place = NodeAddress("127.0.0.1", port)
        self._cluster = cluster

    async def send_together(self, calls: list[bytes]) -> list[Any]:
        blocked = self._cluster.blocked
        refusal = ResponseError("CLUSTERDOWN Hash slot not served")
        return [refusal if int(call) in blocked else [int(call)] for call in calls]


class FakePartition:
    def __init__(self, cluster: FakeCluster, number: int) -> None:
        self._cluster = cluster
        self.number = number

    def call(self) -> bytes:
        return b"%d" % self.number

    async def alone(self) -> int:
        if self.number in self._cluster.blocked:
            raise Unavailable("Valkey is a Cluster that does not serve these chats now")
        return self.number


QUESTION: Any = Question(
    call=FakePartition.call, read=lambda _, answer: answer, alone=FakePartition.alone
)


def ask(blocked: Collection[int]) -> Any:
    """The partitions that answer."""
    asked = FakeCluster(blocked).partitions().ask_together(range(PARTITIONS), QUESTION)
    found: list[Any] = []
    Deferred.fromCoroutine(asked).addBoth(found.append)
    if isinstance(found[0], list):
        return {answer for _, answer in found[0]}
    return found[0]


@pytest.mark.parametrize("blocked", [{5}, {5, 6}, {5, PER_NODE}, set(range(PER_NODE))])
def test_partitions_that_are_blocked_hide_no_other(blocked):
    assert ask(blocked) == set(range(PARTITIONS)) - blocked


def test_where_all_are_blocked_that_is_said():
    assert ask(range(PARTITIONS)).check(Unavailable)
