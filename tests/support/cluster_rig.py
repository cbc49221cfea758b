"""Processes on one Cluster, and time that passes for what lies in it."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.limits import Limits
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.cluster.queue import ClusterQueue
from chip.queue.valkey.cluster.slots import PARTITIONS

from .valkey_cluster import ValkeyCluster
from .valkey_rig import AGE, Processes, taken


class ClusterRig(Processes):
    """A `tests.contracts.queue.QueueRig` on a running Cluster that is empty."""

    partitions = PARTITIONS

    def __init__(self, cluster: ValkeyCluster) -> None:
        super().__init__()
        self.cluster = cluster

    async def queue(
        self,
        token: str = "here",
        limits: Limits | None = None,
        *,
        url: str = "",
        replicas: int = 0,
        sweep_every: float = 0,
    ) -> ClusterQueue:
        """An open queue, which looks through all partitions each time; the rig closes it."""

        async def opened() -> ClusterQueue:
            queue = ClusterQueue(
                parse_url(url or self.cluster.url),
                reactor=reactor,
                limits=limits or Limits(),
                replicas=replicas,
                token=token,
                sweep_every=sweep_every,
            )
            return await self.open(queue)

        # Replicas may be late for once wherever a machine is busy.
        return await (taken(opened, "too few replicas") if replicas else opened())

    async def pass_time(self, seconds: float) -> None:
        """Make everything that is stored so much older."""
        milliseconds = str(round(seconds * 1000))
        answers = await deferToThread(self.cluster.everywhere, "EVAL", AGE, "0", milliseconds)
        assert not any(answers), answers
