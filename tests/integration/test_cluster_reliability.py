"""Two Chips on a Cluster whose nodes die: nothing that was accepted is lost or shown twice."""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.queue.valkey.cluster.slots import TAGS, slot_of
from chip.tasks import pause
from tests.support.valkey_cluster import ValkeyCluster
from tests.support.visitors import Visitors

SLOT = slot_of(TAGS[0])


@pytest.fixture
def cluster():
    """Three primaries with a replica each."""
    with ValkeyCluster(replicas=1, timeout=1500) as cluster:
        yield cluster


async def test_a_primary_is_killed_and_a_slot_moved_under_two_chips(
    start_chip, courier, channel, cluster
):
    on_it = {"valkey": cluster.url, "valkey_replicas": 1, "limits": "off"}
    chips = [start_chip(**on_it) for _ in range(2)]
    visitors = Visitors(courier, channel, [chip.url for chip in chips], pipelined=False)
    await visitors.come(8)
    dead, other, third = cluster.primaries
    heir = next(node for node in cluster.replicas if node.primary is dead)
    async with visitors.talking():
        await pause(reactor, 0.5)
        dead.kill()
        await deferToThread(cluster.wait_for_owner, SLOT, heir)
        # What is stored must be on a replica, so there must be one again.
        await deferToThread(dead.start)
        moving = next(slot for slot in map(slot_of, TAGS) if other.owns(slot))
        await deferToThread(cluster.move, moving, third)
        await pause(reactor, 0.5)
    await visitors.come_to_rest()
