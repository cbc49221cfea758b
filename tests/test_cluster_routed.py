"""Commands on their way to the node that serves a partition, where nodes say what they like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from chip.errors import Unavailable
from chip.queue.valkey.cluster.routed import RoutedCommands
from chip.queue.valkey.cluster.slots import NodeAddress, Redirected
from chip.queue.valkey.outages import Outages

ONE, OTHER = NodeAddress("127.0.0.1", 7001), NodeAddress("127.0.0.1", 7002)
TRYAGAIN = Redirected("TRYAGAIN", None)
CLUSTERDOWN = Redirected("CLUSTERDOWN", None)
MOVED = Redirected("MOVED", OTHER)


class FakeNode:
    """Answers what it was given, the last of it again and again."""

    def __init__(self, *answers: Any) -> None:
        self.commands = self
        self.outages = Outages(lambda: 0.0, quiet=True)
        self._answers = list(answers)

    async def send(self, command: bytes, *, replicated: bytes) -> Any:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeNodes:
    """The first of them serves everything, until another one is said to."""

    def __init__(self, **nodes: FakeNode) -> None:
        self._nodes = {ONE: nodes["one"], OTHER: nodes["other"]}
        self._owner = ONE

    def owner(self, partition: int) -> FakeNode:
        return self._nodes[self._owner]

    def doubt(self, node: FakeNode) -> None:
        pass

    def moved(self, partition: int, place: NodeAddress) -> None:
        self._owner = place


def test_a_slot_that_was_long_on_its_way_is_followed_to_where_it_went():
    """Whoever has waited is not refused when the wait is over."""
    clock = Clock()
    tries: Iterable[Any] = [TRYAGAIN] * 20
    nodes: Any = FakeNodes(one=FakeNode(*tries, MOVED), other=FakeNode(b"done"))
    answer = Deferred.fromCoroutine(RoutedCommands(5, nodes, clock).call(b"GET", b"key"))
    clock.pump([0.0502] * 19 + [0.1])
    assert answer.result == b"done"


class SlowNode(FakeNode):
    """Takes a millisecond for each answer. To what is in `comes_through` it has another one."""

    def __init__(self, clock: Clock, answer: Any, comes_through: bytes = b"nothing") -> None:
        super().__init__(answer)
        self._clock = clock
        self._comes_through = comes_through

    async def send(self, command: bytes, *, replicated: bytes) -> Any:
        await deferLater(self._clock, 0.001)
        if self._comes_through in command:
            return b"done"
        return await super().send(command, replicated=replicated)


def times_of_refusal(clock: Clock, commands: list[Deferred[Any]]) -> list[float]:
    """When each of them is told that nobody takes it."""
    times: list[float] = []

    def refused(failure: Any) -> None:
        failure.trap(Unavailable)
        times.append(clock.seconds())

    for command in commands:
        command.addErrback(refused)
    clock.pump([0.001] * 3000)
    return times


@pytest.mark.parametrize("begins_at", [0, 1000])
@pytest.mark.parametrize("why", [TRYAGAIN, CLUSTERDOWN])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_nobody_waits_for_longer_than_a_second_however_many_wait(count, why, begins_at):
    clock = Clock()
    clock.advance(begins_at)
    nodes: Any = FakeNodes(one=SlowNode(clock, why), other=FakeNode(b""))
    routed = RoutedCommands(5, nodes, clock)
    waiting = [Deferred.fromCoroutine(routed.call(b"GET", b"key")) for _ in range(count)]
    times = times_of_refusal(clock, waiting)
    assert len(times) == count
    assert max(times) - begins_at < 1.2
    [later] = times_of_refusal(clock, [Deferred.fromCoroutine(routed.call(b"GET", b"key"))])
    assert later - begins_at - 3 < 0.1


def test_nobody_waits_for_longer_while_others_come_through():
    """Some keys of a slot that is on its way are still there."""
    clock = Clock()
    nodes: Any = FakeNodes(one=SlowNode(clock, TRYAGAIN, b"there"), other=FakeNode(b""))
    routed = RoutedCommands(5, nodes, clock)

    async def come_through() -> None:
        for _ in range(20):
            assert await routed.call(b"GET", b"there") == b"done"
            await deferLater(clock, 0.1)

    others = Deferred.fromCoroutine(come_through())
    waiting = Deferred.fromCoroutine(routed.call(b"GET", b"moved"))
    [refused_at] = times_of_refusal(clock, [waiting])
    assert refused_at < 1.2
    assert others.called
