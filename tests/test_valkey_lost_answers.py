"""Claims and outcomes that Valkey has noted, and whose answer was lost on the way."""

from __future__ import annotations

import pytest
import pytest_twisted

from chip.chat.outbound.ports import ClaimResult
from chip.queue.valkey.errors import AnswerLost
from tests.contracts.queue_parts import CHAT, texts
from tests.support.valkey_rig import ValkeyRig


@pytest_twisted.async_yield_fixture
async def rig(valkey):
    rig = ValkeyRig(valkey)
    yield rig
    await rig.close()


class LosesOneAnswer:
    """Stands in for one of a spool's scripts: its next call is carried out, and the answer is lost
    on the way."""

    def __init__(self, spool, name):
        self._spool, self._name, self._script = spool, name, getattr(spool, name)
        setattr(spool, name, self)

    async def run(self, *arguments):
        setattr(self._spool, self._name, self._script)
        await self._script.run(*arguments)
        raise AnswerLost("the connection was lost")


@pytest_twisted.ensureDeferred
async def test_a_claim_whose_answer_was_lost_is_taken_up_again_at_once(rig):
    here, there = await rig.process("here"), await rig.process("there")
    LosesOneAnswer(here.spool, "_append")
    with pytest.raises(AnswerLost):
        await here.say("one")
    assert await there.spool.due(10) == []
    assert await there.spool.claim(CHAT) == ClaimResult("elsewhere")
    assert await here.spool.due(10) == [CHAT]
    batch = await here.claim()
    assert (texts(batch), batch.unknown) == (["one"], 0)
    assert await here.spool.due(10) == []


@pytest_twisted.ensureDeferred
async def test_what_the_visitor_says_next_takes_up_a_claim_whose_answer_was_lost(rig):
    here = await rig.process("here")
    LosesOneAnswer(here.spool, "_append")
    with pytest.raises(AnswerLost):
        await here.say("one")
    assert texts(await here.take("two")) == ["one", "two"]


@pytest_twisted.ensureDeferred
async def test_a_claim_that_is_lost_twice_is_taken_up_all_the_same(rig):
    here = await rig.process("here")
    LosesOneAnswer(here.spool, "_append")
    with pytest.raises(AnswerLost):
        await here.say("one")
    LosesOneAnswer(here.spool, "_claim")
    with pytest.raises(AnswerLost):
        await here.spool.claim(CHAT)
    assert await here.spool.due(10) == [CHAT]
    assert (await here.claim()).unknown == 0


@pytest_twisted.ensureDeferred
async def test_an_outcome_whose_answer_was_lost_is_noted_once_and_the_chat_goes_on(rig):
    here = await rig.process("here")
    batch = await here.take("one", "two", "three")
    await here.notes.set_email(CHAT, "bob@example.com")
    LosesOneAnswer(here.spool, "_settle")
    with pytest.raises(AnswerLost):
        await here.settle(batch, remove=1)
    again = await here.settle(batch, remove=1)
    assert again.batch is not None
    assert again.email == "bob@example.com"
    assert (texts(again.batch), again.batch.unknown) == (["two", "three"], 0)
    assert (await here.settle(again.batch, remove=2)).state == "idle"


@pytest_twisted.ensureDeferred
async def test_what_was_unknown_before_a_lost_claim_is_so_after_it(rig):
    here = await rig.process("here")
    batch = await here.take("one", "two", "three")
    LosesOneAnswer(here.spool, "_settle")
    with pytest.raises(AnswerLost):
        await here.settle(batch, unknown=2)
    again = await here.settle(batch, unknown=2)
    assert again.batch is not None
    assert again.batch.unknown == 2
