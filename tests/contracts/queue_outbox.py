"""What every outbox must do."""

from __future__ import annotations

import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from chip.chat.outbound.ports import ClaimResult
from chip.limits import Limits
from chip.models import Incoming, MsgName, Report

from .queue_parts import CHAT, DAY, HOUR, OTHER_CHAT, REST, QueueRig, ids, message, name
from .queue_times import TimedContract

TOGETHER = 100


class OutboxContract(TimedContract):
    """Messages waiting for visitors."""

    @pytest_twisted.ensureDeferred
    async def test_messages_wait_in_the_order_in_which_they_came(self, rig: QueueRig):
        here = await rig.process()
        for number in (10, 12, 11):
            assert await here.send(number) == "queued"

        page = await here.outbox.read(CHAT, 0, 10, 10_000)
        assert ids(page.items) == [10, 12, 11]
        assert [item.id for item in page.items] == ["m10", "m12", "m11"]
        assert page.items[0].msg_out == message(10)
        assert not page.more

    @pytest_twisted.ensureDeferred
    async def test_numbers_follow_one_another_from_before_the_first_message(self, rig: QueueRig):
        here = await rig.process()
        before = (await here.outbox.read(CHAT, 0, 10, 10_000)).head
        for number in (10, 11, 12):
            await here.send(number)

        page = await here.outbox.read(CHAT, 0, 10, 10_000)
        assert [item.number for item in page.items] == [before + 1, before + 2, before + 3]
        assert page.head == before + 3

    @pytest_twisted.ensureDeferred
    async def test_many_messages_sent_at_once_all_wait_in_the_order_of_sending(self, rig: QueueRig):
        here = await rig.process()
        sent = [Deferred.fromCoroutine(here.send(number)) for number in range(1, TOGETHER + 1)]
        assert await gatherResults(sent) == ["queued"] * TOGETHER

        page = await here.outbox.read(CHAT, 0, 2 * TOGETHER, 1_000_000)
        first = page.items[0].number
        assert ids(page.items) == list(range(1, TOGETHER + 1))
        assert [item.number - first for item in page.items] == list(range(TOGETHER))

    @pytest_twisted.ensureDeferred
    async def test_reading_goes_on_after_a_number(self, rig: QueueRig):
        here = await rig.process()
        for number in range(1, 8):
            await here.send(number)
        await here.outbox.ack(CHAT, name(3))
        every = (await here.outbox.read(CHAT, 0, 10, 10_000)).items
        assert ids(every) == [1, 2, 4, 5, 6, 7]

        for index, item in enumerate(every):
            page = await here.outbox.read(CHAT, item.number, 10, 10_000)
            assert page.items == every[index + 1 :]
        page = await here.outbox.read(CHAT, every[1].number + 1, 10, 10_000)
        assert ids(page.items) == [4, 5, 6, 7]

    @pytest_twisted.ensureDeferred
    async def test_a_page_ends_at_its_limit_and_says_that_there_is_more(self, rig: QueueRig):
        here = await rig.process()
        for number in (1, 2, 3):
            await here.send(number)

        first = await here.outbox.read(CHAT, 0, 2, 10_000)
        assert (ids(first.items), first.more) == ([1, 2], True)
        rest = await here.outbox.read(CHAT, first.items[-1].number, 2, 10_000)
        assert (ids(rest.items), rest.more) == ([3], False)
        assert rest.head == first.head
        whole = await here.outbox.read(CHAT, 0, 3, 10_000)
        assert (ids(whole.items), whole.more) == ([1, 2, 3], False)

    @pytest_twisted.ensureDeferred
    async def test_a_page_ends_at_its_bytes_but_holds_one_message_at_least(self, rig: QueueRig):
        here = await rig.process()
        for number in (1, 2, 3):
            await here.send(number)

        size = len(message(1))
        page = await here.outbox.read(CHAT, 0, 10, 2 * size)
        assert (ids(page.items), page.more) == ([1, 2], True)
        page = await here.outbox.read(CHAT, 0, 10, 2 * size - 1)
        assert (ids(page.items), page.more) == ([1], True)
        page = await here.outbox.read(CHAT, 0, 10, 1)
        assert (ids(page.items), page.more) == ([1], True)

    @pytest_twisted.ensureDeferred
    async def test_an_empty_outbox_is_an_empty_page(self, rig: QueueRig):
        here = await rig.process()
        page = await here.outbox.read(CHAT, 0, 10, 10_000)
        assert (page.items, page.more) == ([], False)

    @pytest_twisted.ensureDeferred
    async def test_chats_have_nothing_to_do_with_one_another(self, rig: QueueRig):
        here = await rig.process()
        await here.send(1, CHAT)
        assert await here.send(1, OTHER_CHAT) == "queued"
        await here.outbox.ack(CHAT, name(1))
        assert await here.waiting(CHAT) == []
        assert await here.waiting(OTHER_CHAT) == [1]

    @pytest_twisted.ensureDeferred
    async def test_a_message_is_queued_once_whichever_name_comes_again(self, rig: QueueRig):
        here = await rig.process()
        await here.send(10)
        for again in (MsgName(10), MsgName(None, "uuid-10"), name(10), MsgName(10, "uuid-99")):
            assert await here.outbox.append(CHAT, again, message(10)) == "repeated"
        assert await here.waiting() == [10]

    @pytest_twisted.ensureDeferred
    async def test_a_message_that_was_acknowledged_is_still_known(self, rig: QueueRig):
        here = await rig.process()
        await here.send(10)
        await here.outbox.ack(CHAT, name(10))
        await rig.pass_time(23 * HOUR)
        assert await here.send(10) == "repeated"
        assert await here.send(11) == "queued"
        await rig.pass_time(23 * HOUR)
        assert await here.send(10) == "repeated"
        await rig.pass_time(25 * HOUR)
        assert await here.send(10) == "queued"

    @pytest_twisted.ensureDeferred
    async def test_a_full_outbox_takes_nothing_until_a_message_is_acknowledged(self, rig: QueueRig):
        here = await rig.process(limits=Limits(outbox_messages=2))
        await here.send(1)
        await here.send(2)
        assert await here.send(3) == "full"
        assert await here.waiting() == [1, 2]
        assert await here.send(3, OTHER_CHAT) == "queued"

        await here.outbox.ack(CHAT, name(1))
        assert await here.send(3) == "queued"
        assert await here.waiting() == [2, 3]

    @pytest_twisted.ensureDeferred
    async def test_an_outbox_is_full_when_its_messages_are_long(self, rig: QueueRig):
        size = len(message(1))
        here = await rig.process(limits=Limits(outbox_bytes=2 * size))
        await here.send(1)
        await here.send(2)
        assert await here.send(3) == "full"
        await here.outbox.ack(CHAT, name(2))
        assert await here.send(3) == "queued"
        assert await here.send(4) == "full"
        for number in (1, 3):
            await here.outbox.ack(CHAT, name(number))
        assert [await here.send(number) for number in (4, 5, 6)] == ["queued", "queued", "full"]

    @pytest_twisted.ensureDeferred
    async def test_a_message_is_acknowledged_by_either_name_in_any_order(self, rig: QueueRig):
        here = await rig.process()
        for number in (1, 2, 3, 4):
            await here.send(number)
        numbers = [item.number for item in (await here.outbox.read(CHAT, 0, 10, 10_000)).items]

        taken = [
            await here.outbox.ack(CHAT, acked)
            for acked in (MsgName(3), MsgName(None, "uuid-1"), name(4))
        ]
        assert [acked.number for acked in taken if acked] == [numbers[2], numbers[0], numbers[3]]
        assert await here.waiting() == [2]

    @pytest_twisted.ensureDeferred
    async def test_a_message_known_by_its_uuid_alone_is_acknowledged_by_it(self, rig: QueueRig):
        here = await rig.process()
        only = MsgName(None, "0191e180-7d60-7000-aded-7d8b151cbd5b")
        await here.outbox.append(CHAT, only, b'{"id":"0191e180","text":"Hi"}')

        assert await here.outbox.ack(CHAT, only) is not None
        await rig.pass_time(REST)
        assert await here.reports() == [Report("delivered", None, only.uuid)]

    @pytest_twisted.ensureDeferred
    async def test_acks_of_what_does_not_wait_here_are_answered_by_nothing(self, rig: QueueRig):
        here = await rig.process()
        await here.send(1)
        await here.send(2, OTHER_CHAT)
        await here.outbox.ack(CHAT, name(1))
        for foreign in (name(1), name(2), name(3), MsgName(12), MsgName(None, "uuid")):
            assert await here.outbox.ack(CHAT, foreign) is None
        await rig.pass_time(REST)
        assert len(await here.reports()) == 1

    @pytest_twisted.ensureDeferred
    async def test_a_text_that_looks_like_a_name_is_none(self, rig: QueueRig):
        here = await rig.process()
        await here.send(1, text='","uuid":"uuid-2","id":"m2",')
        assert await here.outbox.ack(CHAT, MsgName(2)) is None
        assert await here.outbox.ack(CHAT, MsgName(None, "uuid-2")) is None
        assert await here.waiting() == [1]

    @pytest_twisted.ensureDeferred
    async def test_an_ack_leaves_a_report_with_both_names(self, rig: QueueRig, about):
        here = await rig.process()
        await here.send(10)
        await rig.pass_time(60)
        acked = await here.outbox.ack(CHAT, MsgName(10))
        assert acked is not None
        assert about(acked.age, 60)
        assert await here.spool.due(10) == [CHAT]
        assert await here.reports() == [Report("delivered", 10, "uuid-10")]
        assert await here.spool.due(10) == []

    @pytest_twisted.ensureDeferred
    async def test_a_report_rests_after_the_send_and_nothing_else_waits_for_it(
        self, rig: QueueRig, rest, about
    ):
        here, there = await rig.process(), await rig.process("there")
        await here.send(1)
        await here.outbox.ack(CHAT, name(1))
        claim = await here.spool.claim(CHAT)
        assert (claim.state, claim.batch) == ("waiting", None)
        assert about(rest * 1000 - claim.delay, 0)

        batch = await here.take("said meanwhile")
        assert [entry.event for entry in batch.entries] == [
            Incoming("said meanwhile", "said meanwhile")
        ]
        claim = await here.settle(batch, remove=1)
        assert (claim.state, claim.batch) == ("waiting", None)
        assert about(rest * 1000 - claim.delay, 0)

        await rig.pass_time(rest)
        assert await there.spool.due(10) == [CHAT]
        assert await there.reports() == [Report("delivered", 1, "uuid-1")]
        assert await there.spool.claim(CHAT) == ClaimResult("idle")

    @pytest_twisted.ensureDeferred
    async def test_a_delay_is_not_cut_short_by_a_report(self, rig: QueueRig):
        here = await rig.process()
        await here.settle(await here.take("one"), failed=True, delay=60_000)
        await here.send(1)
        await here.outbox.ack(CHAT, name(1))
        await rig.pass_time(10)
        assert await here.spool.due(10) == []
        await rig.pass_time(51)
        batch = await here.claim()
        assert (len(batch.entries), batch.tries) == (2, 1)

    @pytest_twisted.ensureDeferred
    async def test_a_report_rests_after_the_last_send_of_its_message(self, rig: QueueRig, rest):
        here = await rig.process()
        await here.send(1)
        await rig.pass_time(60)
        assert await here.send(1) == "repeated"
        await here.outbox.ack(CHAT, name(1))
        assert (await here.spool.claim(CHAT)).state == "waiting"
        await rig.pass_time(rest)
        assert len(await here.reports()) == 1

    @pytest_twisted.ensureDeferred
    async def test_what_is_sent_again_after_it_was_reported_is_reported_again(
        self, rig: QueueRig, rest
    ):
        here = await rig.process()
        for number in (1, 2):
            await here.send(number)
        await here.outbox.ack(CHAT, name(1))
        await rig.pass_time(60)
        assert await here.reports() == [Report("delivered", 1, "uuid-1")]

        for number in (1, 2):
            assert await here.send(number) == "repeated"
        assert await here.reports() == []
        await rig.pass_time(rest)
        assert await here.reports() == [Report("delivered", 1, "uuid-1")]

        await rig.pass_time(25 * HOUR)
        assert await here.send(1) == "queued"

    @pytest_twisted.ensureDeferred
    async def test_what_failed_is_reported_again_as_failed(self, rig: QueueRig):
        here = await rig.process(limits=Limits(outbox_days=0.5))
        await here.send(1)
        await rig.pass_time(13 * HOUR)
        assert await here.outbox.expire(10) == 1
        assert await here.reports() == [Report("failed", 1, "uuid-1")]
        assert await here.send(1) == "repeated"
        await rig.pass_time(REST)
        assert await here.reports() == [Report("failed", 1, "uuid-1")]

    @pytest_twisted.ensureDeferred
    async def test_what_was_reported_long_ago_is_not_reported_of_what_is_sent_anew(
        self, rig: QueueRig
    ):
        here = await rig.process()
        await here.send(1)
        await rig.pass_time(15 * DAY)
        assert await here.outbox.expire(10) == 1
        assert await here.reports() == [Report("failed", 1, "uuid-1")]
        assert await here.send(1) == "queued"
        assert await here.send(1) == "repeated"
        await rig.pass_time(REST)
        assert await here.reports() == []

    @pytest_twisted.ensureDeferred
    async def test_expired_messages_are_told_to_listeners(self, rig: QueueRig):
        here = await rig.process()
        await here.live.subscribe(CHAT)
        await here.send(1)
        number = (await here.outbox.read(CHAT, 0, 10, 10_000)).head
        await rig.pass_time(15 * DAY)
        await here.outbox.expire(10)
        assert ("acked", CHAT, number) in await here.heard()

    @pytest_twisted.ensureDeferred
    async def test_one_of_many_acks_of_one_message_counts(self, rig: QueueRig):
        here = await rig.process()
        await here.send(10)
        acks = [Deferred.fromCoroutine(here.outbox.ack(CHAT, name(10))) for _ in range(10)]
        answers = await gatherResults(acks)
        assert sum(answer is not None for answer in answers) == 1
        await rig.pass_time(REST)
        assert len(await here.reports()) == 1

    @pytest_twisted.ensureDeferred
    async def test_numbers_go_on_when_everything_was_acknowledged(self, rig: QueueRig):
        here = await rig.process()
        await here.send(1)
        first = await here.outbox.ack(CHAT, name(1))
        assert first is not None
        assert (await here.outbox.read(CHAT, 0, 10, 10_000)).head == first.number
        await here.send(2)
        page = await here.outbox.read(CHAT, first.number, 10, 10_000)
        assert [item.number for item in page.items] == [first.number + 1]

    @pytest_twisted.ensureDeferred
    async def test_numbers_never_go_back_however_long_a_chat_was_silent(self, rig: QueueRig):
        here = await rig.process()
        await here.send(1)
        first = await here.outbox.ack(CHAT, name(1))
        assert first is not None
        await rig.pass_time(40 * DAY)
        await here.send(2)
        page = await here.outbox.read(CHAT, first.number, 10, 10_000)
        assert ids(page.items) == [2]

    @pytest_twisted.ensureDeferred
    async def test_messages_that_waited_too_long_are_reported_as_failed(self, rig: QueueRig):
        here = await rig.process()
        await here.send(1)
        await here.send(2)
        await rig.pass_time(14 * DAY - HOUR)
        await here.send(3)
        assert await here.outbox.expire(10) == 0
        await rig.pass_time(2 * HOUR)

        assert await here.outbox.expire(10) == 2
        assert await here.waiting() == [3]
        assert await here.reports() == [
            Report("failed", 1, "uuid-1"),
            Report("failed", 2, "uuid-2"),
        ]
        assert await here.outbox.expire(10) == 0

    @pytest_twisted.ensureDeferred
    async def test_expiring_looks_at_so_many_chats_at_a_time(self, rig: QueueRig):
        here = await rig.process()
        await here.send(1, CHAT)
        await here.send(2, OTHER_CHAT)
        await rig.pass_time(15 * DAY)
        assert await here.outbox.expire(1) == 1
        assert await here.outbox.expire(1) == 1
        assert await here.outbox.expire(1) == 0
