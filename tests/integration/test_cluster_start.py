"""Beginning on a Cluster while one of its nodes is away, refuses to store anything, or is new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.limits import Limits
from chip.models import ChatKey
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.cluster.slots import TAGS, partition_of, slot_of
from chip.queue.valkey.cluster.snapshots import ClusterSnapshots
from tests.contracts.queue_parts import CHANNEL
from tests.support.cluster_rig import ClusterRig
from tests.support.valkey_cluster import Node, ValkeyCluster

CHATS = [ChatKey(f"{number:024}", CHANNEL) for number in range(24)]


@pytest.fixture(scope="module")
def own_cluster():
    with ValkeyCluster(3) as cluster:
        yield cluster


@pytest_twisted.async_yield_fixture
async def rig(own_cluster):
    own_cluster.clear()
    rig = ClusterRig(own_cluster)
    yield rig
    await rig.close()


def slot(chat: ChatKey) -> int:
    return slot_of(TAGS[partition_of(str(chat).encode())])


def url_without(cluster: ValkeyCluster, node: Node) -> str:
    """The Cluster's, by way of another node."""
    return cluster.url_of(next(one for one in cluster.primaries if one is not node))


@asynccontextmanager
async def away(node: Node) -> AsyncIterator[None]:
    """Meanwhile the node is not there."""
    await deferToThread(node.kill)
    try:
        yield
    finally:
        await deferToThread(node.start)


@pytest_twisted.ensureDeferred
async def test_while_a_node_is_away_chats_on_the_others_are_seen(rig):
    here = await rig.process()
    for chat in CHATS:
        await here.send(1, chat)
    await rig.close()
    node = rig.cluster.at(slot(CHATS[0]))
    others = {chat for chat in CHATS if not node.owns(slot(chat))}
    async with away(node):
        url = parse_url(url_without(rig.cluster, node))
        taken = ClusterSnapshots(url, reactor, Limits())
        await taken.open()
        assert set(await taken.waiting("0", "")) == others
        with pytest.raises(Unavailable, match="there is no connection"):
            await taken.waiting(CHATS[0].chat_id, CHANNEL)
        await taken.close()
