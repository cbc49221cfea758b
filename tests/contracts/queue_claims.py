"""What every spool must do for processes that forward: claims, attempts and dead processes."""

from __future__ import annotations

import pytest_twisted

from chip.chat.outbound.ports import ClaimResult

from .queue_parts import CHAT, CLAIM_LASTS, OTHER_CHAT, QueueRig, texts
from .queue_times import TimedContract


class ClaimContract(TimedContract):
    """Who is at work on the events of a chat, and who may follow."""

    # Claims.

    @pytest_twisted.ensureDeferred
    async def test_without_leave_to_claim_the_chat_waits_for_whoever_has_room(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        spooled = await here.say("one", may_claim=False)
        assert spooled.claim == ClaimResult("waiting")
        assert await there.spool.due(10) == [CHAT]
        assert texts(await there.claim()) == ["one"]
        assert await here.spool.due(10) == []

    @pytest_twisted.ensureDeferred
    async def test_a_claimed_chat_is_left_to_its_owner(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        batch = await here.take("one")
        for process in (here, there):
            spooled = await process.say(f"more of {process is here}")
            assert spooled.claim == ClaimResult("elsewhere")
            assert await process.spool.claim(CHAT) == ClaimResult("elsewhere")
        assert (await there.say("last", may_claim=False)).claim.state == "elsewhere"

        following = (await here.settle(batch, remove=1)).batch
        assert following is not None
        assert texts(following) == ["more of True", "more of False", "last"]

    @pytest_twisted.ensureDeferred
    async def test_nothing_strands_when_a_claim_is_given_up(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        batch = await here.take("one")
        assert await here.settle(batch, remove=1) == ClaimResult("idle")
        assert await here.spool.claim(CHAT) == ClaimResult("idle")
        assert texts(await there.take("two")) == ["two"]

    @pytest_twisted.ensureDeferred
    async def test_a_chat_may_be_left_to_others_though_more_waits(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        batch = await here.take("one", "two")
        settled = await here.settle(batch, remove=1, may_continue=False)
        assert settled == ClaimResult("waiting")
        assert await there.spool.due(10) == [CHAT]
        assert texts(await there.claim()) == ["two"]

    @pytest_twisted.ensureDeferred
    async def test_a_delay_is_kept_by_everybody(self, rig: QueueRig, about):
        here, there = await rig.process(), await rig.process("there")
        batch = await here.take("one")
        assert await here.settle(batch, delay=60_000) == ClaimResult("waiting", delay=60_000)
        for process in (here, there):
            for claim in (await process.spool.claim(CHAT), (await process.say("more")).claim):
                assert (claim.state, claim.batch) == ("waiting", None)
                assert about(60_000 - claim.delay, 0)
        assert await here.spool.due(10) == []

        await rig.pass_time(61)
        assert await there.spool.due(10) == [CHAT]
        assert texts(await there.claim()) == ["one", "more"]

    @pytest_twisted.ensureDeferred
    async def test_what_is_due_longest_comes_first(self, rig: QueueRig):
        here = await rig.process()
        await here.say("one", chat=OTHER_CHAT, may_claim=False)
        await rig.pass_time(10)
        await here.say("two", chat=CHAT, may_claim=False)
        assert await here.spool.due(10) == [OTHER_CHAT, CHAT]
        assert await here.spool.due(1) == [OTHER_CHAT]

    @pytest_twisted.ensureDeferred
    async def test_a_claim_is_settled_once(self, rig: QueueRig):
        here = await rig.process()
        first = await here.take("one", "two", "three")
        second = (await here.settle(first, remove=1)).batch
        assert second is not None
        assert await here.settle(first, remove=1) == ClaimResult("elsewhere")

        third = (await here.settle(second, remove=1)).batch
        assert third is not None
        assert texts(third) == ["three"]
        assert await here.settle(third, remove=1) == ClaimResult("idle")
        assert await here.settle(third, remove=1) == ClaimResult("elsewhere")

    # Attempts.

    @pytest_twisted.ensureDeferred
    async def test_failures_of_the_first_entry_are_counted(self, rig: QueueRig, about):
        here = await rig.process()
        await here.settle(await here.take("one", "two"), failed=True, delay=1)
        await rig.pass_time(60)
        batch = await here.claim()
        assert batch.tries == 1
        assert about(batch.failing_for, 60)
        await here.settle(batch, failed=True, delay=1)
        await rig.pass_time(60)
        batch = await here.claim()
        assert batch.tries == 2
        assert about(batch.failing_for, 120)

    @pytest_twisted.ensureDeferred
    async def test_a_delay_alone_is_no_failure_and_forgives_none(self, rig: QueueRig):
        here = await rig.process()
        await here.settle(await here.take("one"), failed=True, delay=1)
        await rig.pass_time(1)
        await here.settle(await here.claim(), delay=1)
        await rig.pass_time(1)
        assert (await here.claim()).tries == 1

    @pytest_twisted.ensureDeferred
    async def test_the_count_starts_afresh_with_another_entry(self, rig: QueueRig, about):
        here = await rig.process()
        batch = await here.take("one", "two", "three")
        await here.settle(batch, failed=True, delay=1)
        await rig.pass_time(60)
        await here.settle(await here.claim(), remove=1, failed=True, delay=1)
        await rig.pass_time(60)
        batch = await here.claim()
        assert (texts(batch), batch.tries) == (["two", "three"], 1)
        assert about(batch.failing_for, 60)
        batch_of_three = (await here.settle(batch, remove=1)).batch
        assert batch_of_three is not None
        assert (batch_of_three.tries, batch_of_three.failing_for) == (0, 0)

    @pytest_twisted.ensureDeferred
    async def test_entries_of_unknown_fate_are_handed_on_as_such(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        batch = await here.take("one", "two", "three")
        await here.settle(batch, remove=1, unknown=1, delay=60_000)
        await here.say("four")
        await rig.pass_time(61)
        batch = await there.claim()
        assert (texts(batch), batch.unknown) == (["two", "three", "four"], 1)

        batch_of_four = (await there.settle(batch, remove=2)).batch
        assert batch_of_four is not None
        assert (texts(batch_of_four), batch_of_four.unknown) == (["four"], 0)

    # Death.

    @pytest_twisted.ensureDeferred
    async def test_a_dead_process_is_followed_once_courier_cannot_be_at_work(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        batch = await here.take("one", "two")
        await here.say("three")
        await rig.pass_time(25)
        assert (await there.say("four")).claim.state == "elsewhere"
        assert await there.spool.claim(CHAT) == ClaimResult("elsewhere")
        assert await there.spool.due(10) == []

        await rig.pass_time(CLAIM_LASTS - 25)
        assert await there.spool.due(10) == [CHAT]
        taken = await there.claim()
        assert (texts(taken), taken.unknown) == (["one", "two", "three", "four"], 2)

        assert await here.settle(batch, remove=2) == ClaimResult("elsewhere")
        rest = (await there.settle(taken, remove=1, unknown=1)).batch
        assert rest is not None
        assert (texts(rest), rest.unknown) == (["two", "three", "four"], 1)

    @pytest_twisted.ensureDeferred
    async def test_an_append_may_follow_a_dead_process_too(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        await here.take("one")
        await rig.pass_time(CLAIM_LASTS)
        batch = await there.take("two")
        assert (texts(batch), batch.unknown) == (["one", "two"], 1)

    @pytest_twisted.ensureDeferred
    async def test_a_living_process_keeps_its_claim_however_long(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        batch = await here.take("one")
        for _ in range(5):
            await rig.pass_time(11)
            await here.spool.keep_alive()
        assert await there.spool.claim(CHAT) == ClaimResult("elsewhere")
        assert await there.spool.due(10) == []
        assert (await there.say("two")).claim.state == "elsewhere"
        assert await here.spool.claim(CHAT) == ClaimResult("elsewhere")
        following = (await here.settle(batch, remove=1)).batch
        assert following is not None
        assert texts(following) == ["two"]

    @pytest_twisted.ensureDeferred
    async def test_a_retired_process_is_followed_like_a_dead_one(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        await here.take("one")
        await rig.pass_time(CLAIM_LASTS)
        await here.spool.keep_alive()
        assert await there.spool.claim(CHAT) == ClaimResult("elsewhere")
        await here.spool.retire()
        await rig.pass_time(10)
        assert (await there.claim()).unknown == 1

    @pytest_twisted.ensureDeferred
    async def test_what_nobody_had_begun_can_be_followed_at_once(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        await here.say("one", may_claim=False)
        await here.spool.retire()
        batch = await there.claim()
        assert (texts(batch), batch.unknown) == (["one"], 0)
