"""Events on their way to Courier: order, batches, retries, claims, and what cannot be delivered."""

from __future__ import annotations

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chip.chat.lookups import FRESH_FOR
from chip.chat.outbound.attempt import CLAIM_TRUSTED, arrivals
from chip.chat.outbound.circuit import CHATS_TO_TRIP, FAILURES_TO_TRIP, CircuitBreaker
from chip.chat.outbound.ports import CourierAnswer
from chip.errors import Unavailable
from chip.models import ChatKey, HeardMessage, Incoming, Report
from tests.support.memory import ScriptedGateway
from tests.support.memory_chip import BOB, CHANNEL, MemoryChip


def say(text, ref=None):
    return {"type": "send_msg", "text": text} | ({"ref": ref} if ref else {})


def waiting(chip, chat):
    return [getattr(event, "text", event) for _, event in chip.queues.chats[chat].spool]


def courier_has(chip, *texts):
    """These messages are in the database, whatever Courier answered."""
    for text in texts:
        heard = chip.store.heard[BOB.chat_id]
        heard.append(HeardMessage(f"uuid-{len(heard) + 1}", text))


def answers_late(spool):
    """Hold appends back until what this returns is called."""
    append, held = spool.append, []

    async def late(*args, **named):
        held.append(Deferred())
        await held[-1]
        return await append(*args, **named)

    spool.append = late
    return lambda: [one.callback(None) for one in held]


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


REST = 1.5
"""Seconds that a report rests, and"""
LOOK = 1.0
"""seconds until what is due has been seen."""


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


def test_what_is_due_and_found_no_room_follows_at_once():
    chip = MemoryChip(courier_parallel=4)
    visitors = [chip.visitor() for _ in range(5)]
    for visitor in visitors:
        visitor.says({"type": "start_chat"})
    chip.server.stop_taking_up()
    for visitor in visitors:
        visitor.says(say("hello"))
    chip.process()
    assert len(chip.gateway.requests) == 3
    chip.gateway.requests.pop().handle("uuid")
    chip.gateway.requests.pop().handle("uuid")
    assert len(chip.gateway.requests) == 3


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


def test_a_chat_that_cannot_be_claimed_keeps_no_room():
    chip = MemoryChip(courier_parallel=1)
    first, second = chip.visitor(), chip.visitor()
    first.says({"type": "start_chat"}, say("one"))
    second.says({"type": "start_chat"}, say("two"))
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


# The same text twice


def test_the_same_text_twice_is_never_in_one_request_and_waits_for_courier_to_forget(chip, bob):
    bob.says(say("one"))
    first = chip.gateway.take()
    bob.says(say("hello"), say("hello"))
    first.handle("uuid-1")
    second = chip.gateway.take()
    assert second.texts == ["hello"]
    second.handle("uuid-2")
    chip.later(4)
    assert chip.gateway.requests == []
    chip.later(1.5)
    assert chip.gateway.take().texts == ["hello"]


def test_the_hold_ends_when_a_message_went_out_to_the_visitor(chip, bob):
    bob.says(say("yes"))
    chip.gateway.take().handle("uuid-1")
    chip.send(10)
    bob.says(say("yes"))
    assert chip.gateway.take().texts == ["yes"]


def test_the_hold_survives_a_takeover(chip, bob):
    bob.says(say("yes"))
    chip.gateway.take().handle("uuid-1")
    elsewhere = chip.bob(chip.process())
    elsewhere.says(say("yes"))
    assert chip.gateway.requests == []
    chip.later(5.5)
    assert chip.gateway.take().texts == ["yes"]


def test_the_hold_counts_from_what_was_found_to_have_arrived_too(chip, bob):
    bob.says(say("first"))
    first = chip.gateway.take()
    bob.says(say("yes"), say("bad"), say("yes"))
    courier_has(chip, "first")
    first.handle("uuid-1")
    batch = chip.gateway.take()
    assert batch.texts == ["yes", "bad", "yes"]
    courier_has(chip, "yes")
    batch.fail("refused")
    bad = chip.gateway.take()
    assert bad.texts == ["bad"]
    bad.fail("refused")
    assert chip.gateway.requests == []
    chip.later(5.5)
    assert chip.gateway.take().texts == ["yes"]


# Failures


def test_an_event_that_fails_is_tried_again_later_and_nothing_overtakes_it(chip, bob):
    bob.says(say("one"))
    chip.gateway.take().fail("failed")
    bob.says(say("two"))
    assert chip.gateway.requests == []
    chip.later(2)
    request = chip.gateway.take()
    assert request.texts == ["one"]
    request.handle("uuid-1")
    assert chip.gateway.take().texts == ["two"]


def test_what_courier_itself_refuses_leaves_the_spool_and_the_visitor_is_told(chip, bob):
    other_tab = chip.bob(chip.process())
    bob.says(say("bad", ref="c1"))
    bob.hears()
    other_tab.hears()
    chip.gateway.take().fail("refused")
    told = {
        "type": "error",
        "code": "rejected",
        "message": "the message was refused",
        "command": "send_msg",
        "ref": "c1",
    }
    assert bob.hears_one() == told
    assert other_tab.hears_one() == told
    assert waiting(chip, bob.chat) == []
    # Its ref is forgotten: a retry is a new message.
    bob.says(say("bad", ref="c1"))
    assert chip.gateway.take().texts == ["bad"]


# A refusal of the channel is no refusal of what was said


def change_secret(chip, secret):
    channel = chip.store.channels[CHANNEL.uuid]
    chip.store.channels[CHANNEL.uuid] = msgspec.structs.replace(channel, secret=secret)


def test_a_secret_that_was_changed_is_read_afresh_and_tried_at_once(chip, bob):
    bob.says(say("one"))
    change_secret(chip, "open")
    chip.gateway.take().fail("channel_refused")
    request = chip.gateway.take()
    assert (request.texts, request.channel.secret) == (["one"], "open")
    request.handle("uuid-1")
    assert waiting(chip, bob.chat) == []


def test_the_secret_before_is_tried_too_for_three_minutes_after_a_change(chip, bob):
    """Chip knows the new one already, and Courier does not."""
    change_secret(chip, "open")
    chip.later(FRESH_FOR)
    for minutes in (0, 2):
        chip.later(60 * minutes)
        bob.says(say(f"after {minutes}"))
        refused = chip.gateway.take()
        assert refused.channel.secret == "open"
        refused.fail("channel_refused")
        accepted = chip.gateway.take()
        assert accepted.channel.secret == "sesame"
        accepted.handle("uuid")
    chip.later(90)
    bob.says(say("too late"))
    chip.gateway.take().fail("channel_refused")
    assert chip.gateway.requests == []


def test_nothing_is_rejected_while_the_channel_is_refused_for_hours(chip, bob):
    chip.store.away = False
    bob.says(say("one", ref="c1"))
    bob.hears()
    for _ in range(200):
        for request in chip.gateway.requests:
            request.fail("channel_refused", "channel not found")
        chip.gateway.requests.clear()
        chip.later(30)
    assert bob.hears() == []
    chip.later(60)
    chip.gateway.take().handle("uuid-1")
    assert waiting(chip, bob.chat) == []


def test_nothing_is_rejected_while_the_channel_is_off(chip, bob):
    del chip.store.channels[CHANNEL.uuid]
    chip.later(FRESH_FOR)
    bob.says(say("one", ref="c1"))
    bob.hears()
    chip.later(2 * 3600, step=10)
    assert (bob.hears(), chip.gateway.requests) == ([], [])
    chip.store.channels[CHANNEL.uuid] = CHANNEL
    chip.later(60)
    assert chip.gateway.take().texts == ["one"]


def test_a_refused_channel_is_asked_about_by_one_chat_in_a_while_and_no_other_suffers(chip, bob):
    others = [chip.visitor() for _ in range(20)]
    for other in others:
        other.says({"type": "start_chat"})
        other.says(say("Hi"))
    for request in chip.gateway.requests:
        request.fail("channel_refused")
    chip.gateway.requests.clear()
    asked = 0
    for _ in range(60):
        chip.later(1)
        asked += len(chip.gateway.requests)
        for request in chip.gateway.requests:
            request.fail("channel_refused")
        chip.gateway.requests.clear()
    assert 1 <= asked <= 20
    assert not chip.server.outbound.courier_is_away


def test_what_could_not_be_looked_up_afresh_stays(chip, bob):
    bob.says(say("one", ref="c1"))
    bob.hears()
    chip.store.away = True
    chip.gateway.take().fail("channel_refused")
    assert bob.hears() == []
    assert waiting(chip, bob.chat) == ["one"]


def test_when_several_are_refused_those_that_arrived_are_removed_and_the_rest_go_one_by_one(
    chip, bob
):
    bob.says(say("one"))
    first = chip.gateway.take()
    bob.says(say("two"), say("bad", ref="c3"), say("four"))
    courier_has(chip, "one")
    first.handle("uuid-1")
    batch = chip.gateway.take()
    assert batch.texts == ["two", "bad", "four"]
    courier_has(chip, "two")
    batch.fail("refused")
    alone = chip.gateway.take()
    assert alone.texts == ["bad"]
    alone.fail("refused")
    assert bob.hears()[-1]["ref"] == "c3"
    assert chip.gateway.take().texts == ["four"]


def test_while_the_database_cannot_say_what_arrived_nothing_is_sent(chip, bob):
    bob.says(say("one"))
    chip.gateway.take().fail("unknown")
    chip.store.away = True
    chip.later(60)
    assert chip.gateway.requests == []
    chip.store.away = False
    courier_has(chip, "one")
    chip.later(10)
    assert chip.gateway.requests == []
    assert waiting(chip, bob.chat) == []


def test_an_unknown_outcome_is_looked_up_once_courier_cannot_be_at_work_any_more(chip, bob):
    bob.says(say("one"))
    chip.gateway.take().fail("unknown")
    bob.says(say("two"))
    chip.later(29)
    assert chip.gateway.requests == []
    courier_has(chip, "one")
    chip.later(6)
    assert chip.gateway.take().texts == ["two"]


def test_what_did_not_arrive_after_all_is_sent_again(chip, bob):
    bob.says(say("one"))
    chip.gateway.take().fail("unknown")
    chip.later(34)
    assert chip.gateway.take().texts == ["one"]


def test_an_older_message_with_the_same_text_is_not_taken_for_this_one(chip):
    courier_has(chip, "one")
    chip.store.contacts[1, BOB.chat_id] = msgspec.structs.replace(BOB, last_heard="uuid-1")
    bob = chip.bob()
    bob.says(say("one"))
    chip.gateway.take().fail("unknown")
    chip.later(34)
    assert chip.gateway.take().texts == ["one"]


def test_a_text_that_was_said_before_is_not_taken_for_the_same_text_said_again(chip, bob):
    courier_has(chip, "hi")
    bob.says(say("hi"))
    chip.gateway.take().handle("uuid-1")
    chip.later(5)
    bob.says(say("hi"))
    chip.gateway.take().fail("unknown")
    chip.later(34)
    assert chip.gateway.take().texts == ["hi"]


def test_when_several_failed_those_that_arrived_are_not_sent_again(chip, bob):
    bob.says(say("one"))
    first = chip.gateway.take()
    bob.says(say("two"), say("three"))
    courier_has(chip, "one")
    first.handle("uuid-1")
    courier_has(chip, "two")
    chip.gateway.take().fail("failed")
    assert chip.gateway.take().texts == ["three"]


@pytest.mark.parametrize(
    ("sent", "heard", "arrived"),
    [
        (["a", "b"], [], (0, "")),
        (["a", "b"], ["a"], (1, "uuid-0")),
        (["a", "b"], ["x", "a", "x", "b"], (2, "uuid-3")),
        (["a", "b", "a"], ["a", "b"], (2, "uuid-1")),
        (["a", "b"], ["b"], (0, "")),
        ([" a "], ["a"], (1, "uuid-0")),
        ([None, "a", None], ["a"], (2, "uuid-0")),
        ([None], ["a"], (0, "")),
    ],
)
def test_what_arrived_is_at_the_front_and_in_order(sent, heard, arrived):
    events = [Report("delivered", 1) if text is None else Incoming(text) for text in sent]
    assert arrivals(events, [(f"uuid-{n}", text) for n, text in enumerate(heard)]) == arrived


def test_an_event_that_fails_alone_for_an_hour_blocks_nobody_for_ever(chip, bob):
    other = chip.visitor()
    other.says({"type": "start_chat"})
    bob.says(say("poison", ref="c1"))
    bob.says(say("fine"))
    for minute in range(61):
        other.says(say(f"{minute}"))
        for _ in range(60):
            chip.later(1, step=1)
            for request in chip.gateway.requests[:]:
                chip.gateway.requests.remove(request)
                if request.texts == ["poison"]:
                    request.fail("failed")
                else:
                    request.handle("uuid")
    assert waiting(chip, bob.chat) == []
    assert [e["code"] for e in bob.hears() if e["type"] == "error"] == ["rejected"]


def test_an_event_of_which_nobody_ever_learns_whether_it_arrived_blocks_nobody_for_ever_either(
    chip, bob
):
    other = chip.visitor()
    other.says({"type": "start_chat"})
    bob.says(say("poison", ref="c1"))
    for minute in range(63):
        other.says(say(f"{minute}"))
        for _ in range(60):
            chip.later(1, step=1)
            for request in chip.gateway.requests[:]:
                chip.gateway.requests.remove(request)
                if request.texts == ["poison"]:
                    request.fail("unknown")
                else:
                    request.handle("uuid")
    assert waiting(chip, bob.chat) == []
    assert [e["code"] for e in bob.hears() if e["type"] == "error"] == ["rejected"]


def test_an_attempt_that_ends_in_an_exception_is_made_again(chip, bob, expected_failures):
    post, chip.gateway.post = chip.gateway.post, None
    bob.says(say("one"))
    expected_failures.take(TypeError)
    assert chip.queues.chats[bob.chat].owner == ""
    chip.gateway.post = post
    chip.later(34)
    assert chip.gateway.take().texts == ["one"]


def test_while_courier_fails_for_everybody_nothing_is_given_up(chip, bob):
    bob.says(say("patience"))
    for _ in range(90 * 60):
        chip.later(1, step=1)
        while chip.gateway.requests:
            chip.gateway.requests.pop().fail("unsent")
    assert waiting(chip, bob.chat) == ["patience"]


def test_events_that_waited_too_long_are_rejected(chip):
    chip = MemoryChip(spool_hours=1)
    bob = chip.bob()
    bob.says(say("old", ref="c1"))
    chip.gateway.take().fail("unsent")
    chip.gateway.requests.clear()
    chip.server.outbound.stop()
    chip.clock.advance(3601)
    bob.hears()
    chip.process()
    assert bob.hears_one()["code"] == "rejected"
    assert chip.gateway.requests == []


# Courier away


def fail_everybody(chip, visitors):
    for visitor in visitors:
        visitor.says({"type": "start_chat"}, say("hello"))
    while chip.gateway.requests:
        chip.gateway.requests.pop(0).fail("unsent")


def test_after_a_run_of_failures_one_request_at_a_time_probes_and_success_lets_all_go(chip):
    visitors = [chip.visitor() for _ in range(10)]
    fail_everybody(chip, visitors)
    assert chip.server.outbound.courier_is_away
    chip.later(40)
    assert len(chip.gateway.requests) == 1
    chip.gateway.requests.pop().handle("uuid")
    assert not chip.server.outbound.courier_is_away
    chip.later(2)
    assert len(chip.gateway.requests) == 9


def test_probes_that_fail_at_once_do_not_follow_each_other_at_once(chip):
    visitors = [chip.visitor() for _ in range(40)]
    fail_everybody(chip, visitors)
    probes = []

    async def refuse(channel, chat_id, events):
        probes.append(chat_id)
        return CourierAnswer("unsent", [], "nobody listens")

    chip.gateway.post = refuse
    chip.later(30)
    assert 20 <= len(probes) <= 31


def test_a_line_that_courier_refuses_something_on_is_up(chip):
    visitors = [chip.visitor() for _ in range(6)]
    for visitor in visitors:
        visitor.says({"type": "start_chat"}, say("hello"))
    *most, last = chip.gateway.requests
    for request in most[:4]:
        request.fail("unsent")
    most[4].fail("refused")
    last.fail("unsent")
    assert not chip.server.outbound.courier_is_away


def test_failures_before_a_success_do_not_count():
    courier = ScriptedGateway()
    circuit = CircuitBreaker(courier, 4, Clock())

    def post(chat_id, outcome):
        chat = ChatKey(chat_id, CHANNEL.uuid)
        Deferred.fromCoroutine(circuit.post(CHANNEL, chat, [Incoming("Hi")]))
        courier.take().answer.callback(CourierAnswer(outcome))

    for chat_id in ("a", "b", "c"):
        post(chat_id, "failed")
    post("d", "handled")
    for _ in range(FAILURES_TO_TRIP):
        post("e", "failed")
    assert not circuit.is_open
    for chat_id in ("f", "g"):
        post(chat_id, "failed")
    assert circuit.is_open


def test_one_chat_alone_never_puts_the_line_down(chip, bob):
    bob.says(say("poison"))
    for _ in range(20):
        chip.later(31)
        chip.gateway.take().fail("failed")
    assert not chip.server.outbound.courier_is_away


def test_new_chats_are_unavailable_at_once_while_the_line_is_down(chip):
    fail_everybody(chip, [chip.visitor() for _ in range(max(CHATS_TO_TRIP, FAILURES_TO_TRIP))])
    chip.later(40)
    assert len(chip.gateway.requests) == 1  # a probe is under way
    starts = len(chip.gateway.starts)
    visitor = chip.visitor()
    visitor.says({"type": "start_chat"})
    error = visitor.hears_one()
    assert (error["code"], error["retry_after"]) == ("unavailable", 10)
    assert len(chip.gateway.starts) == starts


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
    chip.queues.alive.clear()
    chip.server.outbound._forwarder._spool = _Silent(chip.queue.spool)
    chip.process()
    courier_has(chip, "one")
    chip.later(30)
    assert chip.gateway.requests == []
    chip.later(3)
    assert chip.gateway.take().texts == ["two"]


def test_a_process_that_lost_its_claim_removes_nothing(chip, bob):
    bob.says(say("one"))
    late = chip.gateway.take()
    chip.queues.alive.clear()
    chip.server.outbound._forwarder._spool = _Silent(chip.queue.spool)
    chip.process()
    chip.later(33)
    retry = chip.gateway.take()
    assert retry.texts == ["one"]
    late.handle("uuid-1")
    assert waiting(chip, bob.chat) == ["one"]
    retry.handle("uuid-1")
    assert waiting(chip, bob.chat) == []


def test_a_process_that_stood_still_sends_nothing_on_an_old_claim(chip, bob):
    """While it stood still, between its claim and its request, another took the chat over."""
    chip.later(FRESH_FOR)
    woken, look_up = Deferred(), chip.store.channel

    async def stands_still(uuid):
        chip.store.channel = look_up
        await woken
        return await look_up(uuid)

    chip.store.channel = stands_still
    bob.says(say("one"))
    chip.queues.alive.clear()
    chip.server.outbound._forwarder._spool = _Silent(chip.queue.spool)
    chip.process()
    chip.later(40)
    by_the_other = chip.gateway.take()
    woken.callback(None)
    assert chip.gateway.requests == []
    by_the_other.handle("uuid-1")
    assert waiting(chip, bob.chat) == []


def test_a_claim_that_grew_old_with_nobody_else_about_is_made_anew(chip, bob):
    chip.later(FRESH_FOR)
    woken, look_up = Deferred(), chip.store.channel

    async def stands_still(uuid):
        chip.store.channel = look_up
        await woken
        return await look_up(uuid)

    chip.store.channel = stands_still
    bob.says(say("one"))
    chip.later(CLAIM_TRUSTED + 1)
    woken.callback(None)
    assert chip.gateway.take().texts == ["one"]


class _Silent:
    """A spool whose process does not get to renew its claims, nor to look for others."""

    def __init__(self, spool):
        self.settle = spool.settle

    async def keep_alive(self):
        pass

    async def due(self, limit):
        return []


def test_an_outcome_is_reported_when_the_queue_is_back_and_nothing_is_sent_twice(chip, bob):
    bob.says(say("one"))
    request = chip.gateway.take()
    chip.queues.away = True
    request.handle("uuid-1")
    chip.later(5)
    chip.queues.come_back()
    chip.later(2)
    assert waiting(chip, bob.chat) == []
    assert chip.gateway.requests == []


def test_a_forwarder_that_stops_finishes_what_is_under_way_and_takes_up_nothing_more(chip, bob):
    bob.says(say("one"))
    bob.says(say("two"))
    chip.server.stop_taking_up()
    chip.gateway.take().handle("uuid-1")
    assert chip.gateway.requests == []
    assert waiting(chip, bob.chat) == ["two"]
    chip.process()
    chip.later(2)
    assert chip.gateway.take().texts == ["two"]
