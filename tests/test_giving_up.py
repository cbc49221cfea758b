"""When an event is given up: never at once, and never for what happens to everybody."""

from __future__ import annotations

import pytest

from tests.support.commands import say
from tests.support.memory_chip import MemoryChip


@pytest.fixture
def chip():
    return MemoryChip()


@pytest.fixture
def bob(chip):
    return chip.bob()


def visitors(chip, count):
    """So many others, in chats of their own."""
    others = [chip.visitor() for _ in range(count)]
    for other in others:
        other.says({"type": "start_chat"})
    return others


def minutes_pass(chip, minutes, answer, saying=()):
    """So many, in each of which these say something; Courier answers each request so."""
    for minute in range(minutes):
        for visitor in saying:
            visitor.says(say(f"{minute}"))
        for _ in range(60):
            chip.later(1, step=1)
            for request in chip.gateway.requests[:]:
                chip.gateway.requests.remove(request)
                answer(request)


def everybody_fails(request):
    request.fail("failed")


def only(text, kind):
    """Courier takes everything but this."""

    def answer(request):
        request.fail(kind) if request.texts == [text] else request.handle("uuid")

    return answer


@pytest.mark.parametrize(("kind", "minutes"), [("failed", 62), ("unknown", 64)])
def test_an_event_that_fails_alone_for_an_hour_blocks_nobody_for_ever(chip, bob, kind, minutes):
    bob.says(say("poison", ref="c1"))
    minutes_pass(chip, minutes, only("poison", kind), visitors(chip, 1))
    assert chip.waiting(bob.chat) == []
    assert [e["code"] for e in bob.hears() if e["type"] == "error"] == ["rejected"]


def test_what_failed_while_courier_was_away_for_long_is_not_given_up_at_its_return(chip, bob):
    others = visitors(chip, 4)
    bob.says(say("patience"))
    minutes_pass(chip, 70, everybody_fails, others)
    minutes_pass(chip, 55, only("patience", "failed"), others)
    assert chip.waiting(bob.chat) == ["patience"]
    minutes_pass(chip, 10, only("patience", "failed"), others)
    assert chip.waiting(bob.chat) == []


def test_nor_where_courier_comes_and_goes(chip, bob):
    others = visitors(chip, 4)
    minutes_pass(chip, 1, only("patience", "failed"), others)
    bob.says(say("patience"))
    for _ in range(8):
        minutes_pass(chip, 9, everybody_fails, others)
        minutes_pass(chip, 1, only("patience", "failed"), others)
    assert chip.waiting(bob.chat) == ["patience"]


def test_nor_where_too_few_say_anything_for_courier_to_count_as_away(chip, bob):
    others = visitors(chip, 1)
    minutes_pass(chip, 1, only("patience", "failed"), others)
    bob.says(say("patience"))
    minutes_pass(chip, 70, everybody_fails)
    minutes_pass(chip, 10, only("patience", "failed"), others)
    assert chip.waiting(bob.chat) == ["patience"]


def test_what_never_reaches_courier_is_not_to_blame_while_others_succeed(chip, bob):
    bob.says(say("patience"))
    minutes_pass(chip, 130, only("patience", "unsent"), visitors(chip, 1))
    assert chip.waiting(bob.chat) == ["patience"]


def test_while_courier_fails_for_everybody_nothing_is_given_up(chip, bob):
    bob.says(say("patience"))
    minutes_pass(chip, 90, everybody_fails)
    assert chip.waiting(bob.chat) == ["patience"]


def test_events_that_waited_too_long_are_rejected():
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


def test_that_something_was_rejected_is_told_to_whoever_is_there_then_and_to_nobody_later(
    chip, bob
):
    bob.says(say("hello", ref="c1"))
    bob.leaves()
    there = [chip.bob(), chip.bob()]
    chip.gateway.take().fail("refused", "status 400 from Courier")
    assert [one.hears_one()["code"] for one in there] == ["rejected", "rejected"]
    later = chip.bob()
    assert later.hears() == []
    later.says({"type": "get_history", "before": "2030-01-01T00:00:00Z"})
    assert later.hears_one()["history"] == []
