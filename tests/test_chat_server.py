"""How the server begins, and how it ends with work still in hand."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from chip.models import Report
from tests.support.memory_chip import MemoryChip


def stop(chip, deadline=10):
    """Begin to stop; what is returned is filled when that is done."""
    stopped = []
    chip.server.stop_taking_up()
    Deferred.fromCoroutine(chip.server.finish(deadline)).addCallback(stopped.append)
    return stopped


def test_a_stop_waits_for_what_is_under_way():
    chip = MemoryChip()
    bob = chip.bob()
    bob.says({"type": "send_msg", "text": "one"})
    stopped = stop(chip)
    chip.later(5)
    assert stopped == []
    chip.gateway.take().handle("uuid-1")
    assert stopped == [None]
    assert chip.queues.chats[bob.chat].spool == []


def test_nothing_is_left_in_the_clock_after_a_stop():
    chip = MemoryChip()
    assert chip.clock.getDelayedCalls() != []
    assert stop(chip) == [None]
    assert chip.clock.getDelayedCalls() == []


def test_a_stop_leaves_behind_what_takes_too_long_and_gives_its_claims_up():
    chip = MemoryChip()
    chip.bob().says({"type": "send_msg", "text": "one"})
    stopped = stop(chip)
    chip.later(10.5)
    assert stopped == [None]
    assert chip.queue.token not in chip.queues.alive
    # Whoever comes next does not send it while Courier may be at work on it, and then does.
    chip.process()
    assert len(chip.gateway.requests) == 1
    chip.later(35)
    assert [request.texts for request in chip.gateway.requests] == [["one"], ["one"]]


def test_a_stop_ends_though_the_queue_is_away():
    chip = MemoryChip()
    chip.bob().says({"type": "send_msg", "text": "one"})
    chip.queues.away = True
    chip.gateway.take().handle("uuid-1")
    stopped = stop(chip)
    chip.later(1)
    assert stopped == [None]


def test_what_has_waited_too_long_for_its_visitor_is_reported_as_failed():
    chip = MemoryChip(outbox_days=1)
    chip.send(10)
    chip.clock.advance(86_401)
    chip.later(2)
    assert chip.gateway.take().reports == [Report("failed", 10)]


def test_visitors_may_say_something_while_the_server_stops_and_others_will_pass_it_on():
    chip = MemoryChip()
    bob = chip.bob()
    stop(chip)
    bob.says({"type": "send_msg", "text": "one", "ref": "c1"})
    assert bob.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    assert chip.gateway.requests == []
    chip.process()
    assert chip.gateway.take().texts == ["one"]
