"""Which chats' events go to Courier when, and by which process: order, room and claims."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from chip.chat.lookups import FRESH_FOR
from chip.chat.outbound.forwarder import NEXT_LOOK_AFTER, TAKEN_TOGETHER
from chip.chat.outbound.ports import CLAIM_TRUSTED, COURIER_DEADLINE, REPORT_REST
from chip.errors import Unavailable
from chip.models import ChatKey
from tests.contracts.queue_parts import CLAIM_LASTS
from tests.support.commands import say
from tests.support.memory_chip import CHANNEL, MemoryChip


def answers_late(spool):
    """Hold appends back until what this returns is called."""
    append, held = spool.append, []

    async def late(*args, **named):
        held.append(Deferred())
        await held[-1]
        return await append(*args, **named)

    spool.append = late
    return lambda: [one.callback(None) for one in held]


def stands_still(chip):
    """The process stops at the next look-up of its channel, until what this returns is called."""
    chip.later(FRESH_FOR)
    woken, look_up = Deferred(), chip.store.channel

    async def waits(uuid):
        chip.store.channel = look_up
        await woken
        return await look_up(uuid)

    chip.store.channel = waits
    return lambda: woken.callback(None)


def is_taken_for_dead(chip):
    """The process has not renewed its claims for so long that others may take them."""
    chip.queues.alive.clear()
    chip.server.outbound._forwarder._spool = _Silent(chip.queue.spool)


class _Silent:
    """A spool whose process does not get to renew its claims, nor to look for others."""

    def __init__(self, spool):
        self.settle = spool.settle

    async def keep_alive(self):
        pass

    async def due(self, limit):
        return []


@pytest.fixture
def chip():
    return MemoryChip()


@pytest.fixture
def bob(chip):
    return chip.bob()


# Order and batches


def test_one_request_is_under_way_per_chat_and_what_comes_meanwhile_goes_together(chip, bob):
    bob.says(say("one"))
    first = chip.gateway.take()
    bob.says(say("two"), say("three"))
    assert chip.gateway.requests == []
    first.handle("uuid-1")
    assert chip.gateway.take().texts == ["two", "three"]


def read(bob, *msg_ids):
    bob.says(*({"type": "ack_chat", "msg_id": number} for number in msg_ids))


def reported(request):
    return [report.id for report in request.reports]


REST = REPORT_REST
"""Seconds that a report waits before it is sent."""
LOOK = 1.0
"""Seconds from one look at what is due to the next."""


def test_reports_of_messages_that_are_read_in_a_row_go_together(chip, bob):
    for number in (1, 2, 3):
        chip.send(number)
        read(bob, number)
    assert chip.gateway.requests == []
    chip.later(REST + LOOK)
    assert reported(chip.gateway.take()) == [1, 2, 3]


def test_what_the_visitor_says_does_not_wait_for_a_report_that_rests(chip, bob):
    chip.send(1)
    read(bob, 1)
    bob.says(say("thanks"))
    request = chip.gateway.take()
    assert (request.texts, request.reports) == (["thanks"], [])
    request.handle("uuid-1")
    chip.later(REST + LOOK)
    assert reported(chip.gateway.take()) == [1]


def test_what_courier_sends_again_after_it_was_seen_is_reported_again(chip, bob):
    """Its first answer was lost: to Courier the message is `wired` once more."""
    chip.send(1)
    read(bob, 1)
    chip.later(REST + LOOK)
    chip.gateway.take().handle()
    chip.send(1)
    assert bob.is_shown() == [1]
    chip.later(REST + LOOK)
    assert reported(chip.gateway.take()) == [1]


def test_chats_do_not_wait_for_each_other(chip, bob):
    other = chip.visitor()
    other.says({"type": "start_chat"}, say("two"))
    bob.says(say("one"))
    assert sorted(r.texts[0] for r in chip.gateway.requests) == ["one", "two"]


def test_only_so_many_requests_are_under_way_and_the_next_chat_follows_at_once():
    chip = MemoryChip(courier_parallel=4)  # one of them is kept for new chats
    visitors = [chip.visitor() for _ in range(5)]
    for n, visitor in enumerate(visitors):
        visitor.says({"type": "start_chat"}, say(f"{n}"))
    assert [r.texts for r in chip.gateway.requests] == [["0"], ["1"], ["2"]]
    chip.gateway.requests.pop(1).handle("uuid")
    assert [r.texts for r in chip.gateway.requests] == [["0"], ["2"], ["3"]]


def test_no_more_than_there_is_room_for_are_claimed_while_the_queue_takes_its_time():
    chip = MemoryChip(courier_parallel=4)
    visitors = [chip.visitor() for _ in range(5)]
    for visitor in visitors:
        visitor.says({"type": "start_chat"})
    answer = answers_late(chip.queue.spool)
    for n, visitor in enumerate(visitors):
        visitor.says(say(f"{n}"))
    answer()
    assert [r.texts for r in chip.gateway.requests] == [["0"], ["1"], ["2"]]
    chip.gateway.requests.pop(0).handle("uuid")
    assert [r.texts for r in chip.gateway.requests] == [["1"], ["2"], ["3"]]


def test_where_others_wait_a_chat_has_one_request_in_turn():
    chip = MemoryChip(courier_parallel=1)
    busy, other = chip.visitor(), chip.visitor()
    busy.says({"type": "start_chat"}, say("busy 1"))
    busy.says(say("busy 2"))
    other.says({"type": "start_chat"}, say("other"))
    order = []
    for _ in range(3):
        request = chip.gateway.take()
        order += request.texts
        request.handle("uuid")
    assert order == ["busy 1", "other", "busy 2"]


def test_room_that_was_kept_for_nothing_goes_to_a_chat_that_waits_for_it():
    chip = MemoryChip(courier_parallel=1)
    first, second = chip.visitor(), chip.visitor()
    for visitor in (first, second):
        visitor.says({"type": "start_chat"})
    first.says(say("one", ref="c1"))
    chip.gateway.take().handle("uuid-1")
    append = chip.queue.spool.append
    answer = answers_late(chip.queue.spool)
    first.says(say("one", ref="c1"))
    chip.queue.spool.append = append
    second.says(say("two"))
    assert chip.gateway.requests == []
    answer()
    assert chip.gateway.take().texts == ["two"]


def left_behind(chip, chats):
    """So many chats have said something that their process did not take up, and another starts."""
    visitors = [chip.visitor() for _ in range(chats)]
    for visitor in visitors:
        visitor.says({"type": "start_chat"})
    chip.server.stop_taking_up()
    for visitor in visitors:
        visitor.says(say("hello"))
    chip.process()


def test_what_is_due_and_found_no_room_follows_as_soon_as_there_is_some():
    chip = MemoryChip(courier_parallel=4)
    left_behind(chip, 5)
    assert len(chip.gateway.requests) == 3
    chip.gateway.requests.pop().handle("uuid")
    chip.gateway.requests.pop().handle("uuid")
    chip.clock.advance(NEXT_LOOK_AFTER)
    assert len(chip.gateway.requests) == 3


def test_many_chats_that_are_due_are_not_taken_up_at_one_moment():
    """Else the messages of everybody else wait behind all of them."""
    chip = MemoryChip(new_chats_burst=100)
    left_behind(chip, 3 * TAKEN_TOGETHER)
    taken = len(chip.gateway.requests)
    assert taken == TAKEN_TOGETHER
    for _ in range(2):
        chip.gateway.requests[-1].handle("uuid")
        chip.clock.advance(NEXT_LOOK_AFTER)
        assert len(chip.gateway.requests) - taken == TAKEN_TOGETHER
        taken = len(chip.gateway.requests)


def test_chats_that_are_due_and_never_to_be_had_are_looked_at_once_in_a_while(chip, bob):
    looks, idle = [], [ChatKey(f"{n:024}", CHANNEL.uuid) for n in range(100)]

    async def due(limit):
        looks.append(limit)
        return idle[:limit]

    chip.queue.spool.due = due
    chip.later(5)
    assert 4 <= len(looks) <= 6
    bob.says(say("one"))
    assert chip.gateway.take().texts == ["one"]


@pytest.mark.parametrize("others", [1, 500])
def test_chats_that_cannot_be_claimed_keep_no_room(others):
    chip = MemoryChip(courier_parallel=1)
    chip.bob().says(say("one"))
    for number in range(others):
        visitor = chip.visitor(address=f"198.51.100.{number % 200}")
        visitor.says({"type": "start_chat"}, say("two"))
    claim = chip.queue.spool.claim

    async def away(chat):
        raise Unavailable("away")

    chip.queue.spool.claim = away
    chip.gateway.take().handle("uuid")
    assert chip.gateway.requests == []
    chip.queue.spool.claim = claim
    chip.later(1)
    assert chip.gateway.take().texts == ["two"]


def test_only_so_much_text_goes_in_one_request(chip, bob):
    bob.says(say("one"))
    first = chip.gateway.take()
    bob.says(*[say(f"{n:04}" * 1000) for n in range(30)])
    first.handle("uuid")
    assert len(chip.gateway.take().texts) == 25


def test_claims_are_renewed_for_as_long_as_the_process_lives(chip):
    chip.later(60)
    assert chip.queues.alive[chip.queue.token] > chip.clock.seconds()


# Several processes


def test_a_chat_that_another_process_is_at_work_on_is_left_to_it(chip, bob):
    bob.says(say("one"))
    first = chip.gateway.take()
    elsewhere = chip.bob(chip.process())
    elsewhere.says(say("two"))
    assert chip.gateway.requests == []
    first.handle("uuid-1")
    assert chip.gateway.take().texts == ["two"]


def test_a_dead_process_s_chat_is_taken_over_once_the_outcome_can_be_looked_up(chip, bob):
    bob.says(say("one"))
    bob.says(say("two"))
    chip.gateway.take()  # never answered: the process is killed
    is_taken_for_dead(chip)
    chip.process()
    chip.courier_has("one")
    chip.later(CLAIM_LASTS - 1)
    assert chip.gateway.requests == []
    chip.later(3)
    assert chip.gateway.take().texts == ["two"]


def test_a_process_that_lost_its_claim_removes_nothing(chip, bob):
    bob.says(say("one"))
    late = chip.gateway.take()
    is_taken_for_dead(chip)
    chip.process()
    chip.later(CLAIM_LASTS + 2)
    retry = chip.gateway.take()
    assert retry.texts == ["one"]
    late.handle("uuid-1")
    assert chip.waiting(bob.chat) == ["one"]
    retry.handle("uuid-1")
    assert chip.waiting(bob.chat) == []


def test_a_process_that_stood_still_sends_nothing_on_an_old_claim(chip, bob):
    """While it stood still, between its claim and its request, another took the chat over."""
    wake = stands_still(chip)
    bob.says(say("one"))
    is_taken_for_dead(chip)
    chip.process()
    chip.later(CLAIM_LASTS + 9)
    by_the_other = chip.gateway.take()
    wake()
    assert chip.gateway.requests == []
    by_the_other.handle("uuid-1")
    assert chip.waiting(bob.chat) == []


def test_a_claim_that_grew_old_with_nobody_else_about_is_made_anew(chip, bob):
    wake = stands_still(chip)
    bob.says(say("one"))
    chip.later(CLAIM_TRUSTED + 1)
    wake()
    assert chip.gateway.take().texts == ["one"]


def test_what_was_sent_at_the_last_moment_is_not_sent_again_while_courier_is_at_work_on_it(
    chip, bob
):
    wake = stands_still(chip)
    bob.says(say("one"))
    chip.later(CLAIM_TRUSTED - 0.5)
    wake()
    chip.gateway.take()  # and then its process dies
    is_taken_for_dead(chip)
    chip.process()
    chip.later(COURIER_DEADLINE - 1)
    assert chip.gateway.requests == []
    chip.courier_has("one")
    chip.later(30)
    assert chip.gateway.requests == []
    assert chip.waiting(bob.chat) == []


def test_an_outcome_is_reported_when_the_queue_is_back_and_nothing_is_sent_twice(chip, bob):
    bob.says(say("one"))
    request = chip.gateway.take()
    chip.queues.away = True
    request.handle("uuid-1")
    chip.later(5)
    chip.queues.come_back()
    chip.later(2)
    assert chip.waiting(bob.chat) == []
    assert chip.gateway.requests == []


def test_a_forwarder_that_stops_finishes_what_is_under_way_and_takes_up_nothing_more(chip, bob):
    bob.says(say("one"))
    bob.says(say("two"))
    chip.server.stop_taking_up()
    chip.gateway.take().handle("uuid-1")
    assert chip.gateway.requests == []
    assert chip.waiting(bob.chat) == ["two"]
    chip.process()
    chip.later(2)
    assert chip.gateway.take().texts == ["two"]
