"""How a visitor's message is accepted, and why it may not be."""

from __future__ import annotations

import pytest

from tests.support.commands import say
from tests.support.memory_chip import BOB, CHANNEL, MemoryChip


@pytest.fixture
def chip():
    return MemoryChip()


def test_a_message_is_accepted_once_it_is_stored_and_goes_to_courier(chip):
    visitor = chip.bob()
    visitor.says(say("I need help!", ref="c1"))
    assert visitor.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    request = chip.gateway.take()
    assert (request.channel, request.chat_id) == (CHANNEL, BOB.chat_id)
    assert request.texts == ["I need help!"]
    request.handle("uuid-1")
    assert chip.queues.chats[visitor.chat].spool == []


def test_a_message_without_a_ref_is_taken_in_silence(chip):
    visitor = chip.bob()
    visitor.says(say("Hi"))
    assert visitor.hears() == []
    assert chip.gateway.take().texts == ["Hi"]


def test_the_same_ref_is_accepted_again_and_forwarded_once(chip):
    visitor = chip.bob()
    visitor.says(say("Hi", ref="c1"), say("Hi", ref="c1"))
    other = chip.bob()
    other.says(say("Hi", ref="c1"))
    assert [e["type"] for e in visitor.hears()] == ["msg_accepted", "msg_accepted"]
    assert other.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    request = chip.gateway.take()
    assert request.texts == ["Hi"]
    request.handle("uuid-1")
    assert chip.gateway.requests == []


def test_messages_are_refused_as_unavailable_while_the_queue_is_away_and_none_is_lost(chip):
    visitor = chip.bob()
    chip.queues.away = True
    visitor.says(say("Hi", ref="c1"))
    error = visitor.hears_one()
    assert (error["code"], error["ref"]) == ("unavailable", "c1")
    chip.queues.come_back()
    visitor.says(say("Hi", ref="c1"))
    assert visitor.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    assert chip.gateway.take().texts == ["Hi"]


def test_a_chat_that_says_too_much_is_told_when_to_go_on(chip):
    visitor = chip.bob()
    visitor.says(*[say(f"{n}", ref=f"c{n}") for n in range(61)])
    *accepted, refused = visitor.hears()
    assert [e["type"] for e in accepted] == ["msg_accepted"] * 60
    assert (refused["code"], refused["ref"], refused["retry_after"]) == ("rate_limited", "c60", 1)


def test_the_rate_is_the_chats_and_not_the_connections(chip):
    first, second = chip.bob(), chip.bob()
    first.says(*[say(f"{n}") for n in range(60)])
    first.hears()
    second.says(say("one more", ref="c1"))
    assert second.hears()[-1]["code"] == "rate_limited"


def test_a_full_spool_is_rate_limited_and_takes_nothing(chip):
    chip = MemoryChip(spool_events=2)
    visitor = chip.bob()
    visitor.says(*[say(f"{n}", ref=f"c{n}") for n in range(3)])
    *accepted, refused = visitor.hears()
    assert [event["ref"] for event in accepted] == ["c0", "c1"]
    assert (refused["code"], refused["ref"]) == ("rate_limited", "c2")


def test_the_other_tabs_hear_what_was_said_here(chip):
    here, there = chip.bob(), chip.bob()
    elsewhere = chip.bob(chip.process())
    here.says(say("Hi", ref="c1"))
    assert [e["type"] for e in here.hears()] == ["msg_accepted"]
    echo = {
        "type": "msg_echo",
        "msg_in": {"text": "Hi", "ref": "c1", "time": "2024-05-01T12:00:00Z"},
    }
    assert there.hears_one() == echo
    assert elsewhere.hears_one() == echo
