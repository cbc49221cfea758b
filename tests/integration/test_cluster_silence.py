"""A node of a Cluster falls silent: what is asked of all of them does not wait for it."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from chip.chat.ports import Queue
from chip.models import ChatKey
from chip.ops.status import Status
from chip.queue.valkey.connection import ANSWER_TIMEOUT
from chip.tasks import pause
from tests.contracts.queue_parts import CHANNEL, Process
from tests.support.cluster_rig import ClusterRig
from tests.support.lateness import Lateness
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


class Slowest:
    """How long the slowest of several questions took, but for what held up this process."""

    def __init__(self) -> None:
        self._lateness = Lateness()
        self._spans: list[tuple[float, float]] = []

    async def of(self, question: Any) -> Any:
        began = reactor.seconds()
        answer = await question
        self._spans.append((began, reactor.seconds()))
        return answer

    def __enter__(self) -> Slowest:
        self._lateness.__enter__()
        return self

    def __exit__(self, *_: Any) -> None:
        self._lateness.__exit__()

    @property
    def seconds(self) -> float:
        late = partial(self._lateness.worst, without_cpu=True)
        return max(ended - began - late(began, ended) for began, ended in self._spans)


def status_of(queue: Queue) -> Status:
    server: Any = SimpleNamespace(outbound=SimpleNamespace(courier_trouble=""))
    backend: Any = SimpleNamespace(store=MemoryStore(reactor.seconds), queue=queue)
    config: Any = None
    return Status(config, server, backend, lambda: False)


@pytest_twisted.ensureDeferred
async def test_a_process_is_ready_all_the_time_and_says_so_soon(rig, silent):
    status, slowest = status_of(await rig.queue()), Slowest()
    silent.pause()
    began = reactor.seconds()
    with slowest:
        while reactor.seconds() < began + SILENCE:
            readiness = await slowest.of(status.readiness())
            assert readiness.ready, readiness
            assert f"127.0.0.1:{silent.port}" in readiness.parts["queues"]
            await pause(reactor, 0.3)
    assert slowest.seconds < ANSWER_TIMEOUT


@pytest_twisted.ensureDeferred
async def test_what_is_due_on_the_others_is_found_soon(rig, silent):
    here, slowest = Process(await rig.queue()), Slowest()
    well = {chat for chat in CHATS if not silent.owns(slot(chat))}
    for chat in well:
        await here.say("Hello", chat=chat, may_claim=False)
    silent.pause()
    began, found = reactor.seconds(), []
    with slowest:
        while reactor.seconds() < began + SILENCE or len(found) < 3:
            found.append(set(await slowest.of(here.spool.due(100))))
            assert found[-1] <= well
            await pause(reactor, 0.6)  # what was found before is not believed any more
    # Another node may be silent for once, where the machine is busy.
    assert found.count(well) > len(found) / 2
    assert slowest.seconds < ANSWER_TIMEOUT
