"""A Cluster whose nodes fail and whose slots move, under load: who feels it, and what is lost."""

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
from tests.support.valkey_cluster import Node, ValkeyCluster

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
    yield Load(here, there, CHATS)
    await rig.close()


@pytest_twisted.ensureDeferred
async def test_a_slot_that_moves_to_and_fro_takes_nothing_with_it(cluster, load):
    moving = slot(CHATS[0])
    source = cluster.at(moving)
    target = next(node for node in cluster.primaries if node is not source)
    others = {chat for chat in CHATS if slot(chat) != moving}

    async def move_it():
        for to in (target, source, target, source):
            await deferLater(reactor, 0.3)
            await deferToThread(cluster.move, moving, to)
        await deferLater(reactor, 0.3)

    await load.while_(move_it, within=10)
    load.check()
    assert load.slowest(others) < 2
    disturbed = frozenset().union(*[chats for ears in load.ears for chats in ears.interruptions])
    assert disturbed == set(CHATS) - others


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
    assert load.slowest(others) < 2
    assert load.slowest(chats_of(stalled)) > 3


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
        assert f"commands to 127.0.0.1:{dead.port}" in log.fields("connection")
        await deferToThread(dead.start)
        while (await here.queue.depths()).outbox_chats < 2:
            with contextlib.suppress(Unavailable):
                await here.send(1, lost)
            await deferLater(reactor, 0.1)
        await here.live.subscribe(lost)
    finally:
        await deferToThread(dead.start)
        await rig.close()


@pytest.fixture(scope="module")
def replicated():
    """A Cluster whose primaries have a replica each, which soon takes the place of a dead one."""
    with ValkeyCluster(replicas=1, timeout=1500) as cluster:
        yield cluster


@pytest_twisted.ensureDeferred
async def test_when_a_primary_dies_its_replica_goes_on_and_the_others_never_stopped(
    replicated, log, expected_failures
):
    rig = ClusterRig(replicated)
    queues = [await rig.queue(token, replicas=1) for token in ("here", "there")]
    load = Load(*map(Process, queues), CHATS)
    dead = replicated.at(slot(CHATS[0]))
    others = set(CHATS) - chats_of(dead)
    heir = next(node for node in replicated.replicas if node.primary is dead)

    async def kill():
        await deferLater(reactor, 0.3)
        dead.kill()
        await deferToThread(replicated.wait_for_owner, slot(CHATS[0]), heir)
        # What is stored must be on a replica: nothing is, until there is one again.
        while not log.about("it has too few replicas"):
            await deferLater(reactor, 0.05)
        await deferToThread(dead.start)

    try:
        await load.while_(kill, within=10)
    finally:
        await rig.close()
    expected_failures.take()
    load.check()
    assert load.slowest(others) < 2
