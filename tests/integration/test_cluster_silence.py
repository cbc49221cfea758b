"""A node of a Cluster falls silent: what is asked of all of them does not wait for it."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import pytest_twisted
from twisted.internet import reactor

from chip.chat.ports import Queue
from chip.models import ChatKey
from chip.ops.status import Status
from chip.queue.valkey.cluster.partitions import SILENT_FOR
from chip.queue.valkey.connection import ANSWER_TIMEOUT
from chip.tasks import pause
from tests.contracts.queue_parts import CHANNEL, Process
from tests.support.cluster_rig import ClusterRig
from tests.support.lateness import Lateness, Waits
from tests.support.memory_store import MemoryStore
from tests.support.valkey_cluster import Node

from .test_cluster_faults import slot

CHATS = [ChatKey(f"{number:024}", CHANNEL) for number in range(24)]
SILENCE = 5
"""Seconds: more than the connection to a silent node stands, and the wait for it to come back."""


@pytest_twisted.async_yield_fixture
async def rig(cluster):
    rig = ClusterRig(cluster)
    yield rig
    await rig.close()


@pytest.fixture
def silent(cluster) -> Node:
    node = cluster.primaries[1]
    yield node
    node.resume()


class Answer(NamedTuple):
    """What was answered to a question, and from when to when it was asked."""

    answer: Any
    began: float
    ended: float


async def answer_to(question: Any) -> Answer:
    began = reactor.seconds()
    return Answer(await question, began, reactor.seconds())


def slowest(answers: list[Answer], lateness: Lateness) -> float:
    """How long the slowest answer took, but for what held up this process."""
    late = partial(lateness.worst, without_cpu=True)
    return max(one.ended - one.began - late(one.began, one.ended) for one in answers)


def status_of(queue: Queue) -> Status:
    server: Any = SimpleNamespace(outbound=SimpleNamespace(courier_trouble=""))
    backend: Any = SimpleNamespace(store=MemoryStore(reactor.seconds), queue=queue)
    config: Any = None
    return Status(config, server, backend, lambda: False)


@pytest_twisted.ensureDeferred
async def test_a_process_is_ready_all_the_time_and_says_so_soon(rig, silent):
    status = status_of(await rig.queue())
    silent.pause()
    began, answers = reactor.seconds(), []
    with Lateness() as lateness:
        while reactor.seconds() < began + SILENCE:
            answers.append(await answer_to(status.readiness()))
            readiness = answers[-1].answer
            assert readiness.ready, readiness
            assert f"127.0.0.1:{silent.port}" in readiness.parts["queues"]
            await pause(reactor, 0.3)
    assert slowest(answers, lateness) < ANSWER_TIMEOUT


@pytest_twisted.ensureDeferred
async def test_what_is_due_on_the_others_is_found_soon(rig, silent):
    here = Process(await rig.queue())
    well = {chat for chat in CHATS if not silent.owns(slot(chat))}
    for chat in well:
        await here.say("Hello", chat=chat, may_claim=False)
    silent.pause()
    began, answers = reactor.seconds(), []
    with Lateness() as lateness, Waits(rig.cluster.nodes) as waits:
        while reactor.seconds() < began + SILENCE:
            answers.append(await answer_to(here.spool.due(100)))
            await pause(reactor, 0.6)  # what was found before is not believed any more
    for found, asked_at, ended in answers:
        assert set(found) <= well
        # A busy machine may make another node as silent.
        others_waited = waits.worst(asked_at, ended, without=silent)
        assert set(found) == well or others_waited > SILENT_FOR / 2
    assert slowest(answers, lateness) < ANSWER_TIMEOUT
