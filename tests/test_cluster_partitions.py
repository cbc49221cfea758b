"""What is asked of all partitions, where some of them are in trouble."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chip.errors import Unavailable
from chip.queue.valkey.cluster.partitions import Question
from chip.queue.valkey.cluster.slots import PARTITIONS
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
