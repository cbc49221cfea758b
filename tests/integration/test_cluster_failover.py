"""A Cluster whose nodes have replicas: one dies, or is cut off, under load, and a replica goes on.

With three primaries and with six. Whoever is served by others answers as fast as ever.
"""

from __future__ import annotations

from functools import partial

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.models import ChatKey
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.cluster import nodes as cluster_nodes
from chip.queue.valkey.cluster.asking import nodes_to_ask
from chip.queue.valkey.cluster.routed import RoutedCommands
from chip.queue.valkey.cluster.slots import TAGS, partition_of, slot_of
from tests.contracts.queue_parts import CHANNEL, Process
from tests.support.cluster_rig import ClusterRig
from tests.support.process import eventually
from tests.support.queue_load import Load
from tests.support.valkey_cluster import Node, ValkeyCluster
from tests.support.valkey_rig import taken

CHATS = [ChatKey(f"{number:024}", CHANNEL) for number in range(24)]
CALM = 1.5
STAYS_CUT = 2.0
GOES_ON = 10.0
"""Seconds after which everybody goes on, and all has arrived."""


def partition(chat: ChatKey) -> int:
    return partition_of(str(chat).encode())


def slot(chat: ChatKey) -> int:
    return slot_of(TAGS[partition(chat)])


SLOT = slot(CHATS[0])


@pytest.fixture(scope="module", params=[3, 6])
def servers(request):
    """So many primaries with a replica each, which soon takes the place of one that is silent."""
    with ValkeyCluster(request.param, replicas=1, timeout=1500, cuttable=True) as cluster:
        yield cluster


@pytest.fixture
def replicated(servers):
    """Those with nothing in them, all well."""
    servers.links.mend()
    servers.wait_until_whole()
    servers.clear()
    return servers


@pytest_twisted.async_yield_fixture
async def load(replicated):
    rig = ClusterRig(replicated)
    queues = [await rig.queue(token, replicas=1) for token in ("here", "there")]
    servers = [replicated.links, *replicated.nodes]
    yield Load(*map(Process, queues), CHATS, servers)
    await rig.close()


def chats_not_of(node: Node) -> set[ChatKey]:
    """Those that this node does not serve now."""
    return {chat for chat in CHATS if not node.owns(slot(chat))}


def says_that_it_fails(node: Node) -> bool:
    return "cluster_state:fail" in node.cli("CLUSTER", "INFO")


def check_others(load: Load, others: set[ChatKey], harmed: Node | None = None) -> None:
    """These have not felt it. How busy the machine is shows before and after it, too, and by how
    long this process, or any that serves them, was kept from the CPU."""
    usual, during, starved = load.usual_p99(others), load.p99(others), load.starved(harmed)
    assert during < 2 * usual + 0.25 + starved, (usual, during, starved)


@pytest_twisted.ensureDeferred
async def test_when_a_primary_dies_its_replica_goes_on(replicated, load, log, expected_failures):
    dead = replicated.at(SLOT)
    heir = replicated.heir_of(dead)
    others = chats_not_of(dead)

    async def kill():
        dead.kill()
        await deferToThread(replicated.wait_for_owner, SLOT, heir)
        # What is stored must be on a replica: nothing is, until there is one again.
        while not log.about("it has too few replicas"):
            await deferLater(reactor, 0.05)
        await deferToThread(dead.start)

    await load.while_(kill, GOES_ON, CALM)
    expected_failures.take()
    load.check()
    check_others(load, others, dead)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("from_chip", [True, False], ids=["from all", "from the other nodes"])
async def test_when_a_primary_is_cut_off_its_replica_goes_on(
    replicated, load, expected_failures, from_chip
):
    """It runs on. Where Chip reaches it, it goes on accepting until it notices, and its replica
    has none of that."""
    lonely = replicated.at(SLOT)
    heir = replicated.heir_of(lonely)
    others = chats_not_of(lonely)

    async def cut_off():
        await deferToThread(replicated.cut_off, lonely, from_chip=from_chip)
        await deferToThread(replicated.wait_for_owner, SLOT, heir)
        assert lonely.owns(SLOT)  # nobody has told it
        await deferLater(reactor, STAYS_CUT)
        await deferToThread(replicated.links.mend)

    await load.while_(cut_off, GOES_ON, CALM)
    expected_failures.forgive("Valkey refuses a command")
    load.check()
    check_others(load, others, lonely)


@pytest_twisted.ensureDeferred
async def test_what_a_primary_takes_that_is_cut_off_is_lost_and_never_promised_with_replicas(
    replicated, expected_failures
):
    rig = ClusterRig(replicated)
    careless = Process(await rig.queue("careless"))
    careful = Process(await rig.queue("careful", replicas=1))
    lonely = replicated.at(SLOT)
    heir = replicated.heir_of(lonely)
    assert await taken(lambda: careful.send(1, CHATS[0])) in ("queued", "repeated")
    try:
        # From its heir alone at first: once it is cut off from all, it accepts only until it
        # notices.
        replicated.links.cut([lonely.address], [heir.address])
        assert await careless.send(2, CHATS[0]) == "queued"
        with pytest.raises(Unavailable):
            await careful.send(3, CHATS[0])
        replicated.cut_off(lonely, from_chip=False)
        await deferToThread(replicated.wait_for_owner, SLOT, heir)
    finally:
        replicated.links.mend()
    await deferToThread(replicated.wait_until_whole)
    there = await taken(lambda: careful.waiting(CHATS[0]))
    await rig.close()
    expected_failures.take()
    assert there == [1]


@pytest_twisted.ensureDeferred
async def test_who_serves_is_not_asked_of_a_node_that_is_cut_off(replicated, monkeypatch):
    # It is to be known all the time, though it serves nothing.
    monkeypatch.setattr(cluster_nodes, "CLOSE_AFTER", 3600)
    nodes = nodes_to_ask(parse_url(replicated.url), reactor)
    await nodes.open()
    lonely = replicated.at(SLOT)
    heir = replicated.heir_of(lonely)
    asked = partition(CHATS[0])
    moved: list[int] = []
    nodes.on_moved = moved.append
    try:
        replicated.cut_off(lonely, from_chip=False)
        others = [node for node in replicated.nodes if node is not lonely]
        for node in others:
            await deferToThread(eventually, partial(node.names, heir, SLOT), "all know the heir")
        await deferToThread(eventually, partial(says_that_it_fails, lonely), "it has noticed, too")
        commands = RoutedCommands(asked, nodes, reactor)
        await taken(lambda: commands.call(b"GET", b"{%b}" % TAGS[asked]))
        for _ in range(30):
            nodes.look(0)
            await deferLater(reactor, 0.03)
    finally:
        replicated.links.mend()
        await nodes.close()
    assert lonely.card.port in {node.place.port for node in nodes.all}
    assert moved.count(asked) == 1


@pytest_twisted.ensureDeferred
async def test_a_slot_that_moves_to_and_fro_takes_nothing_with_it(
    replicated, load, expected_failures
):
    source = replicated.at(SLOT)
    target = next(node for node in replicated.nodes if node is not source and node.owns_any())
    others = {chat for chat in CHATS if slot(chat) != SLOT}

    async def move_it():
        for to in (target, source, target, source):
            await deferLater(reactor, 0.3)
            await deferToThread(replicated.move, SLOT, to)
        await deferLater(reactor, 0.3)

    await load.while_(move_it, GOES_ON, CALM)
    # A machine that is busy may take longer than the second for which chats wait, or than
    # replicas may.
    expected_failures.forgive("Valkey refuses a command")
    load.check()
    check_others(load, others)
    disturbed = frozenset().union(*[chats for ears in load.ears for chats in ears.interruptions])
    assert disturbed == set(CHATS) - others
