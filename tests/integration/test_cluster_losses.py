"""What a node of a Cluster has lost: it is noticed, and no number is given out twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.chat.ports import Page
from chip.errors import Unavailable
from chip.models import ChatKey
from chip.queue.valkey.cluster import queue as cluster_queue
from chip.queue.valkey.cluster.slots import TAGS, partition_of, slot_of
from chip.tasks import pause
from tests.contracts.queue_parts import CHANNEL, CHAT, Process
from tests.support.cluster_rig import ClusterRig
from tests.support.valkey_cluster import Node, ValkeyCluster

TOLD = ("interrupted", frozenset([CHAT]))


@pytest_twisted.async_yield_fixture
async def rig():
    """On nodes that keep what they had when they were told to `SAVE`."""
    with ValkeyCluster(3) as cluster:
        rig = ClusterRig(cluster)
        yield rig
        await rig.close()


@pytest.fixture
def node(rig) -> Node:
    """The one that serves the chat."""
    return rig.cluster.at(slot_of(TAGS[partition_of(str(CHAT).encode())]))


async def read(process: Process) -> Page:
    return await process.outbox.read(CHAT, 0, 100, 100_000)


async def has_gone_back(node: Node, here: Process) -> int:
    """The node has lost two messages. The number of the last of them."""
    await here.live.subscribe(CHAT)
    loss = (await read(here)).loss
    assert loss is not None
    await here.outbox.fill(CHAT, loss.name, [])
    await deferToThread(node.cli, "SAVE")
    for number in (1, 2):
        await here.send(number)
    lost = (await read(here)).head
    await deferToThread(node.kill)
    await deferToThread(node.start)
    return lost


async def tries() -> AsyncIterator[int]:
    for number in range(200):
        yield number
        await pause(reactor, 0.1)
    pytest.fail("it has not come")


@pytest_twisted.ensureDeferred
async def test_a_node_that_serves_nobody_at_first_is_asked_again_what_it_has_lost(
    rig, node, monkeypatch, expected_failures
):
    """For two seconds after its start, a primary refuses everything."""
    monkeypatch.setattr(cluster_queue, "LOOK_AT_MARKS_EVERY", 0.1)
    here = await rig.process()
    await has_gone_back(node, here)
    told = 0
    async for _ in tries():
        with suppress(Unavailable):
            if (await read(here)).loss is not None:
                break
            told = here.ears.heard.count(TOLD)
    async for _ in tries():
        if here.ears.heard.count(TOLD) > told:
            break
    expected_failures.forgive("Valkey refuses a command")


@pytest_twisted.ensureDeferred
async def test_numbers_go_on_beyond_those_that_such_a_node_has_lost(rig, node, expected_failures):
    here = await rig.process()
    lost = await has_gone_back(node, here)
    async for _ in tries():
        with suppress(Unavailable):
            await here.send(3)
            break
    assert [item.number > lost for item in (await read(here)).items] == [True]
    expected_failures.forgive("Valkey refuses a command")


@pytest_twisted.ensureDeferred
async def test_a_wiping_of_all_nodes_is_noticed_by_whoever_stays_connected(rig, monkeypatch):
    monkeypatch.setattr(cluster_queue, "LOOK_AT_MARKS_EVERY", 0.1)
    here = await rig.process()
    chats = [CHAT, *(ChatKey(f"{number:024}", CHANNEL) for number in range(9))]
    for chat in chats:
        await here.live.subscribe(chat)
    here.ears.heard.clear()
    await deferToThread(rig.cluster.clear)
    for chat in chats:
        await here.ears.hear("interrupted", frozenset([chat]))
    assert (await read(here)).loss is not None
