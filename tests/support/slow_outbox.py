"""An outbox that does one thing when the test says so, and everything else at once."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.support.memory_chip import MemoryChip


class SlowAcks:
    """Acknowledgements are stored when the test says so."""

    def __init__(self, chip: MemoryChip) -> None:
        self._ack = chip.queue.outbox.ack
        self._waiting: list[Deferred[None]] = []
        chip.queue.outbox.ack = self._wait

    async def _wait(self, *arguments: Any) -> Any:
        self._waiting.append(Deferred())
        await self._waiting[-1]
        return await self._ack(*arguments)

    def are_stored(self) -> None:
        while self._waiting:
            self._waiting.pop().callback(None)


class SlowReads:
    """Outboxes are read, and what was found is told when the test says so."""

    def __init__(self, chip: MemoryChip) -> None:
        self._read = chip.queue.outbox.read
        self._waiting: list[Deferred[None]] = []
        chip.queue.outbox.read = self._wait

    async def _wait(self, *arguments: Any) -> Any:
        page = await self._read(*arguments)
        self._waiting.append(Deferred())
        await self._waiting[-1]
        return page

    def are_answered(self) -> bool:
        """Whether there were any. Those that follow wait again."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)
        return bool(waiting)
