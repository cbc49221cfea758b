"""Spools that came back as they were a while ago: what waits there may have arrived since."""

from __future__ import annotations

import pytest_twisted
from twisted.internet.threads import deferToThread

from tests.contracts.queue_parts import Process, claimed
from tests.support.valkey import Valkey
from tests.support.valkey_rig import ValkeyRig

transcript = pytest_twisted.ensureDeferred


@pytest_twisted.async_yield_fixture
async def rig():
    """On a server that keeps what it had when it was told to `SAVE`."""
    with Valkey(settings={"appendonly": "no"}) as valkey:
        rig = ValkeyRig(valkey)
        yield rig
        await rig.close()


async def come_back_with(rig: ValkeyRig, here: Process, *texts: str) -> None:
    """The server dies, and comes back as it was when these waited."""
    await here.say(*texts, may_claim=False)
    await rig.cli("SAVE")
    await deferToThread(rig.valkey.kill)
    await deferToThread(rig.valkey.start)
    await here.ears.hear("interrupted")


@transcript
async def test_what_waited_may_have_arrived_and_what_was_said_since_has_not(rig):
    here = await rig.process()
    await come_back_with(rig, here, "one", "two")
    await here.say("three", may_claim=False)
    batch = await here.claim()
    assert (batch.unknown, len(batch.entries)) == (2, 3)


@transcript
async def test_once_it_is_known_that_the_first_has_not_arrived_none_is_in_doubt(rig):
    here = await rig.process()
    await come_back_with(rig, here, "one", "two")
    batch = await here.claim()
    again = claimed(await here.settle(batch, failed=True))
    assert (again.unknown, len(again.entries)) == (0, 2)
    await here.settle(again, may_continue=False)
    assert (await here.claim()).unknown == 0


@transcript
async def test_while_nobody_can_say_it_stays_in_doubt(rig):
    here = await rig.process()
    await come_back_with(rig, here, "one", "two")
    batch = await here.claim()
    assert claimed(await here.settle(batch, unknown=2)).unknown == 2


@transcript
async def test_more_than_one_batch_may_have_arrived(rig):
    here = await rig.process()
    await come_back_with(rig, here, *map(str, range(60)))
    batch = await here.claim()
    assert batch.unknown == 50
    rest = claimed(await here.settle(batch, remove=50))
    assert (rest.unknown, len(rest.entries)) == (10, 10)
    await here.settle(rest, remove=10)
    assert (await here.take("said since")).unknown == 0


@transcript
async def test_a_server_that_went_on_leaves_nothing_in_doubt(rig):
    here = await rig.process()
    await here.say("one", may_claim=False)
    await deferToThread(rig.valkey.drop_clients)
    await here.ears.hear("interrupted")
    assert (await here.claim()).unknown == 0
