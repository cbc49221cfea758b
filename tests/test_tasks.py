"""Work that nobody awaits, and the passing of time."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from chip.errors import Unavailable
from chip.tasks import Semaphore, Tasks, every, pause, within
from tests.support.memory_chip import result_of


def outcome_of(work):
    """What has become of a coroutine so far: nothing, or a result, or an exception's type."""
    outcome = []
    Deferred.fromCoroutine(work).addCallbacks(outcome.append, lambda f: outcome.append(f.type))
    return outcome


async def waiting_for(something, then=lambda: None):
    await something
    then()


def test_work_is_begun_at_once():
    begun = []
    Tasks().spawn("work", waiting_for(pause(Clock(), 0)))
    Tasks().spawn("work", _append(begun))
    assert begun == [1]


async def _append(begun):
    begun.append(1)


def test_finishing_waits_for_everything_in_hand_and_for_what_that_starts():
    tasks, first, second, third = Tasks(), Deferred(), Deferred(), Deferred()
    tasks.spawn("first", waiting_for(first, lambda: tasks.spawn("third", waiting_for(third))))
    tasks.spawn("second", waiting_for(second))
    finished = outcome_of(tasks.finish())
    first.callback(None)
    second.callback(None)
    assert finished == []
    third.callback(None)
    assert finished == [None]


def test_who_stops_waiting_for_the_end_is_let_go_and_the_work_goes_on():
    clock, tasks, stuck, done = Clock(), Tasks(), Deferred(), []
    for _ in range(3):
        tasks.spawn("stuck", waiting_for(stuck, lambda: done.append(1)))
    finished = outcome_of(within(clock, 5, tasks.finish()))
    clock.advance(5)
    assert finished == [Unavailable]
    stuck.callback(None)
    assert done == [1, 1, 1]
    assert outcome_of(tasks.finish()) == [None]


def test_a_failure_is_logged_under_the_name_of_the_work(expected_failures):
    tasks, broken = Tasks(), Deferred()
    tasks.spawn("mending", waiting_for(broken))
    broken.errback(ZeroDivisionError())
    (event,) = expected_failures.take(ZeroDivisionError)
    assert event["task"] == "mending"


def test_an_outage_is_no_failure():
    tasks, away = Tasks(), Deferred()
    tasks.spawn("asking", waiting_for(away))
    away.errback(Unavailable("away"))
    assert outcome_of(tasks.finish()) == [None]


def test_what_is_done_in_time_is_what_it_was():
    clock, answer = Clock(), Deferred()
    outcome = outcome_of(within(clock, 5, _answer(answer)))
    clock.advance(4)
    answer.callback(7)
    assert outcome == [7]
    assert clock.getDelayedCalls() == []


async def _answer(answer):
    return await answer


def test_what_is_late_is_cancelled_and_unavailable():
    clock, cancelled = Clock(), []
    answer = Deferred(lambda _: cancelled.append(1))
    outcome = outcome_of(within(clock, 5, _answer(answer)))
    clock.advance(5)
    assert (outcome, cancelled) == ([Unavailable], [1])


@pytest.mark.parametrize("late", [None, Unavailable("no answer"), ZeroDivisionError()])
def test_late_work_that_will_not_be_cancelled_is_waited_for_no_longer(late, expected_failures):
    clock, first, second = Clock(), Deferred(), Deferred()

    async def goes_on():
        try:
            await first
        except CancelledError:
            await second
        if late:
            raise late

    outcome = outcome_of(within(clock, 5, goes_on()))
    clock.advance(5)
    assert outcome == [Unavailable]
    assert not clock.getDelayedCalls()
    second.callback(None)
    if isinstance(late, ZeroDivisionError):
        expected_failures.take(ZeroDivisionError)


def test_an_exception_in_time_stays_what_it_was():
    with pytest.raises(CancelledError):
        result_of(within(Clock(), 5, _raise(CancelledError())))


async def _raise(error):
    raise error


def test_a_call_that_raises_is_made_again_and_logged_once_until_it_works(expected_failures):
    clock, calls = Clock(), []

    def look():
        calls.append(clock.seconds())
        if len(calls) in (2, 3, 5):
            raise ZeroDivisionError

    loop = every(clock, 10, look, now=True)
    clock.pump([10] * 5)
    assert calls == [0, 10, 20, 30, 40, 50]
    events = expected_failures.take(ZeroDivisionError)
    assert len(events) == 2
    assert events[0]["call"].endswith("look")
    loop.stop()
    assert clock.getDelayedCalls() == []


def test_a_pause_that_is_cancelled_leaves_no_timer():
    clock = Clock()
    pausing = Deferred.fromCoroutine(pause(clock, 5))
    pausing.cancel()
    assert pausing.called
    assert not clock.getDelayedCalls()
    pausing.addErrback(lambda failure: failure.trap(CancelledError))


def test_hundreds_who_have_nothing_to_wait_for_do_not_resume_each_other():
    room, done = Semaphore(2), []

    async def work(number):
        await room.acquire()
        done.append(number)
        room.release()

    room.acquire(), room.acquire()
    for number in range(1000):
        Deferred.fromCoroutine(work(number))
    assert done == []
    room.release()
    assert done == list(range(1000))
    assert room.tokens == 1
    room.release()
    assert room.tokens == 2
