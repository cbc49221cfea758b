"""A Cluster without replicas whose nodes fail: who feels it."""

from __future__ import annotations

import contextlib

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.models import ChatKey
from chip.queue.valkey.cluster.slots import TAGS, partition_of, slot_of
from tests.contracts.queue_parts import CHANNEL, Process
from tests.support.cluster_rig import ClusterRig
from tests.support.queue_load import Load
from tests.support.valkey_cluster import Node
from tests.support.valkey_rig import taken

CHATS = [ChatKey(f"{number:024}", CHANNEL) for number in range(24)]


def slot(chat: ChatKey) -> int:
    return slot_of(TAGS[partition_of(str(chat).encode())])


def chats_of(node: Node) -> set[ChatKey]:
    """Those that this node serves now."""
    return {chat for chat in CHATS if node.owns(slot(chat))}


@pytest_twisted.async_yield_fixture
async def load(cluster):
    rig = ClusterRig(cluster)
    here, there = await rig.process("here"), await rig.process("there")
    yield Load(here, there, CHATS, cluster.nodes)
    await rig.close()


@pytest_twisted.ensureDeferred
async def test_chats_on_other_nodes_do_not_feel_it_when_one_stands_still(cluster, load):
    stalled = cluster.at(slot(CHATS[0]))
    others = set(CHATS) - chats_of(stalled)

    async def stall():
        await deferLater(reactor, 0.3)
        stalled.pause()
        await deferLater(reactor, 4)
        stalled.resume()

    await load.while_(stall, within=10)
    load.check()
    starved = load.starved(without=stalled)
    assert load.slowest(others) < 2 + starved
    assert load.slowest(chats_of(stalled)) > 3 - starved


@pytest_twisted.ensureDeferred
async def test_a_start_with_a_node_away_serves_the_others_and_that_one_when_it_is_back(
    cluster, log
):
    dead = next(node for node in cluster.primaries if not node.owns(slot_of(TAGS[0])))
    lost = next(iter(chats_of(dead)))
    alive = next(chat for chat in CHATS if not dead.owns(slot(chat)))
    seeds = ",".join(f"127.0.0.1:{node.port}" for node in [dead, *cluster.primaries])
    rig = ClusterRig(cluster)
    dead.kill()
    try:
        here = Process(await rig.queue(url=f"valkey-cluster://{seeds}"))
        assert await here.send(1, alive) == "queued"
        with pytest.raises(Unavailable):
            await here.send(1, lost)
        with pytest.raises(Unavailable):
            await here.live.subscribe(lost)
        # Both connections to it are tried again, and the first to fail is told.
        first, *_ = log.fields("connection")
        assert first in (f"{what} to 127.0.0.1:{dead.port}" for what in ("commands", "listening"))
        await deferToThread(dead.start)
        while (await here.queue.depths()).outbox_chats < 2:
            with contextlib.suppress(Unavailable):
                await here.send(1, lost)
            await deferLater(reactor, 0.1)
        await taken(lambda: here.live.subscribe(lost))
    finally:
        await deferToThread(dead.start)
        await rig.close()
