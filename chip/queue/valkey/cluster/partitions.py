"""All partitions, asked one by one or together.

Those that cannot be asked are left out as long as there are others. What is asked of all of them
again and again goes in one write to each node: a call of its own for each partition takes five
times as much CPU.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure
from txredisapi import ResponseError

from chip.errors import Unavailable
from chip.models import ChatKey
from chip.queue.valkey.cluster.node import Node
from chip.queue.valkey.cluster.nodes import Nodes
from chip.queue.valkey.cluster.slots import NodeAddress, partition_of
from chip.queue.valkey.partition import Partition

T = TypeVar("T")


class Question(NamedTuple, Generic[T]):
    """Something to ask many partitions: the call of one script's entry, how the entry's answer is
    read, and how a partition is asked by itself, where its node did not answer that."""

    call: Callable[[Partition], bytes]
    read: Callable[[Partition, Any], T]
    alone: Callable[[Partition], Awaitable[T]]


class Partitions:
    """The partitions, and the nodes that they are on."""

    def __init__(self, partitions: Sequence[Partition], nodes: Nodes[Node]) -> None:
        self.all = partitions
        self._nodes = nodes

    def of(self, chat: ChatKey) -> Partition:
        """The one of this chat."""
        return self.all[partition_of(str(chat).encode())]

    def by_node(self) -> dict[NodeAddress, list[Partition]]:
        """The partitions of each node."""
        found: dict[NodeAddress, list[Partition]] = {}
        for number, one in enumerate(self.all):
            found.setdefault(self._nodes.owner(number).place, []).append(one)
        return found

    async def ask(
        self, partitions: Iterable[Partition], ask: Callable[[Partition], Awaitable[T]]
    ) -> list[tuple[Partition, T]]:
        """What partitions answer that are asked each by itself. Raises Unavailable when all are
        away, and whatever else goes wrong."""
        asked = list(partitions)

        async def answer(partition: Partition) -> T:
            return await ask(partition)

        ended = await DeferredList(
            [Deferred.fromCoroutine(answer(partition)) for partition in asked], consumeErrors=True
        )
        return _reachable(zip(asked, ended, strict=True))

    async def ask_together(
        self, numbers: Iterable[int], question: Question[T]
    ) -> list[tuple[Partition, T]]:
        """The same of partitions that are asked together. What a node does not answer, because the
        slot has moved or the script is not known there, is asked again."""
        by_node: dict[Node, list[Partition]] = {}
        for number in numbers:
            by_node.setdefault(self._nodes.owner(number), []).append(self.all[number])
        ended = await DeferredList(
            [
                Deferred.fromCoroutine(self._ask_node(node, partitions, question))
                for node, partitions in by_node.items()
            ],
            consumeErrors=True,
        )
        answers = _reachable(zip(by_node, ended, strict=True))
        return [found for _, of_node in answers for found in of_node]

    async def _ask_node(
        self, node: Node, partitions: list[Partition], question: Question[T]
    ) -> list[tuple[Partition, T]]:
        calls = [question.call(partition) for partition in partitions]
        answers = await node.commands.send_together(calls)
        found: list[tuple[Partition, T]] = []
        again: list[Partition] = []
        for partition, answer in zip(partitions, answers, strict=True):
            if isinstance(answer, ResponseError) or isinstance(answer[0], ResponseError):
                again.append(partition)
            else:
                found.append((partition, question.read(partition, answer[0])))
        if again:
            try:
                found += await self.ask(again, question.alone)
            except Unavailable:  # which says nothing of those that have answered
                if not found:
                    raise
        return found


def _reachable(ended: Iterable[tuple[Any, tuple[bool, Any]]]) -> list[tuple[Any, Any]]:
    """What was answered, with whomever answered. Raises Unavailable when nobody did."""
    found = []
    away: Failure | None = None
    for asked, (worked, result) in ended:
        if worked:
            found.append((asked, result))
        else:
            away = cast(Failure, result)
            if not isinstance(away.value, Unavailable):
                away.raiseException()
    if away is not None and not found:
        away.raiseException()
    return found
