"""The queues on a real Cluster of three nodes: the contract, and what is peculiar to a Cluster."""

from __future__ import annotations

import re
from binascii import crc_hqx

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from chip.errors import ConfigError, Unavailable
from chip.limits import Limits
from chip.models import ChatKey
from chip.queue.valkey import scripts
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.cluster import chats, partitions
from chip.queue.valkey.cluster import queue as cluster_queue
from chip.queue.valkey.cluster.queue import ClusterQueue
from chip.queue.valkey.cluster.slots import TAGS, partition_of, slot_of
from chip.queue.valkey.cluster.trial import try_cluster
from chip.queue.valkey.tls_files import TlsFiles
from chip.tasks import pause
from tests.contracts.queue import QueueContract
from tests.contracts.queue_parts import (
    CHANNEL,
    CHAT,
    NEIGHBOUR,
    OTHER_CHAT,
    REST,
    Process,
    name,
)
from tests.support.cluster_rig import ClusterRig
from tests.support.valkey import Valkey
from tests.support.valkey_cluster import ValkeyCluster

CHATS = [ChatKey(f"{number:024}", CHANNEL) for number in range(300)]


@pytest_twisted.async_yield_fixture
async def rig(cluster, monkeypatch):
    # A node that the machine keeps waiting is not to be left out.
    monkeypatch.setattr(partitions, "SILENT_FOR", 30)
    rig = ClusterRig(cluster)
    yield rig
    await rig.close()


def slot(chat: ChatKey) -> int:
    return slot_of(TAGS[partition_of(str(chat).encode())])


class TestClusterQueue(QueueContract):
    """A Cluster's queues pass the contract."""

    @pytest.fixture
    def rest(self, monkeypatch):
        monkeypatch.setattr(scripts, "REPORT_REST", 30)
        return 30


@pytest_twisted.ensureDeferred
async def test_all_that_is_kept_of_chats_is_in_their_partitions(rig, cluster):
    here = await rig.process()
    for chat in (CHAT, OTHER_CHAT):
        await here.send(1, chat)
        await here.say("Hello", chat=chat)
        await here.notes.set_email(chat, "bob@example.com")
    keys = " ".join(await deferToThread(cluster.everywhere, "KEYS", "*")).split()
    assert {key.partition("}")[0].partition("{")[2] for key in keys} == {
        tag.decode() for tag in TAGS
    }
    of_chats = [key for key in keys if "@" in key]
    assert len(of_chats) >= 10
    for key in of_chats:
        chat = key.rpartition(":")[2].encode()
        assert f"{{{TAGS[partition_of(chat)].decode()}}}" in key


@pytest_twisted.ensureDeferred
async def test_another_number_of_partitions_is_refused_at_the_start(rig, cluster):
    await rig.process()
    key = f"chat:{{{TAGS[0].decode()}}}:partitions"
    assert await deferToThread(cluster.cli, "GET", key) == "128"
    await deferToThread(cluster.cli, "SET", key, "64")
    with pytest.raises(ConfigError, match="64 partitions, and this Chip knows 128"):
        await rig.queue("there")


@pytest_twisted.ensureDeferred
async def test_the_longest_due_comes_first_whichever_partition_it_is_in(rig):
    here = await rig.process()
    for chat in (OTHER_CHAT, CHAT, CHATS[0]):
        await here.say("one", chat=chat, may_claim=False)
        await rig.pass_time(1)
    assert await here.spool.due(10) == [OTHER_CHAT, CHAT, CHATS[0]]
    assert await here.spool.due(2) == [OTHER_CHAT, CHAT]


@pytest_twisted.ensureDeferred
async def test_processes_share_what_is_due_and_all_look_at_all_of_it_in_the_end(rig):
    queues = [await rig.queue(token, sweep_every=3600) for token in ("here", "there")]
    for queue in queues:
        await queue.spool.keep_alive()
        assert await queue.spool.due(1000) == []  # the first look is at all
    here = Process(queues[0])
    said = [here.say("one", chat=chat, may_claim=False) for chat in CHATS]
    await gatherResults([Deferred.fromCoroutine(one) for one in said])
    shares = [set(await queue.spool.due(1000)) for queue in queues]
    assert shares[0] | shares[1] == set(CHATS)
    assert not shares[0] & shares[1]
    assert min(map(len, shares)) > 50

    late = await rig.queue("late", sweep_every=3600)
    assert set(await late.spool.due(1000)) == set(CHATS)


@pytest_twisted.ensureDeferred
async def test_where_much_is_due_not_every_call_asks_all_partitions(rig, cluster, monkeypatch):
    # However long the nodes take to count, and nothing else asks them meanwhile.
    monkeypatch.setattr(chats, "FOUND_FOR", 3600)
    monkeypatch.setattr(cluster_queue, "LOOK_AT_MARKS_EVERY", 3600)
    here = await rig.process()
    said = [here.say("one", chat=chat, may_claim=False) for chat in CHATS[:40]]
    await gatherResults([Deferred.fromCoroutine(one) for one in said])
    first = await here.spool.due(8)
    await deferToThread(cluster.everywhere, "CONFIG", "RESETSTAT")
    second = await here.spool.due(8)
    stats = "".join(await deferToThread(cluster.everywhere, "INFO", "commandstats"))
    assert len({*first, *second}) == 16
    assert "evalsha" not in stats


@pytest_twisted.ensureDeferred
async def test_what_is_asked_of_all_together_finds_slots_that_moved_and_nodes_that_forgot(
    rig, cluster
):
    here = await rig.process()
    for chat in (CHAT, OTHER_CHAT):
        await here.say("one", chat=chat, may_claim=False)
    moving = slot(CHAT)
    source = await deferToThread(cluster.at, moving)
    target = next(node for node in cluster.primaries if node is not source)
    try:
        await deferToThread(cluster.move, moving, target)
        await deferToThread(cluster.everywhere, "SCRIPT", "FLUSH")
        assert set(await here.spool.due(10)) == {CHAT, OTHER_CHAT}
        await deferToThread(cluster.move, moving, source)
        assert (await here.queue.depths()).spool_events == 2
    finally:
        if not source.owns(moving):
            await deferToThread(cluster.move, moving, source)


@pytest_twisted.ensureDeferred
async def test_counts_are_those_of_all_partitions_together(rig):
    here = await rig.process()
    for chat in CHATS[:10]:
        await here.send(1, chat)
        await here.say("one", "two", chat=chat)
    depths = await here.queue.depths()
    assert (depths.outbox_chats, depths.spool_events) == (10, 20)
    assert 0 < depths.outbox_oldest < 60
    balances = await here.queue.balances()
    assert (balances.to_visitors.accepted, balances.to_courier.waiting) == (10, 20)


@pytest_twisted.ensureDeferred
async def test_one_chat_that_is_full_stops_no_other_of_its_partition(rig):
    here = await rig.process()
    most = [str(number) for number in range(Limits().spool_events)]
    assert set((await here.say(*most)).results) == {"queued"}
    assert (await here.say("one more")).results == ["full"]
    assert (await here.say("one", chat=NEIGHBOUR)).results == ["queued"]


@pytest_twisted.ensureDeferred
async def test_which_node_stores_nothing_is_told_and_when_none_does_all_is_away(
    rig, cluster, expected_failures
):
    here = await rig.process()
    assert await here.spool.keep_alive() == ""
    full = await deferToThread(cluster.at, slot(CHAT))
    try:
        await deferToThread(full.cli, "CONFIG", "SET", "maxmemory", "1")
        trouble = await here.spool.keep_alive()
        assert re.fullmatch(
            rf"4[0-9] of 128 partitions store nothing, those at 127.0.0.1:{full.port}", trouble
        )
        await deferToThread(cluster.everywhere, "CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(Unavailable, match="out of memory"):
            await here.spool.keep_alive()
    finally:
        await deferToThread(cluster.everywhere, "CONFIG", "SET", "maxmemory", "0")
    expected_failures.take()
    assert await here.spool.keep_alive() == ""


@pytest_twisted.ensureDeferred
async def test_a_node_that_cannot_write_to_its_disk_can_be_read(rig, cluster, expected_failures):
    here = await rig.process()
    await here.live.subscribe(CHAT)
    await here.send(1)
    node = await deferToThread(cluster.at, slot(CHAT))
    try:
        await deferToThread(node.cannot_save)
        # All at once: they are heard to be back once.
        await deferToThread(node.cli, "CLIENT", "KILL", "SKIPME", "yes")
        await here.ears.hear("interrupted", frozenset([CHAT]))
        await pause(reactor, 0.5)  # in which it would try again, more than once
        before = len(here.ears.heard)
        await pause(reactor, 1)
        assert here.ears.heard[before:] == []
        assert await here.waiting() == [1]
        with pytest.raises(Unavailable, match="Valkey cannot write to its disk"):
            await here.send(2)
    finally:
        await deferToThread(node.cli, "CONFIG", "SET", "save", "")
        (node.directory / "dump.rdb").rmdir()
    expected_failures.take()
    assert await here.send(2) == "queued"


@pytest_twisted.ensureDeferred
async def test_who_knows_of_an_old_owner_is_led_to_the_new_one(rig, cluster):
    """Nobody has told this process, which has asked nothing of the slot yet."""
    here = await rig.process()
    moving = slot(CHAT)
    source = await deferToThread(cluster.at, moving)
    target = next(node for node in cluster.primaries if node is not source)
    try:
        await deferToThread(cluster.move, moving, target)
        await here.live.subscribe(CHAT)
        assert await here.send(1) == "queued"
        # And is told that it may have missed something: the node might be a promoted replica.
        heard = {event[0] for event in await here.heard()}
        assert heard - {"interrupted"} == {"arrived"}
    finally:
        await deferToThread(cluster.move, moving, source)


@pytest_twisted.ensureDeferred
async def test_a_chat_whose_slot_moves_is_heard_of_again_and_no_other_is_interrupted(rig, cluster):
    here = await rig.process()
    for chat in (CHAT, OTHER_CHAT):
        await here.live.subscribe(chat)
    moving = slot(CHAT)
    source = await deferToThread(cluster.at, moving)
    target = next(node for node in cluster.primaries if node is not source)
    try:
        await deferToThread(cluster.move, moving, target)
        await here.ears.hear("interrupted", frozenset([CHAT]))
        await here.send(1)
        assert "arrived" in [event[0] for event in await here.heard()]
    finally:
        await deferToThread(cluster.move, moving, source)
    told = {event[1] for event in here.ears.heard if event[0] == "interrupted"}
    assert told == {frozenset([CHAT])}


@pytest_twisted.ensureDeferred
async def test_a_slot_that_is_on_its_way_for_long_is_unavailable_and_the_others_are_not(
    rig, cluster, log, expected_failures
):
    here = await rig.process()
    await here.send(1)
    moving = slot(CHAT)
    source = await deferToThread(cluster.at, moving)
    target = next(node for node in cluster.primaries if node is not source)
    target.cli("CLUSTER", "SETSLOT", str(moving), "IMPORTING", source.id)
    source.cli("CLUSTER", "SETSLOT", str(moving), "MIGRATING", target.id)
    try:
        with pytest.raises(Unavailable, match="is moving these chats to another node"):
            await here.send(2)
        assert await here.send(1, OTHER_CHAT) == "queued"
        # What has one key, and is not there yet, is asked for and put where the slot goes.
        await here.notes.chat_made(NEIGHBOUR, 60)
        assert await here.notes.was_chat_made(NEIGHBOUR)
        assert "made" in target.cli("CLUSTER", "GETKEYSINSLOT", str(moving), "10")
    finally:
        for node in (source, target):
            node.cli("CLUSTER", "SETSLOT", str(moving), "STABLE")
    assert await here.send(2) == "queued"
    assert await here.waiting() == [1, 2]
    expected_failures.take()
    await here.spool.keep_alive()
    assert log.about("Valkey") == [
        "error: Valkey refuses a command: it is moving these chats to another node",
        "info: Valkey takes commands again",
    ]


@pytest_twisted.ensureDeferred
async def test_while_a_slot_is_on_its_way_nothing_is_done_by_halves(
    rig, cluster, expected_failures
):
    """All keys are still there, but an outbox is not any more once its only message is out."""
    here = await rig.process()
    await here.notes.set_email(CHAT, "bob@example.com")
    for number in (1, 2):
        await here.send(number)
    await here.outbox.ack(CHAT, name(1))
    batch = await here.take("one")
    moving = slot(CHAT)
    source = await deferToThread(cluster.at, moving)
    target = next(node for node in cluster.primaries if node is not source)
    target.cli("CLUSTER", "SETSLOT", str(moving), "IMPORTING", source.id)
    source.cli("CLUSTER", "SETSLOT", str(moving), "MIGRATING", target.id)
    try:
        for change in (here.outbox.ack(CHAT, name(2)), here.settle(batch, remove=1)):
            with pytest.raises(Unavailable, match="is moving these chats to another node"):
                await change
    finally:
        for node in (source, target):
            node.cli("CLUSTER", "SETSLOT", str(moving), "STABLE")
    expected_failures.take()
    assert await here.waiting() == [2]
    assert await here.outbox.ack(CHAT, name(2)) is not None
    await here.settle(batch, remove=1)
    await rig.pass_time(REST)
    assert [report.id for report in await here.reports()] == [1, 2]


@pytest_twisted.ensureDeferred
async def test_a_trial_asks_each_node_and_leaves_nothing_behind(cluster):
    trials = await try_cluster(parse_url(cluster.url), reactor, Limits())
    assert {one.address for one in trials} == {
        f"127.0.0.1:{node.port}" for node in cluster.primaries
    }
    assert [one.refused for one in trials] == [[]] * 3
    assert all(one.info and one.info["cluster_enabled"] == "1" for one in trials)
    assert not any(await deferToThread(cluster.everywhere, "KEYS", "*"))


@pytest_twisted.ensureDeferred
async def test_a_cluster_is_reached_by_tls_and_with_a_password():
    with ValkeyCluster(tls=True, password="s3cret") as cluster:
        certificates = cluster.nodes[0].certificates
        assert certificates is not None
        files = TlsFiles(str(certificates.authority))
        queue = ClusterQueue(parse_url(cluster.url, files), reactor=reactor, limits=Limits())
        await queue.open()
        here = Process(queue)
        for chat in (CHAT, OTHER_CHAT):
            await here.live.subscribe(chat)
            assert await here.send(1, chat) == "queued"
            assert [event[0] for event in await here.heard(chat) if event[1] == chat] == ["arrived"]
        await queue.close()


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_no_cluster_says_so(valkey: Valkey, rig):
    with pytest.raises(Unavailable, match="is no Cluster"):
        await try_cluster(parse_url(valkey.url_of(0) + "?cluster=true"), reactor, Limits())


def test_the_tests_know_the_slots(cluster):
    assert cluster.cli("CLUSTER", "KEYSLOT", "{foo}x") == str(crc_hqx(b"foo", 0) % 16_384)
