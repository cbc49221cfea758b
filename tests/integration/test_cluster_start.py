"""Beginning on a Cluster while one of its nodes is away, refuses to store anything, or is new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.errors import ConfigError, Unavailable
from chip.limits import Limits
from chip.models import ChatKey
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.cluster import partitions
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
async def rig(own_cluster, monkeypatch):
    # A node that the machine keeps waiting is not to be left out.
    monkeypatch.setattr(partitions, "SILENT_FOR", 30)
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


def first(cluster: ValkeyCluster) -> Node:
    """The node of the first partition."""
    return cluster.at(slot_of(TAGS[0]))


@asynccontextmanager
async def too_few_replicas(node: Node) -> AsyncIterator[None]:
    """Meanwhile the node stores nothing."""
    await deferToThread(node.cli, "CONFIG", "SET", "min-replicas-to-write", "1")
    try:
        yield
    finally:
        await deferToThread(node.cli, "CONFIG", "SET", "min-replicas-to-write", "0")


@pytest.mark.parametrize("is_used", [False, True], ids=["at the first time", "later"])
@pytest.mark.parametrize("trouble", [away, too_few_replicas])
@pytest_twisted.ensureDeferred
async def test_nobody_needs_a_certain_node_for_starting(rig, trouble, is_used, expected_failures):
    if is_used:
        await rig.process()
        await rig.close()
    node = first(rig.cluster)
    async with trouble(node):
        queue = await rig.queue("there", url=url_without(rig.cluster, node))
        assert f"127.0.0.1:{node.port}" in await queue.spool.keep_alive()
    expected_failures.forgive("Valkey refuses a command")


@pytest_twisted.ensureDeferred
async def test_what_one_node_says_of_another_number_of_partitions_is_enough(rig):
    node = first(rig.cluster)
    others = [tag for tag in TAGS if not node.owns(slot_of(tag))]
    keys = [f"chat:{{{tag.decode()}}}:partitions" for tag in others[:2]]
    await deferToThread(rig.cluster.cli, "SET", keys[0], "64")
    async with away(node):
        with pytest.raises(ConfigError, match="64 partitions, and this Chip knows 128"):
            await rig.queue("there", url=url_without(rig.cluster, node))
    # And nothing else is noted by whom it does not concern.
    assert await deferToThread(rig.cluster.cli, "EXISTS", keys[1]) == "0"
