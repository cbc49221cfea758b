"""The queues in memory that other tests stand on keep the contract of the real ones."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from chip.limits import Limits
from tests.contracts.queue import Process, QueueContract
from tests.support.memory_queue import MemoryQueues


class MemoryRig:
    """A `tests.contracts.queue.QueueRig` of dictionaries."""

    shares_live = True
    partitions = 1

    def __init__(self) -> None:
        self.clock = Clock()
        self.queues = MemoryQueues(self.clock)

    async def process(self, token: str = "here", limits: Limits | None = None) -> Process:
        queue = self.queues.process(token, limits)
        await queue.spool.keep_alive()
        return Process(queue)

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)


class TestMemoryQueue(QueueContract):
    @pytest.fixture
    def rig(self):
        return MemoryRig()
