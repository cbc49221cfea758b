"""SQLite for tests: one data directory, a clock that the test turns."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from chip.limits import Limits
from chip.queue.sqlite.queue import SqliteQueue
from chip.sqlite.database import SqliteDatabase
from tests.contracts.queue import Process

from .turned_time import TurnedTime


@asynccontextmanager
async def together(database: SqliteDatabase) -> AsyncIterator[None]:
    """What is written meanwhile is one group: the thread is held until all of it waits."""
    begun, go_on = threading.Event(), threading.Event()
    held = Deferred.fromCoroutine(database.write(lambda _: (begun.set(), go_on.wait())))
    await deferToThread(begun.wait)
    try:
        yield
    finally:
        go_on.set()
        await held


class Machine:
    """A data directory, and one start after another of a Chip that uses it.

    It satisfies the queues' contract as a rig, too: there its processes share one database, as if
    they were one process that has forgotten who it was.
    """

    shares_live = False
    partitions = 1

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.time = TurnedTime()
        self.starts = 0
        self.database: SqliteDatabase | None = None

    async def open(self) -> SqliteDatabase:
        """Open the database, unless it is."""
        if self.database is None:
            self.database = SqliteDatabase(self.data_dir, self.time)
            await self.database.open()
        return self.database

    async def start(
        self, limits: Limits | None = None, *, courier_died: bool = False
    ) -> SqliteQueue:
        """The process dies, if there is one, and another is started."""
        await self.stop()
        self.starts += 1
        queue = SqliteQueue(await self.open(), limits or Limits(), f"start-{self.starts}")
        await queue.open(courier_died=courier_died)
        return queue

    async def stop(self) -> None:
        """Let go of the directory."""
        if self.database is not None:
            await self.database.close()
            self.database = None

    async def process(self, token: str = "here", limits: Limits | None = None) -> Process:
        """Another owner of claims on the same database."""
        queue = SqliteQueue(await self.open(), limits or Limits(), token)
        await queue.spool.keep_alive()
        return Process(queue)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.time.now += seconds
