"""The commands of one connection, in order: which wait, which do not, and how many may."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from chip.chat.command_queue import MAX_WAITING
from chip.models import HistoryPage
from tests.support.commands import ack, say
from tests.support.memory_chip import MemoryChip


@pytest.fixture
def chip():
    return MemoryChip()


def test_too_many_bad_commands_close_the_connection(chip):
    visitor = chip.bob()
    visitor.says(*[b"nonsense"] * 10)
    assert len(visitor.hears()) == 10
    assert visitor.closed_with is None
    visitor.says(b"nonsense")
    assert visitor.closed_with == (4400, "too many bad commands")


def test_less_than_one_bad_command_a_minute_is_one_at_a_time():
    chip = MemoryChip(bad_commands_per_minute=0.5)
    visitor = chip.bob()
    visitor.says(b"nonsense")
    assert visitor.closed_with is None
    chip.later(120)
    visitor.says(b"nonsense")
    assert visitor.closed_with is None
    visitor.says(b"nonsense")
    assert visitor.closed_with == (4400, "too many bad commands")


def test_a_ping_is_answered_at_any_time(chip):
    visitor = chip.visitor()
    visitor.says({"type": "ping"})
    assert visitor.hears_one() == {"type": "pong"}


def test_a_ping_overtakes_a_command_that_waits(chip):
    visitor = chip.bob()
    stuck = StuckHistory(chip.store)
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"}, {"type": "ping"})
    assert visitor.hears_one() == {"type": "pong"}
    stuck.answer.callback(HistoryPage(b"[]", more=False))
    assert visitor.hears_one() == {"type": "history", "history": []}


class StuckHistory:
    """Pages of history come from this store when the test wants them to."""

    def __init__(self, store):
        store.history = self.history
        self.answer = Deferred()

    async def history(self, contact, before, max_bytes):
        return await self.answer


def test_what_was_said_before_leaving_is_carried_out(chip):
    stuck = StuckHistory(chip.store)
    visitor = chip.bob()
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"}, say("Bye"))
    visitor.leaves()
    stuck.answer.callback(HistoryPage(b"[]", more=False))
    assert chip.gateway.take().texts == ["Bye"]
    assert visitor.hears() == []


def test_a_visitor_who_says_more_than_can_be_done_is_not_read_for_a_while(chip):
    chip = MemoryChip(commands_burst=1000)
    visitor = chip.bob()
    stuck = StuckHistory(chip.store)
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"})
    visitor.says(*[ack(n) for n in range(MAX_WAITING - 1)])
    assert not visitor.paused
    visitor.says(ack(0))
    assert visitor.paused
    stuck.answer.callback(HistoryPage(b"[]", more=False))
    assert not visitor.paused


def test_an_exception_in_one_command_ends_neither_this_chat_nor_another(chip, expected_failures):
    visitor, other = chip.bob(), chip.bob()
    chip.store.history = _broken
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"}, say("Hi", ref="c1"))
    error, accepted = visitor.hears()
    assert (error["code"], error["command"]) == ("internal", "get_history")
    assert "secret" not in error["message"]
    assert accepted == {"type": "msg_accepted", "ref": "c1"}
    assert other.closed_with is None
    expected_failures.take(ZeroDivisionError)


def test_a_command_whose_failure_cannot_even_be_answered_holds_up_nothing(chip, expected_failures):
    visitor = chip.bob()
    chip.store.history = _broken
    visitor.send = _cannot_be_written_to
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"})
    del visitor.send
    visitor.says(say("Hi", ref="c1"))
    assert visitor.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    expected_failures.take(RecursionError)
    expected_failures.take(ZeroDivisionError)


def _cannot_be_written_to(frame):
    raise RecursionError


def test_when_storing_fails_every_message_that_went_with_it_is_answered(chip, expected_failures):
    visitor = chip.bob()
    stuck = StuckHistory(chip.store)
    chip.queue.spool.append = None
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"})
    visitor.says(say("one", ref="c1"), say("two", ref="c2"))
    stuck.answer.callback(HistoryPage(b"[]", more=False))
    errors = visitor.hears()[1:]
    assert [(e["code"], e["ref"]) for e in errors] == [("internal", "c1"), ("internal", "c2")]
    expected_failures.take(TypeError)


async def _broken(contact, before, max_bytes):
    raise ZeroDivisionError("secret")


def test_too_many_commands_are_answered_with_when_to_go_on(chip):
    chip = MemoryChip(commands_per_second=1, commands_burst=1)
    visitor = chip.bob()
    visitor.says({"type": "set_email", "email": "bob@example.com"})
    error = visitor.hears_one()
    assert (error["code"], error["command"]) == ("rate_limited", "set_email")
    assert error["retry_after"] == 1
