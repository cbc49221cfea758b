"""What becomes of the events of one attempt: repeated texts, failures, unknown outcomes."""

from __future__ import annotations

import msgspec
import pytest

from chip.chat.outbound.arrivals import arrivals
from chip.models import Incoming, Report
from tests.support.commands import say
from tests.support.memory_chip import BOB, MemoryChip


@pytest.fixture
def chip():
    return MemoryChip()


@pytest.fixture
def bob(chip):
    return chip.bob()


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


def test_what_courier_drops_as_said_before_is_said_again(chip, bob):
    bob.says(say("yes"))
    chip.gateway.take().handle("uuid-1")
    # Picked up before that, and long on its way.
    chip.send(10)
    bob.says(say("yes"), say("no"))
    again = chip.gateway.take()
    assert again.texts == ["yes"]
    again.handle("uuid-1")
    chip.later(3.5)
    assert chip.gateway.requests == []
    chip.later(1.5)
    again = chip.gateway.take()
    assert again.texts == ["yes"]
    again.handle("uuid-2")
    assert chip.gateway.take().texts == ["no"]
    assert [event for event in bob.hears() if event["type"] == "error"] == []


def test_but_a_courier_that_calls_all_messages_alike_is_believed_after_that(chip, bob):
    bob.says(say("yes"))
    chip.gateway.take().handle("same")
    chip.send(10)
    bob.says(say("yes"))
    chip.gateway.take().handle("same")
    chip.later(5)
    chip.gateway.take().handle("same")
    assert chip.waiting(bob.chat) == []


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
    chip.courier_has("first")
    first.handle("uuid-1")
    batch = chip.gateway.take()
    assert batch.texts == ["yes", "bad", "yes"]
    chip.courier_has("yes")
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


def test_what_a_proxy_said_had_failed_is_not_sent_again_if_it_arrived(chip, bob):
    bob.says(say("one"))
    request = chip.gateway.take()
    chip.courier_has("one")
    request.fail("failed", may_have_arrived=True)
    chip.later(40)
    assert chip.gateway.requests == []
    assert chip.waiting(bob.chat) == []


def test_and_if_it_did_not_it_is_sent_again_as_soon_as_ever(chip, bob):
    bob.says(say("one"))
    chip.gateway.take().fail("failed", "status 503, not from Courier", may_have_arrived=True)
    chip.later(2)
    assert chip.gateway.take().texts == ["one"]


def test_while_nobody_can_say_whether_it_did_it_waits(chip, bob):
    bob.says(say("one"))
    request = chip.gateway.take()
    chip.store.away = True
    request.fail("failed", may_have_arrived=True)
    chip.later(60)
    assert chip.gateway.requests == []
    chip.store.away = False
    chip.later(40)
    assert chip.gateway.take().texts == ["one"]


def test_what_courier_kept_while_its_database_was_away_is_waited_for(chip, bob):
    bob.says(say("one"))
    chip.store.away = True
    chip.gateway.take().fail("unknown")
    # It is back before anybody asks what has arrived; Courier writes half a minute later.
    chip.later(29)
    chip.store.away = False
    chip.later(30)
    assert chip.gateway.requests == []
    chip.courier_has("one")
    chip.later(60)
    assert chip.gateway.requests == []
    assert chip.waiting(bob.chat) == []


def test_an_older_message_is_not_taken_for_one_whose_predecessor_is_not_written_yet(chip, bob):
    bob.says(say("hello"))
    chip.courier_has("hello")
    chip.gateway.take().handle("uuid-1")
    bob.says(say("anyone?"))
    chip.store.away = True
    # Courier keeps this one on its disk.
    chip.gateway.take().handle("uuid-2")
    bob.says(say("hello"))
    chip.gateway.take().fail("unknown")
    chip.later(40)
    chip.store.away = False
    chip.later(20)
    chip.courier_has("anyone?")
    chip.later(60)
    assert chip.gateway.take().texts == ["hello"]


def test_also_where_another_process_takes_it_up_and_has_not_noticed(chip, bob):
    bob.says(say("one"))
    chip.store.away = True
    chip.gateway.take().fail("unknown")
    chip.server.stop_taking_up()
    chip.later(10)
    chip.store.away = False
    chip.process()
    chip.later(25)
    assert chip.gateway.requests == []
    chip.courier_has("one")
    chip.later(60)
    assert chip.gateway.requests == []
    assert chip.waiting(bob.chat) == []


def test_a_doubt_that_another_process_has_settled_is_not_taken_for_the_next_one(chip, bob):
    def doubts(text, back_after):
        bob.says(say(text))
        chip.store.away = True
        chip.gateway.take().fail("unknown")
        chip.later(back_after)
        chip.store.away = False

    doubts("one", 70)
    chip.later(5)
    # Another process had it meanwhile; this one has stopped looking.
    chip.courier_has("one")
    chip.queues.chats[bob.chat].unknown = 0
    chip.queues.chats[bob.chat].spool.clear()
    chip.later(100)
    doubts("two", 70)
    chip.later(20)
    assert chip.gateway.requests == []


def test_a_database_in_trouble_again_and_again_keeps_nothing_back_for_ever(chip, bob):
    bob.says(say("one"))
    chip.gateway.take().fail("unknown")
    for _ in range(8):
        chip.later(25)
        chip.store.away = True
        chip.later(5)
        chip.store.away = False
    assert chip.gateway.take().texts == ["one"]


def test_for_what_courier_itself_says_has_failed_nobody_is_asked(chip, bob):
    bob.says(say("one"))
    request = chip.gateway.take()
    before = chip.store.queries
    request.fail("failed")
    assert chip.store.queries == before


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
    assert chip.waiting(bob.chat) == []
    # Its ref is forgotten: a retry is a new message.
    bob.says(say("bad", ref="c1"))
    assert chip.gateway.take().texts == ["bad"]


def test_when_several_are_refused_those_that_arrived_are_removed_and_the_rest_go_one_by_one(
    chip, bob
):
    bob.says(say("one"))
    first = chip.gateway.take()
    bob.says(say("two"), say("bad", ref="c3"), say("four"))
    chip.courier_has("one")
    first.handle("uuid-1")
    batch = chip.gateway.take()
    assert batch.texts == ["two", "bad", "four"]
    chip.courier_has("two")
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
    chip.courier_has("one")
    chip.later(40)
    assert chip.gateway.requests == []
    assert chip.waiting(bob.chat) == []


def test_an_unknown_outcome_is_looked_up_once_courier_cannot_be_at_work_any_more(chip, bob):
    bob.says(say("one"))
    chip.gateway.take().fail("unknown")
    bob.says(say("two"))
    chip.later(29)
    assert chip.gateway.requests == []
    chip.courier_has("one")
    chip.later(6)
    assert chip.gateway.take().texts == ["two"]


def test_what_did_not_arrive_after_all_is_sent_again(chip, bob):
    bob.says(say("one"))
    chip.gateway.take().fail("unknown")
    chip.later(34)
    assert chip.gateway.take().texts == ["one"]


def test_an_older_message_with_the_same_text_is_not_taken_for_this_one(chip):
    chip.courier_has("one")
    chip.store.contacts[1, BOB.chat_id] = msgspec.structs.replace(BOB, last_confirmed="uuid-1")
    bob = chip.bob()
    bob.says(say("one"))
    chip.gateway.take().fail("unknown")
    chip.later(34)
    assert chip.gateway.take().texts == ["one"]


def test_a_text_that_was_said_before_is_not_taken_for_the_same_text_said_again(chip, bob):
    chip.courier_has("hi")
    bob.says(say("hi"))
    chip.gateway.take().handle("uuid-1")
    chip.later(5)
    bob.says(say("hi"))
    chip.gateway.take().fail("unknown")
    chip.later(34)
    assert chip.gateway.take().texts == ["hi"]


def test_nor_where_the_queues_have_forgotten_what_courier_confirmed(chip, bob):
    chip.courier_has("hi")
    bob.says(say("hi"))
    chip.gateway.take().handle("uuid-1")
    chip.later(180)
    chip.queues.lose()
    bob.says(say("hi"))
    chip.gateway.take().fail("unknown")
    chip.later(34)
    assert chip.gateway.take().texts == ["hi"]


def test_what_arrived_after_a_chat_was_moved_to_another_contact_is_found_there(chip, bob):
    bob.says(say("one"))
    first = chip.gateway.take()
    chip.courier_has("one")
    first.handle("uuid-1")
    moved = msgspec.structs.replace(BOB, id=BOB.id + 1000)
    chip.store.contacts[1, BOB.chat_id] = moved
    bob.says(say("two"))
    chip.courier_has("two", contact=moved)
    chip.gateway.take().fail("unknown")
    chip.later(34)
    assert chip.gateway.requests == []
    assert chip.waiting(bob.chat) == []


def test_when_several_failed_those_that_arrived_are_not_sent_again(chip, bob):
    bob.says(say("one"))
    first = chip.gateway.take()
    bob.says(say("two"), say("three"))
    chip.courier_has("one")
    first.handle("uuid-1")
    chip.courier_has("two")
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


def test_an_attempt_that_ends_in_an_exception_is_made_again(chip, bob, expected_failures):
    post, chip.gateway.post = chip.gateway.post, None
    bob.says(say("one"))
    expected_failures.take(TypeError)
    assert chip.queues.chats[bob.chat].owner == ""
    chip.gateway.post = post
    chip.later(34)
    assert chip.gateway.take().texts == ["one"]
