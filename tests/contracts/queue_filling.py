"""What every outbox must do with messages that it may have lost."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from chip.chat.ports import Filled, Loss, WiredMessage
from chip.limits import Limits
from chip.models import MsgName, Report

from .queue_parts import CHAT, DAY, HOUR, OTHER_CHAT, REST, Process, QueueRig, ids, message, name


def wired(*numbers: int, age: float = 60) -> list[WiredMessage]:
    """Messages of these ids, as their rows tell, sent so many seconds ago."""
    return [WiredMessage(name(one), message(one), round(age * 1000)) for one in numbers]


async def loss_of(process: Process, chat=CHAT) -> Loss | None:
    return (await process.outbox.read(chat, 0, 10, 10_000)).loss


async def fill(process: Process, *numbers: int, chat=CHAT) -> Filled:
    """Put these back."""
    loss = await loss_of(process, chat)
    return await process.outbox.fill(chat, loss.name if loss else "", wired(*numbers))


class FillContract:
    """Messages that are put back."""

    @pytest_twisted.ensureDeferred
    async def test_an_outbox_may_have_lost_something_until_it_was_filled(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        loss = await loss_of(here)
        assert loss is not None
        assert loss.age >= 0
        again = await loss_of(there)
        assert again is not None
        assert again.name == loss.name

        assert await here.outbox.fill(CHAT, loss.name, []) == Filled(0)
        assert [await loss_of(here), await loss_of(there)] == [None, None]
        await here.send(1)
        assert await loss_of(here) is None
        assert await loss_of(here, OTHER_CHAT) is not None

    @pytest_twisted.ensureDeferred
    async def test_an_outbox_that_was_filled_after_another_loss_may_still_lack_something(
        self, rig: QueueRig
    ):
        here = await rig.process()
        await here.outbox.fill(CHAT, "another", wired(1))
        assert await loss_of(here) is not None
        assert await here.waiting() == [1]

    @pytest_twisted.ensureDeferred
    async def test_what_is_put_back_waits_and_is_pushed_like_what_came(self, rig: QueueRig):
        here = await rig.process()
        await here.live.subscribe(CHAT)
        assert await fill(here, 1, 2) == Filled(2)
        await here.send(3)
        page = await here.outbox.read(CHAT, 0, 10, 10_000)
        assert ids(page.items) == [1, 2, 3]
        assert page.items[0].msg_out == message(1)
        assert [item.number - page.head for item in page.items] == [-2, -1, 0]
        assert await here.heard() == [("arrived", CHAT, item) for item in page.items]

    @pytest_twisted.ensureDeferred
    async def test_what_waits_or_is_remembered_is_not_put_back(self, rig: QueueRig):
        here = await rig.process()
        for number in (1, 2):
            await here.send(number)
        await here.outbox.ack(CHAT, name(1))
        assert await fill(here, 1, 2, 3) == Filled(1)
        assert await here.waiting() == [2, 3]
        assert await fill(here, 1, 2, 3) == Filled(0)

    @pytest_twisted.ensureDeferred
    async def test_what_waits_for_longer_than_it_is_remembered_is_not_put_back(self, rig: QueueRig):
        here = await rig.process()
        await here.send(1)
        await here.outbox.append(CHAT, MsgName(None, "uuid-2"), message(2))
        await rig.pass_time(25 * HOUR)
        assert await fill(here, 1, 2, 3) == Filled(1)
        assert await here.waiting() == [1, 2, 3]

    @pytest_twisted.ensureDeferred
    async def test_several_that_fill_an_outbox_at_once_do_it_once(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        filling = [Deferred.fromCoroutine(fill(process, 1, 2)) for process in (here, there, here)]
        assert sum(filled.messages for filled in await gatherResults(filling)) == 2
        assert await there.waiting() == [1, 2]

    @pytest_twisted.ensureDeferred
    async def test_what_came_after_the_loss_comes_behind_and_is_pushed_again(self, rig: QueueRig):
        here = await rig.process()
        for number in (2, 5, 6):
            await here.send(number)
        before = await here.outbox.read(CHAT, 0, 10, 10_000)
        await here.live.subscribe(CHAT)
        assert await fill(here, 1, 3, 7) == Filled(3)
        page = await here.outbox.read(CHAT, 0, 10, 10_000)
        assert ids(page.items) == [1, 2, 3, 5, 6, 7]
        assert page.items[0].number > before.head
        assert [item.number - page.head for item in page.items] == [-5, -4, -3, -2, -1, 0]
        assert await here.heard() == [("arrived", CHAT, item) for item in page.items]

    @pytest_twisted.ensureDeferred
    async def test_what_waits_before_keeps_its_number(self, rig: QueueRig):
        here = await rig.process()
        for number in (1, 2, 9):
            await here.send(number)
        before = await here.outbox.read(CHAT, 0, 10, 10_000)
        await here.live.subscribe(CHAT)
        await fill(here, 4)
        page = await here.outbox.read(CHAT, 0, 10, 10_000)
        assert ids(page.items) == [1, 2, 4, 9]
        assert page.items[:2] == before.items[:2]
        assert await here.heard() == [("arrived", CHAT, item) for item in page.items[2:]]

    @pytest_twisted.ensureDeferred
    async def test_what_has_no_id_stays_where_it_is(self, rig: QueueRig):
        here = await rig.process()
        await here.outbox.append(CHAT, MsgName(None, "uuid-5"), message(5))
        await here.send(9)
        await fill(here, 7)
        assert await here.waiting() == [5, 7, 9]

    @pytest_twisted.ensureDeferred
    async def test_an_ack_of_what_was_put_back_is_reported(self, rig: QueueRig):
        here = await rig.process()
        await here.send(5)
        await fill(here, 1)
        for number in (1, 5):
            acked = await here.outbox.ack(CHAT, MsgName(number))
            assert acked is not None
            assert acked.age == pytest.approx(60_000 if number == 1 else 0, abs=50_000)
        assert await here.waiting() == []
        await rig.pass_time(REST)
        assert {report.id for report in await here.reports()} == {1, 5}

    @pytest_twisted.ensureDeferred
    async def test_courier_may_send_again_what_was_put_back(self, rig: QueueRig):
        here = await rig.process()
        await fill(here, 1)
        assert await here.send(1) == "repeated"
        assert await here.waiting() == [1]

    @pytest_twisted.ensureDeferred
    async def test_a_full_outbox_takes_the_oldest_and_then_the_others(self, rig: QueueRig):
        here = await rig.process(limits=Limits(outbox_messages=3))
        await here.send(9)
        assert await fill(here, 1, 2, 3, 4) == Filled(2, is_full=True)
        assert await here.waiting() == [1, 2, 9]
        assert await here.send(10) == "full"
        for number in (1, 2):
            await here.outbox.ack(CHAT, name(number))
        assert await fill(here, 1, 2, 3, 4) == Filled(2)
        assert await here.waiting() == [3, 4, 9]
        assert await loss_of(here) is None

    @pytest_twisted.ensureDeferred
    async def test_bytes_are_counted_of_what_is_put_back_too(self, rig: QueueRig):
        size = len(message(1))
        here = await rig.process(limits=Limits(outbox_bytes=3 * size))
        await here.send(1)
        assert await fill(here, 2, 3, 4) == Filled(2, is_full=True)
        assert await here.send(5) == "full"
        for number in (1, 2):
            await here.outbox.ack(CHAT, name(number))
        assert await here.send(5) == "queued"

    @pytest_twisted.ensureDeferred
    async def test_what_is_put_back_waits_no_longer_than_if_it_had_not_been_lost(
        self, rig: QueueRig
    ):
        here = await rig.process()
        await here.send(5)
        await here.outbox.fill(CHAT, "", wired(1, age=14 * DAY - HOUR))
        assert (await here.queue.depths()).outbox_oldest > 13 * DAY
        assert await here.outbox.expire(10) == 0
        await rig.pass_time(2 * HOUR)
        assert await here.outbox.expire(10) == 1
        assert await here.waiting() == [5]
        assert await here.reports() == [Report("failed", 1, "uuid-1")]

    @pytest_twisted.ensureDeferred
    async def test_what_is_put_back_counts_as_accepted(self, rig: QueueRig):
        here = await rig.process()
        await here.send(5)
        await fill(here, 1, 2)
        await here.outbox.ack(CHAT, name(2))
        balance = (await here.queue.balances()).to_visitors
        assert (balance.accepted, balance.done, balance.waiting, balance.missing) == (3, 1, 2, 0)

    @pytest_twisted.ensureDeferred
    async def test_a_chat_that_was_filled_numbers_its_messages_without_gaps(self, rig: QueueRig):
        here = await rig.process()
        await fill(here, 1)
        head = (await here.outbox.read(CHAT, 0, 10, 10_000)).head
        for number in (2, 3):
            await here.send(number)
        page = await here.outbox.read(CHAT, head, 10, 10_000)
        assert [item.number - head for item in page.items] == [1, 2]

    @pytest_twisted.ensureDeferred
    async def test_what_is_put_back_lets_no_visitor_repeat_himself(self, rig: QueueRig):
        """Courier has handed it over before, and said nothing now."""
        here = await rig.process()
        await here.settle(await here.take("one"), remove=1, last_text="digest")
        assert await fill(here, 1) == Filled(1)
        assert (await here.take("two")).since_last_text is not None
