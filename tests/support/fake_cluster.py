"""A Cluster of two nodes in memory, some of whose partitions are in trouble."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from txredisapi import ResponseError

from chip.errors import Unavailable
from chip.queue.valkey.cluster.partitions import Partitions
from chip.queue.valkey.cluster.slots import PARTITIONS, NodeAddress

PER_NODE = PARTITIONS // 2


class FakeCluster:
    """Its nodes share the partitions, some of which are blocked: what is asked of these is refused,
    together with others or by itself. The node at one port may lack replicas: whoever asks by
    himself hears of that. Those at `silent` ports `answer` to many together when they are told."""

    def __init__(
        self, blocked: Collection[int], *, lacks_replicas: int = 0, silent: Collection[int] = ()
    ) -> None:
        self.blocked = blocked
        self.lacks_replicas = lacks_replicas
        self.clock = Clock()
        self.silences: dict[int, Deferred[None]] = {port: Deferred() for port in silent}
        self._nodes = [FakeNode(self, 7001), FakeNode(self, 7002)]

    def owner(self, number: int) -> FakeNode:
        return self._nodes[number // PER_NODE]

    def answer(self, port: int, trouble: Exception | None = None) -> None:
        """The node answers what it was asked, or that fails."""
        if trouble is None:
            self.silences[port].callback(None)
        else:
            self.silences[port].errback(trouble)

    def partitions(self) -> Partitions:
        found: list[Any] = [FakePartition(self, number) for number in range(PARTITIONS)]
        nodes: Any = self
        return Partitions(found, nodes, self.clock)


class FakeNode:
    def __init__(self, cluster: FakeCluster, port: int) -> None:
        self.commands = self
        self.place = NodeAddress("127.0.0.1", port)
        self._cluster = cluster

    async def send_together(self, calls: list[bytes]) -> list[Any]:
        if self.place.port in self._cluster.silences:
            await self._cluster.silences[self.place.port]
        blocked = self._cluster.blocked
        refusal = ResponseError("CLUSTERDOWN Hash slot not served")
        return [refusal if int(call) in blocked else [int(call)] for call in calls]


class FakePartition:
    """What a partition's spool is asked, and what is asked of its commands."""

    def __init__(self, cluster: FakeCluster, number: int) -> None:
        self.spool = self.commands = self.keys = self
        self.alive = b"alive"
        self.number = number
        self._cluster = cluster

    def forget_lost(self) -> None:
        pass

    def call_alive(self) -> bytes:
        return b"%d" % self.number

    async def keep_alive(self) -> int:
        if self.number in self._cluster.blocked:
            raise Unavailable("Valkey is a Cluster that does not serve these chats now")
        if self._cluster.owner(self.number).place.port == self._cluster.lacks_replicas:
            raise Unavailable("Valkey has too few replicas")
        return self.number

    async def call(self, *command: bytes) -> list[bytes]:
        return [b"0", b"0"] if command == (b"TIME",) else [b"here"]
