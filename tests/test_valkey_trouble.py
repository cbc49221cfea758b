"""A Valkey that is there and refuses what it is asked, with replicas that are waited for or not."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.logger import formatEvent

from chip.errors import Unavailable
from chip.queue.valkey import connection
from chip.queue.valkey import replicas as replicas_module
from chip.queue.valkey.queue import ValkeyQueue
from chip.tasks import pause
from tests.contracts.queue_parts import CHAT, Process, name
from tests.support.process import eventually, free_port
from tests.support.sentinels import server_with
from tests.support.valkey_rig import ValkeyRig

pytestmark = pytest.mark.private_parts


@pytest.fixture(params=[0, 1], ids=["alone", "with a replica"])
def replicas(request, monkeypatch):
    """How many are waited for: for as long as a busy machine takes. What is asked meanwhile is
    answered later still."""
    monkeypatch.setattr(replicas_module, "WAIT_MS", 20_000)
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", 60)
    return request.param


@pytest.fixture
def server(replicas):
    """A server of the test's own, to be starved."""
    with server_with(replicas) as server:
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


# It is there all the same.


@pytest.fixture
def impatience(monkeypatch):
    """Chip looks often whether the server is there."""
    monkeypatch.setattr(connection, "PING_INTERVAL", 0.05)


async def looks(queue: ValkeyQueue) -> None:
    """Chip has looked several times whether the server is there, on both connections."""
    await pause(reactor, 0.5)
    assert queue.connected


@pytest_twisted.ensureDeferred
async def test_a_server_that_cannot_write_to_its_disk_can_be_read(
    rig, here, server, impatience, expected_failures, monkeypatch
):
    monkeypatch.setattr(connection, "RETURN_WITHIN", 60)
    await here.send(1)
    try:
        await deferToThread(server.cannot_save)
        with pytest.raises(Unavailable, match="Valkey cannot write to its disk"):
            await here.send(2)
        await looks(rig.queues[0])
        assert here.ears.heard == []
        await deferToThread(server.drop_clients)
        await here.ears.hear("interrupted")
        await here.live.subscribe(CHAT)
        await looks(rig.queues[0])
        assert await here.waiting() == [1]
        with pytest.raises(Unavailable, match="Valkey cannot write to its disk"):
            await here.spool.keep_alive()
    finally:  # with the disk as it is, it would not stop either
        await rig.cli("CONFIG", "SET", "save", "")
    expected_failures.take()
    assert await here.send(2) == "queued"


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_busy_with_a_script_is_not_left(
    rig, here, server, impatience, expected_failures
):
    await here.live.subscribe(CHAT)
    await rig.cli("CONFIG", "SET", "lua-time-limit", "10")
    script = deferToThread(server.cli, "EVAL", "while true do end", "0")
    await deferToThread(eventually, lambda: "BUSY" in server.cli("GET", "x"), "it is busy")
    with pytest.raises(Unavailable, match="Valkey is busy with a script"):
        await here.send(1)
    await looks(rig.queues[0])
    await rig.cli("SCRIPT", "KILL")
    await script
    expected_failures.take()
    assert await here.send(1) == "queued"
    assert [event[0] for event in await here.heard()] == ["arrived"]
