"""Log lines about what may happen at any time: told, and not a thousand times."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.logger import Logger

from chip.throttle import MOST_KINDS, LogThrottle, Outage


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outage(clock):
    log = Logger(namespace="chip.test")
    return Outage(log, "the line is down: {reason}", "the line is up again", clock.seconds)


def test_each_kind_has_a_line_a_minute_with_the_number_of_times_since_the_last(clock):
    throttle = LogThrottle(clock.seconds)
    told = [throttle.times("cats")]
    for _ in range(150):
        told.append(throttle.times("cats"))
        clock.advance(1)
    assert [times for times in told if times] == [1, 61, 60]
    assert throttle.times("dogs") == 1


def test_what_others_may_invent_fills_no_memory(clock):
    throttle = LogThrottle(clock.seconds)
    for number in range(5 * MOST_KINDS):
        assert throttle.times(f"kind {number}") == 1
    assert len(throttle._kinds) == MOST_KINDS
    assert throttle.times(f"kind {number}") == 0
    assert throttle.times("kind 0") == 1


def test_an_outage_has_a_line_at_its_beginning_one_a_minute_and_one_at_its_end(clock, outage, log):
    outage.worked()
    for _ in range(125):
        outage.failed("a tree fell", pole=7)
        clock.advance(1)
    assert outage.reason == "a tree fell"
    outage.worked()
    outage.worked()
    assert outage.reason == ""
    down = "warn: the line is down: a tree fell"
    assert log.about() == [down, down, down, "info: the line is up again"]
    assert log.fields("pole") == [7, 7, 7]
    assert (log.fields("seconds"), log.fields("failures")) == ([125], [125])


def test_what_fails_now_and_then_has_a_line_a_minute_at_most(clock, outage, log):
    for _ in range(59):
        outage.failed("a tree fell")
        outage.worked()
        clock.advance(1)
    assert len(log.about("is down")) == len(log.about("is up")) == 1
    clock.advance(1)
    outage.failed("a tree fell")
    assert len(log.about("is down")) == 2
