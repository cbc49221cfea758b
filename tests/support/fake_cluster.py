"""A Cluster of two nodes in memory, some of whose partitions are in trouble."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from txredisapi import ResponseError

from chip.errors import Unavailable
from chip.queue.valkey.cluster.partitions import Partitions
from chip.queue.valkey.cluster.slots import PARTITIONS, NodeAddress

PER_NODE = PARTITIONS // 2


class FakeCluster:
    """Its nodes share the partitions, some of which are blocked: what is asked of these is refused,
    together with others or by itself. The node at one port may lack replicas: whoever asks by
    himself hears of that."""

    def __init__(self, blocked: Collection[int], *, lacks_replicas: int = 0) -> None:
        self.blocked = blocked
        self.lacks_replicas = lacks_replicas
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
