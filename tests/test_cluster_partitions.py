"""What is asked of all partitions, where some of them are in trouble."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from chip.errors import Unavailable
from chip.queue.valkey.cluster.partitions import SILENT_FOR, Question
from chip.queue.valkey.cluster.slots import PARTITIONS
from chip.queue.valkey.replicas import WAIT_MS
from tests.support.fake_cluster import PER_NODE, FakeCluster, FakePartition

QUESTION: Any = Question(
    call=FakePartition.call_alive, read=lambda one, _: one.number, alone=FakePartition.keep_alive
)


def ask(blocked: Collection[int]) -> Any:
    """The partitions that answer."""
    asked = FakeCluster(blocked).partitions().ask_together(range(PARTITIONS), QUESTION)
    found: list[Any] = []
    Deferred.fromCoroutine(asked).addBoth(found.append)
    if isinstance(found[0], list):
        return {number for _, number in found[0]}
    return found[0]


@pytest.mark.parametrize("blocked", [{5}, {5, 6}, {5, PER_NODE}, set(range(PER_NODE))])
def test_partitions_that_are_blocked_hide_no_other(blocked):
    assert ask(blocked) == set(range(PARTITIONS)) - blocked


def test_where_all_are_blocked_that_is_said():
    assert ask(range(PARTITIONS)).check(Unavailable)


# A node that is silent.


class Asked:
    """A question to both nodes, of which one or both have not answered yet."""

    def __init__(self, *silent: int) -> None:
        self.cluster = FakeCluster([], silent=silent)
        self.found: list[Any] = []
        asked = self.cluster.partitions().ask_together(range(PARTITIONS), QUESTION)
        Deferred.fromCoroutine(asked).addBoth(self.found.append)

    @property
    def numbers(self) -> set[int] | None:
        """The partitions that have answered, once it is known which do."""
        return {number for _, number in self.found[0]} if self.found else None


def test_a_node_that_is_silent_for_long_after_the_other_one_is_left_out():
    asked = Asked(7002)
    asked.cluster.clock.pump([SILENT_FOR / 2, SILENT_FOR / 2 - 0.01])
    assert asked.numbers is None
    asked.cluster.clock.advance(0.02)
    assert asked.numbers == set(range(PER_NODE))


def test_a_node_that_answers_a_little_later_is_not():
    asked = Asked(7002)
    asked.cluster.clock.pump([SILENT_FOR / 2, SILENT_FOR / 2 - 0.01])
    asked.cluster.answer(7002)
    assert asked.numbers == set(range(PARTITIONS))
    assert asked.cluster.clock.getDelayedCalls() == []


def test_nor_is_one_whose_replicas_take_as_long_as_they_may():
    """Behind a wait that others share, and then its own."""
    asked = Asked(7002)
    asked.cluster.clock.pump([2 * WAIT_MS / 1000 / 10] * 10)
    assert asked.numbers is None
    asked.cluster.answer(7002)
    assert asked.numbers == set(range(PARTITIONS))


def test_where_nobody_answers_it_is_waited_for_the_first_who_does():
    asked = Asked(7001, 7002)
    asked.cluster.clock.pump([1] * 10)
    assert asked.numbers is None
    asked.cluster.answer(7001)
    asked.cluster.clock.pump([SILENT_FOR / 2 + 0.01] * 2)
    assert asked.numbers == set(range(PER_NODE))


def test_what_comes_too_late_hurts_nobody():
    asked = Asked(7002)
    asked.cluster.clock.pump([SILENT_FOR] * 2)
    asked.cluster.answer(7002)
    assert asked.numbers == set(range(PER_NODE))


def test_nor_does_a_node_that_is_lost_then():
    asked = Asked(7002)
    asked.cluster.clock.pump([SILENT_FOR] * 2)
    asked.cluster.answer(7002, Unavailable("lost"))
    assert asked.numbers == set(range(PER_NODE))


def test_anything_else_that_goes_wrong_then_is_logged(expected_failures):
    asked = Asked(7002)
    asked.cluster.clock.pump([SILENT_FOR] * 2)
    asked.cluster.answer(7002, ZeroDivisionError())
    expected_failures.take(ZeroDivisionError)


def test_whoever_asks_no_more_leaves_no_timer_behind():
    cluster = FakeCluster([], silent=[7002])
    asked = cluster.partitions().ask_together(range(PARTITIONS), QUESTION)
    asking = Deferred.fromCoroutine(asked)
    asking.cancel()
    asking.addErrback(lambda failure: failure.trap(CancelledError))
    assert cluster.clock.getDelayedCalls() == []
    cluster.answer(7002)
