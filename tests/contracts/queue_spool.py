"""What every spool must do with events: keep them in order, bound them, know about them."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from chip.chat.outbound.ports import BATCH, ClaimResult
from chip.chat.ports import Balance, Balances, Depths
from chip.limits import Limits
from chip.models import Incoming

from .queue_parts import (
    CHAT,
    DAY,
    HOUR,
    NEIGHBOUR,
    OTHER_CHAT,
    REPORT,
    REST,
    QueueRig,
    claimed,
    name,
    texts,
)
from .queue_times import TimedContract


class SpoolContract(TimedContract):
    """Events waiting for Courier."""

    # Storing.

    @pytest_twisted.ensureDeferred
    async def test_whoever_stores_the_first_event_gets_it_to_forward(self, rig: QueueRig):
        here = await rig.process()
        events = [Incoming("Hello", "r1"), REPORT, Incoming('No "ref", ☃\n')]
        spooled = await here.spool.append(CHAT, events, last_confirmed="", may_claim=True)

        assert spooled.results == ["queued", "queued", "queued"]
        batch = claimed(spooled.claim)
        assert batch.chat == CHAT
        assert [entry.event for entry in batch.entries] == events
        assert (batch.unknown, batch.tries, batch.failing_for) == (0, 0, 0)
        assert (batch.last_text, batch.since_last_text) == ("", None)

    @pytest_twisted.ensureDeferred
    async def test_events_go_in_the_order_in_which_they_came(self, rig: QueueRig):
        here = await rig.process()
        batch = await here.take("0")
        for text in range(1, 2 * BATCH):
            await here.say(str(text))
        assert texts(batch) == ["0"]

        second = (await here.settle(batch, remove=1)).batch
        assert second is not None
        assert texts(second) == [str(text) for text in range(1, BATCH + 1)]
        third = (await here.settle(second, remove=BATCH)).batch
        assert third is not None
        assert texts(third) == [str(text) for text in range(BATCH + 1, 2 * BATCH)]
        assert await here.settle(third, remove=len(third.entries)) == ClaimResult("idle")

    @pytest_twisted.ensureDeferred
    async def test_events_stored_at_once_are_claimed_by_one_of_them(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        stored = await gatherResults(
            [
                Deferred.fromCoroutine(process.say(f"{index}"))
                for index in range(20)
                for process in (here, there)
            ]
        )
        assert sorted(spooled.claim.state for spooled in stored) == ["claimed", *["elsewhere"] * 39]

    @pytest_twisted.ensureDeferred
    async def test_a_ref_counts_once_in_its_chat(self, rig: QueueRig):
        here = await rig.process()
        batch = await here.take("one")
        again = await here.spool.append(
            CHAT,
            [Incoming("other text", "one"), Incoming("two", "two"), Incoming("two", "two")],
            last_confirmed="",
            may_claim=True,
        )
        assert again.results == ["repeated", "queued", "repeated"]
        assert texts(await here.take("one", chat=OTHER_CHAT)) == ["one"]
        following = (await here.settle(batch, remove=1)).batch
        assert following is not None
        assert texts(following) == ["two"]

    @pytest_twisted.ensureDeferred
    async def test_events_without_a_ref_are_all_new(self, rig: QueueRig):
        here = await rig.process()
        events = [Incoming("same"), Incoming("same"), REPORT, REPORT]
        spooled = await here.spool.append(CHAT, events, last_confirmed="", may_claim=True)
        assert spooled.results == ["queued"] * 4

    @pytest_twisted.ensureDeferred
    async def test_a_ref_is_remembered_for_as_long_as_a_message_may_wait_and_a_day(
        self, rig: QueueRig
    ):
        here = await rig.process()
        await here.settle(await here.take("one"), remove=1)
        await rig.pass_time(95 * HOUR)
        spooled = await here.say("one")
        assert (spooled.results, spooled.claim.state) == (["repeated"], "idle")
        assert (await here.say("two")).results == ["queued"]
        await rig.pass_time(2 * HOUR)
        assert (await here.say("one", "two")).results == ["queued", "repeated"]

    @pytest_twisted.ensureDeferred
    async def test_the_ref_of_a_refused_message_may_be_used_again(self, rig: QueueRig):
        here = await rig.process()
        batch = await here.take("one", "two")
        await here.settle(batch, remove=2, rejected=1)
        assert (await here.say("one", "two")).results == ["queued", "repeated"]

    @pytest_twisted.ensureDeferred
    async def test_a_full_spool_takes_nothing_from_the_visitor_until_it_has_room(
        self, rig: QueueRig
    ):
        here = await rig.process(limits=Limits(spool_events=2))
        batch = await here.take("one", "two")
        assert (await here.say("three")).results == ["full"]
        assert (await here.say("one")).results == ["repeated"]
        assert (await here.say("three", chat=OTHER_CHAT)).results == ["queued"]

        await here.settle(batch, remove=1)
        assert (await here.say("three", "four")).results == ["queued", "full"]

    @pytest_twisted.ensureDeferred
    async def test_all_spools_together_are_bounded(self, rig: QueueRig):
        # Three of these two chats: a partition's share is one, and what one chat may have.
        total = 3 if rig.partitions == 1 else rig.partitions
        here = await rig.process(limits=Limits(spool_events=2, spool_total=total))
        await here.take("one")
        batch = await here.take("two", "three", chat=NEIGHBOUR)
        assert (await here.say("four")).results == ["full"]
        await here.settle(batch, remove=2)
        assert (await here.say("four", chat=NEIGHBOUR)).results == ["queued"]
        assert (await here.say("five")).results == ["queued"]
        assert (await here.say("six", chat=NEIGHBOUR)).results == ["full"]

    @pytest_twisted.ensureDeferred
    async def test_reports_have_room_of_their_own(self, rig: QueueRig):
        here = await rig.process(limits=Limits(spool_events=1, spool_total=1))
        await here.send(10)
        batch = await here.take("one")
        assert await here.outbox.ack(CHAT, name(10)) is not None
        await rig.pass_time(REST)
        spooled = await here.spool.append(CHAT, [REPORT], last_confirmed="", may_claim=False)
        assert spooled.results == ["queued"]
        following = (await here.settle(batch, remove=1)).batch
        assert following is not None
        assert len(following.entries) == 2
        assert (await here.say("two")).results == ["queued"]

    @pytest_twisted.ensureDeferred
    async def test_reports_are_bounded_where_they_come_from(self, rig: QueueRig):
        here = await rig.process(limits=Limits(spool_events=1))
        await here.send(10)
        for _ in range(2):
            await here.spool.append(CHAT, [REPORT], last_confirmed="", may_claim=False)
        assert await here.send(11) == "full"
        assert await here.outbox.ack(CHAT, name(10)) is not None

    @pytest_twisted.ensureDeferred
    async def test_entries_know_their_age(self, rig: QueueRig, about):
        here = await rig.process()
        await here.say("one", may_claim=False)
        await rig.pass_time(60)
        await here.say("two", may_claim=False)
        old, young = (await here.claim()).entries
        assert about(old.age, 60)
        assert about(young.age, 0)

    # What is known.

    @pytest_twisted.ensureDeferred
    async def test_what_courier_heard_last_is_noted_once_and_then_by_attempts(self, rig: QueueRig):
        here = await rig.process()
        await here.send(1)
        await here.outbox.ack(CHAT, name(1))
        await rig.pass_time(REST)
        first = await here.claim()
        assert first.last_confirmed is None
        one, two = Incoming("one"), Incoming("two")
        await here.spool.append(CHAT, [one], last_confirmed="uuid-a", may_claim=True)
        await here.spool.append(CHAT, [two], last_confirmed="uuid-b", may_claim=True)

        batch = (await here.settle(first, remove=1)).batch
        assert batch is not None
        assert batch.last_confirmed == "uuid-a"
        batch = (await here.settle(batch, remove=1, last_confirmed="uuid-c")).batch
        assert batch is not None
        assert batch.last_confirmed == "uuid-c"
        await here.settle(batch, remove=1)
        spooled = await here.spool.append(CHAT, [one], last_confirmed="uuid-a", may_claim=True)
        assert claimed(spooled.claim).last_confirmed == "uuid-c"

    @pytest_twisted.ensureDeferred
    async def test_that_courier_has_heard_nothing_can_be_noted(self, rig: QueueRig):
        here = await rig.process()
        assert (await here.take("one")).last_confirmed == ""

    @pytest_twisted.ensureDeferred
    async def test_the_last_text_is_known_and_when_it_was_until_something_is_said_to_the_visitor(
        self, rig: QueueRig, about
    ):
        here = await rig.process()
        batch = await here.take("one")
        await here.settle(batch, remove=1, last_text="digest")
        await rig.pass_time(3)
        batch = await here.take("two")
        assert batch.last_text == "digest"
        assert about(batch.since_last_text, 3)

        await here.send(1)
        await here.settle(batch, remove=1)
        batch = await here.take("three")
        assert (batch.last_text, batch.since_last_text) == ("digest", None)

    @pytest_twisted.ensureDeferred
    @pytest.mark.parametrize("more", ["nothing", "something", "something later"])
    async def test_whoever_settles_learns_the_visitors_email_of_now(self, rig: QueueRig, more):
        here = await rig.process()
        batch = await here.take("one")
        if more != "nothing":
            await here.say("two")
        await here.notes.set_email(CHAT, "bob@example.com")
        delay = 1000 if more == "something later" else 0
        assert (await here.settle(batch, remove=1, delay=delay)).email == "bob@example.com"
        # The answer to that can be lost, and it is asked again.
        assert (await here.settle(batch, remove=1, delay=delay)).email == "bob@example.com"

    @pytest_twisted.ensureDeferred
    async def test_but_only_his_and_only_where_courier_has_had_something(self, rig: QueueRig):
        here = await rig.process()
        await here.notes.set_email(CHAT, "bob@example.com")
        others = await here.take("one", chat=OTHER_CHAT)
        assert (await here.settle(others, remove=1)).email == ""
        assert (await here.settle(await here.take("one"), failed=True)).email == ""

    # How much waits, and what became of the rest.

    @pytest_twisted.ensureDeferred
    async def test_whatever_was_accepted_is_done_given_up_or_waits(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        assert await here.queue.balances() == Balances()
        for number in range(1, 5):
            await here.send(number)
        await here.send(4)
        batch = await there.take("one", "two", "three")
        await there.say("one", may_claim=False)
        await here.outbox.ack(CHAT, name(1))
        await here.outbox.ack(CHAT, name(1))
        await here.send(5, OTHER_CHAT)
        await there.settle(batch, remove=2, rejected=1, may_continue=False)
        assert await here.queue.balances() == Balances(
            Balance(accepted=5, done=1, waiting=4),
            Balance(accepted=4, done=1, given_up=1, waiting=2),
        )

        await rig.pass_time(15 * DAY)
        assert await here.outbox.expire(10) == 4
        assert await here.send(6) == "queued"
        assert await there.queue.balances() == Balances(
            Balance(accepted=6, done=1, given_up=4, waiting=1),
            Balance(accepted=8, done=1, given_up=1, waiting=6),
        )
        await rig.pass_time(REST)
        assert len(await here.reports()) == 4
        assert len(await here.reports(OTHER_CHAT)) == 1
        assert (await there.queue.balances()).to_courier == Balance(accepted=8, done=7, given_up=1)

    @pytest_twisted.ensureDeferred
    async def test_what_waits_is_counted_with_the_age_of_its_oldest(self, rig: QueueRig, about):
        here = await rig.process()
        assert await here.queue.depths() == Depths()
        await here.send(1)
        await here.send(2)
        batch = await here.take("one")
        await rig.pass_time(60)
        await here.send(3, OTHER_CHAT)
        await here.say("two", "three")

        depths = await here.queue.depths()
        assert (depths.outbox_chats, depths.spool_events) == (2, 3)
        assert about(depths.outbox_oldest * 1000, 60)
        assert about(depths.spool_oldest * 1000, 60)

        await here.outbox.ack(CHAT, name(1))
        await here.outbox.ack(CHAT, name(2))
        assert (await here.queue.depths()).spool_events == 5
        await rig.pass_time(REST)
        following = (await here.settle(batch, remove=1)).batch
        depths = await here.queue.depths()
        assert (depths.outbox_chats, depths.spool_events) == (1, 4)
        assert about(depths.outbox_oldest * 1000, REST)
        assert about(depths.spool_oldest * 1000, REST)

        assert following is not None
        await here.settle(following, remove=4)
        await here.outbox.ack(OTHER_CHAT, name(3))
        await rig.pass_time(REST)
        batch = await here.claim(OTHER_CHAT)
        await here.settle(batch, remove=1)
        assert await here.queue.depths() == Depths()
