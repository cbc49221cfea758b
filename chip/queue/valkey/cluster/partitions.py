"""All partitions, asked one by one or together.

Those that cannot be asked are left out as long as there are others, and so are those that stay
silent when others have answered. What is asked of all of them again and again goes in one write to
each node: a call of its own for each partition takes five times as much CPU.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from txredisapi import ResponseError

from chip.errors import Unavailable
from chip.models import ChatKey
from chip.queue.valkey.cluster.node import Node
from chip.queue.valkey.cluster.nodes import Nodes
from chip.queue.valkey.cluster.slots import NodeAddress, partition_of
from chip.queue.valkey.deadline import Deadline
from chip.queue.valkey.partition import Partition
from chip.queue.valkey.replicas import WAIT_MS

SILENT_FOR: Final = 2.5 * WAIT_MS / 1000
"""Seconds after an answer in which another one must come. A node that waits for its replicas is
silent meanwhile: for twice as long as they may take, where others were waited for before."""

A = TypeVar("A")
T = TypeVar("T")


class Question(NamedTuple, Generic[T]):
    """Something to ask many partitions: the call of one script's entry, how the entry's answer is
    read, and how a partition is asked by itself, where its node did not answer that."""

    call: Callable[[Partition], bytes]
    read: Callable[[Partition, Any], T]
    alone: Callable[[Partition], Awaitable[T]]


class Partitions:
    """The partitions, and the nodes that they are on."""

    _log = Logger()

    def __init__(self, partitions: Sequence[Partition], nodes: Nodes[Node], reactor: Any) -> None:
        self.all = partitions
        self._nodes = nodes
        self._reactor = reactor

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

        async def answer(partition: Partition) -> T:
            return await ask(partition)

        return await self._answers([(partition, answer(partition)) for partition in partitions])

    async def ask_together(
        self, numbers: Iterable[int], question: Question[T]
    ) -> list[tuple[Partition, T]]:
        """The same of partitions that are asked together. What a node does not answer, because the
        slot has moved or the script is not known there, is asked again."""
        by_node: dict[Node, list[Partition]] = {}
        for number in numbers:
            by_node.setdefault(self._nodes.owner(number), []).append(self.all[number])
        answers = await self._answers(
            [
                (node, self._ask_node(node, partitions, question))
                for node, partitions in by_node.items()
            ]
        )
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

    async def _answers(
        self, asked: Sequence[tuple[A, Coroutine[Any, Any, T]]]
    ) -> list[tuple[A, T]]:
        """What comes of work for each of them, without those that are away or silent."""
        ended: dict[int, T | Failure] = {}
        done: Deferred[None] = Deferred()
        silence: Deadline | None = None

        def end(result: Any, number: int) -> None:
            nonlocal silence
            if done.called:
                if isinstance(result, Failure) and not result.check(Unavailable):
                    self._log.failure("what a node answered late is not known", result)
                return
            ended[number] = result
            if len(ended) == len(asked):
                done.callback(None)
            elif not isinstance(result, Failure):
                if silence is not None:
                    silence.met()
                silence = Deadline(self._reactor, SILENT_FOR, lambda: done.callback(None))

        for number, (_, work) in enumerate(asked):
            Deferred.fromCoroutine(work).addBoth(end, number)
        try:
            if asked:
                await done
        finally:
            if silence is not None:
                silence.met()
        return _reachable([(one, ended[n]) for n, (one, _) in enumerate(asked) if n in ended])


def _reachable(ended: Iterable[tuple[A, T | Failure]]) -> list[tuple[A, T]]:
    """What was answered, with whomever answered. Raises Unavailable when nobody did."""
    found: list[tuple[A, T]] = []
    away: Failure | None = None
    for asked, result in ended:
        if not isinstance(result, Failure):
            found.append((asked, result))
        else:
            away = result
            if not away.check(Unavailable):
                away.raiseException()
    if away is not None and not found:
        away.raiseException()
    return found
