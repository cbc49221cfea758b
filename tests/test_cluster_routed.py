"""Commands on their way to the node that serves a partition, where nodes say what they like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chip.queue.valkey.cluster.routed import RoutedCommands
from chip.queue.valkey.cluster.slots import NodeAddress, Redirected

ONE, OTHER = NodeAddress("127.0.0.1", 7001), NodeAddress("127.0.0.1", 7002)
TRYAGAIN = Redirected("TRYAGAIN", None)
MOVED = Redirected("MOVED", OTHER)


class FakeNode:
    """Answers what it was given, the last of it again and again."""

    def __init__(self, *answers: Any) -> None:
        self.commands = self
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
