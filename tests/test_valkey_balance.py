"""What became of everything, on Valkey: what others take out of it, or lose, is missing."""

from __future__ import annotations

import pytest_twisted

from chip.chat.outbound.ports import ClaimResult
from chip.chat.ports import Balance, Balances
from chip.limits import Limits
from tests.contracts.queue_parts import CHAT, DAY, name
from tests.support.valkey_rig import ValkeyRig

OUTBOX = f"chat:outbox:{CHAT}"


@pytest_twisted.async_yield_fixture
async def rig(valkey):
    rig = ValkeyRig(valkey)
    yield rig
    await rig.close()


@pytest_twisted.ensureDeferred
async def test_messages_that_somebody_else_took_out_are_missing(rig):
    here = await rig.process()
    for number in (1, 2, 3):
        await here.send(number)
    await rig.cli("LPOP", OUTBOX)
    assert await here.waiting() == [2, 3]
    assert (await here.queue.balances()).to_visitors == Balance(accepted=3, waiting=2, missing=1)

    await rig.cli("DEL", OUTBOX)
    assert await here.send(4) == "queued"
    assert (await here.queue.balances()).to_visitors == Balance(accepted=4, waiting=1, missing=3)


@pytest_twisted.ensureDeferred
async def test_messages_that_were_evicted_are_missing_at_the_latest_when_they_would_expire(rig):
    here = await rig.process()
    await here.send(1)
    await rig.cli("DEL", OUTBOX)
    await rig.pass_time(15 * DAY)
    assert await here.outbox.expire(10) == 0
    assert (await here.queue.balances()).to_visitors == Balance(accepted=1, missing=1)


@pytest_twisted.ensureDeferred
async def test_messages_of_another_server_are_accepted_when_they_are_met(rig):
    here = await rig.process()
    await rig.cli("RPUSH", OUTBOX, '{"id":"m7","ts":1,"msg":{"id":7,"text":"Hi"}}')
    assert await here.waiting() == [7]
    assert (await here.queue.balances()).to_visitors == Balance(accepted=1, waiting=1)


@pytest_twisted.ensureDeferred
async def test_events_that_were_evicted_are_missing_once_their_chat_is_looked_at(rig):
    here = await rig.process()
    await here.say("one", "two", may_claim=False)
    await rig.cli("DEL", f"chat:spool:{CHAT}")
    assert await here.spool.claim(CHAT) == ClaimResult("idle")
    assert (await here.queue.balances()).to_courier == Balance(accepted=2, missing=2)


@pytest_twisted.ensureDeferred
async def test_what_was_stored_before_there_was_a_count_is_not_missing(rig):
    here = await rig.process()
    await here.send(1)
    await here.say("one", may_claim=False)
    await rig.cli("DEL", "chat:balance")
    await rig.cli("HDEL", f"chat:numbers:{CHAT}", "count")
    await rig.cli("HDEL", f"chat:courier:{CHAT}", "count")
    await here.say("two", may_claim=False)
    batch = await here.claim()
    await here.settle(batch, remove=2)
    await here.outbox.ack(CHAT, name(1))
    assert await here.queue.balances() == Balances(
        Balance(accepted=1, done=1), Balance(accepted=3, done=2, waiting=1)
    )


@pytest_twisted.ensureDeferred
async def test_what_waits_for_longer_than_a_month_is_accepted_once(rig):
    here = await rig.process(limits=Limits(outbox_days=60, spool_hours=60 * 24))
    await here.send(1)
    await here.say("one", may_claim=False)
    await rig.pass_time(40 * DAY)
    assert await here.waiting() == [1]
    batch = await here.claim()
    assert await here.queue.balances() == Balances(
        Balance(accepted=1, waiting=1), Balance(accepted=1, waiting=1)
    )
    await here.settle(batch, remove=1)
    assert await here.spool.claim(CHAT) == ClaimResult("idle")
    assert (await here.queue.balances()).to_courier == Balance(accepted=1, done=1)
    await here.outbox.ack(CHAT, name(1))
    assert (await here.queue.balances()).to_visitors == Balance(accepted=1, done=1)
