"""A node of a Cluster stores nothing: what is due on the others goes to Courier all the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from chip.chat.outbound.forwarder import TAKEN_TOGETHER, Forwarder
from chip.chat.outbound.ports import Batch, Outcome
from chip.errors import Unavailable
from chip.models import ChatKey
from chip.queue.valkey.cluster.slots import TAGS, partition_of, slot_of
from chip.tasks import Tasks, pause
from tests.contracts.queue_parts import CHANNEL, Process, name
from tests.support.cluster_rig import ClusterRig
from tests.support.valkey_cluster import Node, ValkeyCluster
from tests.support.valkey_rig import taken

CHATS = [ChatKey(f"{number:024}", CHANNEL) for number in range(100)]


class Courier:
    """Takes everything, in place of `Attempts`."""

    def __init__(self) -> None:
        self.heard: list[ChatKey] = []

    async def make(self, batch: Batch) -> Outcome:
        self.heard.append(batch.chat)
        return Outcome(remove=len(batch.entries))

    async def hears(self, chat: ChatKey) -> None:
        for _ in range(200):
            if chat in self.heard:
                return
            await pause(reactor, 0.05)
        pytest.fail("the report has not come")


@pytest.fixture(scope="module")
def servers():
    with ValkeyCluster(3, replicas=1, timeout=60_000) as cluster:
        yield cluster


@pytest.fixture
def ill(servers) -> Node:
    """A node without its replica."""
    servers.clear()
    node = servers.primaries[0]
    heir = servers.replicas[0]
    heir.kill()
    yield node
    heir.start()
    servers.wait_until_whole()


def is_at(node: Node, chat: ChatKey) -> bool:
    return node.owns(slot_of(TAGS[partition_of(str(chat).encode())]))


async def cannot_say(process: Process, chat: ChatKey) -> None:
    with pytest.raises(Unavailable, match="too few replicas"):
        await process.say("Hello", chat=chat)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("is_open", [False, True], ids=["all room", "probes only"])
async def test_reports_on_other_nodes_are_posted_while_one_has_too_few_replicas(
    servers, ill, is_open, expected_failures
):
    at_ill = [chat for chat in CHATS if is_at(ill, chat)][: 2 * TAKEN_TOGETHER]
    well = next(chat for chat in CHATS if not is_at(ill, chat))
    rig, tasks, courier = ClusterRig(servers), Tasks(), Courier()
    here = Process(await rig.queue(replicas=1))
    await gatherResults([Deferred.fromCoroutine(cannot_say(here, chat)) for chat in at_ill])
    # Any replica may be late for once.
    await taken(lambda: here.send(1, well))
    await taken(lambda: here.outbox.ack(well, name(1)))
    circuit: Any = SimpleNamespace(is_open=is_open, may_probe=True, for_forwarding=48)
    attempts: Any = courier
    nobodys: Any = SimpleNamespace()
    forwarder = Forwarder(
        spool=here.spool,
        circuit=circuit,
        attempts=attempts,
        wiped_emails=nobodys,
        tasks=tasks,
        clock=reactor,
    )
    try:
        await forwarder.start()
        await courier.hears(well)
        assert courier.heard == [well]
    finally:
        forwarder.stop()
        await forwarder.retire()
        await tasks.finish()
        await rig.close()
    expected_failures.take()
