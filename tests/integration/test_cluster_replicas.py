"""A Cluster whose replicas are waited for: a slot on its way, and a node that stores nothing."""

from __future__ import annotations

import re
from itertools import count, islice

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.models import ChatKey
from chip.queue.valkey import replicas
from chip.queue.valkey.cluster import partitions
from chip.queue.valkey.cluster.slots import TAGS, partition_of, slot_of
from tests.contracts.queue_parts import CHANNEL, CHAT, Process, name
from tests.support.cluster_rig import ClusterRig
from tests.support.valkey_cluster import ValkeyCluster

SLOT = slot_of(TAGS[partition_of(str(CHAT).encode())])


def _chat_of_the_slot(nth: int) -> ChatKey:
    """The nth chat in the partition of CHAT that is not that one."""
    others = (ChatKey(f"{number:024}", CHANNEL) for number in count())
    wanted = partition_of(str(CHAT).encode())
    here = (chat for chat in others if partition_of(str(chat).encode()) == wanted)
    return next(islice(here, nth, None))


@pytest.fixture(scope="module")
def servers():
    """Two primaries with a replica each."""
    with ValkeyCluster(2, replicas=1) as cluster:
        yield cluster


@pytest_twisted.async_yield_fixture
async def rig(servers):
    servers.clear()
    rig = ClusterRig(servers)
    yield rig
    await rig.close()


@pytest_twisted.async_yield_fixture
async def here(rig, monkeypatch):
    # A replica that the machine keeps waiting still counts as there.
    monkeypatch.setattr(replicas, "WAIT_MS", 2500)
    monkeypatch.setattr(partitions, "SILENT_FOR", 30)
    yield Process(await rig.queue(replicas=1))


@pytest_twisted.ensureDeferred
async def test_what_one_key_holds_is_stored_while_its_slot_is_on_its_way(here, servers):
    source = await deferToThread(servers.at, SLOT)
    target = next(node for node in servers.primaries if node is not source)
    target.cli("CLUSTER", "SETSLOT", str(SLOT), "IMPORTING", source.id)
    source.cli("CLUSTER", "SETSLOT", str(SLOT), "MIGRATING", target.id)
    try:
        await here.notes.chat_made(CHAT, 60)
        await here.notes.set_email(CHAT, "bob@example.com")
        assert await here.notes.was_chat_made(CHAT)
        assert await here.notes.email(CHAT) == "bob@example.com"
        assert "made" in target.cli("CLUSTER", "GETKEYSINSLOT", str(SLOT), "10")
    finally:
        for node in (source, target):
            node.cli("CLUSTER", "SETSLOT", str(SLOT), "STABLE")


@pytest_twisted.ensureDeferred
async def test_what_is_stored_of_a_slot_on_its_way_does_not_hinder_what_follows(here, servers):
    """There and back again: what is written to ask for replicas was at the source before."""
    first = await deferToThread(servers.at, SLOT)
    second = next(node for node in servers.primaries if node is not first)
    for number, (source, target) in enumerate([(first, second), (second, first)], 1):
        await here.send(number)
        target.cli("CLUSTER", "SETSLOT", str(SLOT), "IMPORTING", source.id)
        source.cli("CLUSTER", "SETSLOT", str(SLOT), "MIGRATING", target.id)
        assert "replicated" in source.cli("CLUSTER", "GETKEYSINSLOT", str(SLOT), "100")
        chat = _chat_of_the_slot(number)
        await here.notes.chat_made(chat, 60)
        assert str(chat) in target.cli("CLUSTER", "GETKEYSINSLOT", str(SLOT), "100")
        await deferToThread(servers.move, SLOT, target)
        assert await here.notes.was_chat_made(chat)
    assert await here.waiting() == [1, 2]


@pytest_twisted.ensureDeferred
async def test_which_node_stores_nothing_is_told_and_why(here, servers, expected_failures):
    await here.send(1)
    assert await here.spool.keep_alive() == ""
    full = await deferToThread(servers.at, SLOT)
    try:
        await deferToThread(full.cli, "CONFIG", "SET", "maxmemory", "1")
        assert re.fullmatch(
            rf"64 of 128 partitions store nothing, those at 127.0.0.1:{full.port}",
            await here.spool.keep_alive(),
        )
        with pytest.raises(Unavailable, match="Valkey is out of memory"):
            await here.send(2)
        assert await here.outbox.ack(CHAT, name(1)) is not None
    finally:
        await deferToThread(full.cli, "CONFIG", "SET", "maxmemory", "0")
    expected_failures.take()
    assert await here.spool.keep_alive() == ""
