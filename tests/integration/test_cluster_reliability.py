"""Two Chips on a Cluster whose nodes die, are cut off and hand over slots, one after the other.

Nothing that was accepted is lost, reordered or shown twice; whoever is served by other nodes is
answered as fast as ever; and soon after each of these, everybody goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.models import ChatKey
from chip.queue.valkey.cluster.slots import TAGS, partition_of, slot_of
from chip.tasks import pause
from tests.support.lateness import Lateness, Waits
from tests.support.process import ChildProcess
from tests.support.valkey_cluster import Node, ValkeyCluster
from tests.support.visitors import Visitors

WARM_UP = 1.0
CALM = 2.0
STAYS_CUT = 2.0
"""Seconds for which a node is cut off after its replica has taken its place."""
GOES_ON = 10.0


@pytest.fixture(params=[3, 6])
def cluster(request):
    """So many primaries with a replica each."""
    with ValkeyCluster(request.param, replicas=1, timeout=1500, cuttable=True) as cluster:
        yield cluster


class Ordeal:
    """What the visitors go through."""

    def __init__(
        self, visitors: Visitors, cluster: ValkeyCluster, others: list[ChildProcess]
    ) -> None:
        self.visitors = visitors
        self.cluster = cluster
        self.lateness = Lateness()
        self.waits = Waits([cluster.links, *cluster.nodes, *others])
        self.slots = {chat: self._slot(chat) for chat in visitors.chats}
        self.slot = self.slots[visitors.chats[0]]
        # Since when it was calm; and between that, what each harm was and to whom, from when to
        # when, and whom it did not concern.
        self._calms: list[float] = []
        self._harms: list[tuple[str, Node, float, float, list[str]]] = []

    def _slot(self, chat: str) -> int:
        key = ChatKey(chat, self.visitors.channel.uuid)
        return slot_of(TAGS[partition_of(str(key).encode())])

    async def calm(self) -> None:
        self._calms.append(time.time())
        await pause(reactor, CALM)

    async def harm(self, how) -> None:
        """Do that to the node that serves the first chat; soon after, everybody goes on."""
        node = await deferToThread(self.cluster.at, self.slot)
        others = await deferToThread(self._not_on, node)
        began = time.time()
        await how(self, node)
        ended = time.time()
        await self.visitors.until(partial(self._all_go_on, ended), "everybody to go on")
        assert time.time() - ended < GOES_ON
        self._harms.append((how.__name__, node, began, ended, others))
        await deferToThread(self.cluster.wait_until_whole)
        await self.calm()

    def _not_on(self, node: Node) -> list[str]:
        return [chat for chat, slot in self.slots.items() if not node.owns(slot)]

    def _all_go_on(self, since: float) -> bool:
        said = self.visitors.history.said.values()
        go_on = {(one.chat, one.way) for one in said if one.at > since and one.accepted}
        return len(go_on) == 2 * len(self.slots)

    def check_others(self) -> None:
        """They have not felt it. How busy the machine is shows before and after it, too; and what
        holds up the tests, or keeps any process from the CPU, is not Chip's doing."""
        usual = [self._p99(self.slots, since, since + CALM) for since in self._calms]
        for (name, harmed, began, ended, others), *around in zip(
            self._harms, usual, usual[1:], strict=False
        ):
            during = self._p99(others, began, ended)
            late = max(
                self.lateness.worst(began, ended + CALM),
                self.waits.worst(began, ended + CALM, without=harmed),
            )
            assert during < 2 * max(around) + 0.5 + late, (name, around, during, late)

    def _p99(self, chats: Iterable[str], since: float, until: float) -> float:
        """Within what time 99 % of that was accepted which was said meanwhile."""
        said = [one for one in self.visitors.history.said.values() if since <= one.at < until]
        waits = [one.accepted - one.at for one in said if one.chat in chats and one.accepted]
        return sorted(waits)[len(waits) * 99 // 100]


async def a_primary_dies(ordeal: Ordeal, node: Node) -> None:
    heir = await deferToThread(ordeal.cluster.heir_of, node)
    node.kill()
    await deferToThread(ordeal.cluster.wait_for_owner, ordeal.slot, heir)
    # What is stored must be on a replica, so there must be one again.
    await deferToThread(node.start)


async def a_primary_is_cut_off(ordeal: Ordeal, node: Node, *, from_chip: bool = True) -> None:
    heir = await deferToThread(ordeal.cluster.heir_of, node)
    await deferToThread(ordeal.cluster.cut_off, node, from_chip=from_chip)
    await deferToThread(ordeal.cluster.wait_for_owner, ordeal.slot, heir)
    await pause(reactor, STAYS_CUT)
    await deferToThread(ordeal.cluster.links.mend)


async def a_primary_is_cut_off_from_the_others(ordeal: Ordeal, node: Node) -> None:
    await a_primary_is_cut_off(ordeal, node, from_chip=False)


async def a_slot_moves(ordeal: Ordeal, node: Node) -> None:
    target = next(one for one in ordeal.cluster.nodes if one is not node and one.owns_any())
    for to in (target, node, target, node):
        await deferToThread(ordeal.cluster.move, ordeal.slot, to)
        await pause(reactor, 0.5)


async def test_two_chips_lose_nothing_whatever_happens_to_a_primary(
    start_chip, courier, channel, cluster, postgres
):
    on_it = {"valkey": cluster.url, "valkey_replicas": 1, "limits": "off"}
    chips = [start_chip(**on_it) for _ in range(2)]
    visitors = Visitors(courier, channel, [chip.url for chip in chips], pipelined=False)
    await visitors.come(12)
    ordeal = Ordeal(visitors, cluster, [*chips, courier, postgres])
    with ordeal.lateness, ordeal.waits:
        async with visitors.talking(every=0.4):
            await pause(reactor, WARM_UP)
            await ordeal.calm()
            await ordeal.harm(a_slot_moves)
            await ordeal.harm(a_primary_dies)
            await ordeal.harm(a_primary_is_cut_off)
            await ordeal.harm(a_primary_is_cut_off_from_the_others)
    await visitors.come_to_rest()
    ordeal.check_others()
