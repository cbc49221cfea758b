"""A Valkey that is there and refuses what it is asked, with replicas that are waited for or not."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.logger import formatEvent

from chip.errors import Unavailable
from tests.contracts.queue_parts import CHAT, Process, name
from tests.support.process import free_port
from tests.support.sentinels import Pair
from tests.support.valkey import Valkey
from tests.support.valkey_rig import ValkeyRig


@pytest.fixture(params=[0, 1], ids=["alone", "with a replica"])
def replicas(request):
    """How many are waited for."""
    return request.param


@pytest.fixture
def server(replicas):
    """A server of the test's own, to be starved."""
    if replicas:
        with Pair() as pair:
            yield pair.primary
    else:
        with Valkey() as server:
            yield server


@pytest_twisted.async_yield_fixture
async def rig(server):
    rig = ValkeyRig(server)
    yield rig
    await rig.close()


@pytest_twisted.async_yield_fixture
async def here(rig, replicas):
    yield Process(await rig.queue(replicas=replicas))


@pytest_twisted.ensureDeferred
async def test_a_server_without_memory_takes_acks_and_nothing_else(rig, here, expected_failures):
    await here.send(1)
    batch = await here.take("one")
    await rig.cli("CONFIG", "SET", "maxmemory", "1")
    for refused in (here.send(2), here.say("two"), here.notes.chat_made(CHAT, 60)):
        with pytest.raises(Unavailable, match="Valkey is out of memory"):
            await refused
    (event,) = expected_failures.take()
    assert formatEvent(event) == "Valkey refuses a command: it is out of memory"
    assert await here.outbox.ack(CHAT, name(1)) is not None
    assert (await here.settle(batch, remove=1)).state == "waiting"

    await rig.cli("CONFIG", "SET", "maxmemory", "0")
    assert await here.send(2) == "queued"
    assert await here.waiting() == [2]


@pytest_twisted.ensureDeferred
async def test_a_read_only_replica_is_left_for_whoever_is_primary(rig, here, expected_failures):
    await rig.cli("REPLICAOF", "127.0.0.1", str(free_port()))
    with pytest.raises(Unavailable, match="Valkey is a read-only replica"):
        await here.send(1)
    (event,) = expected_failures.take()
    assert formatEvent(event) == "Valkey refuses a command: it is a read-only replica"
    await rig.cli("REPLICAOF", "NO", "ONE")
    await here.ears.hear("interrupted")
    assert await here.send(1) == "queued"
