"""What Courier took while its database was away: kept, and written once the database is back.

The real one keeps it on its disk and tries every 30 seconds, so that what was said meanwhile is
written before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg

Work = Callable[[], Awaitable[object]]


class Spool:
    """Writes what is put into it, in order, at the end of some `interval` in seconds."""

    def __init__(self, interval: float = 0.5) -> None:
        self.interval = interval
        self._waiting: list[Work] = []
        self._writing = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._due: asyncio.Task[None] | None = None

    def put(self, work: Work) -> None:
        """Do this later."""
        self._waiting.append(work)
        self._set_timer()

    async def write(self) -> None:
        """Write all of it now, or as much as the database takes."""
        async with self._writing:
            try:
                while self._waiting:
                    await self._write_next()
            except psycopg.OperationalError:
                self._set_timer()

    async def _write_next(self) -> None:
        try:
            await self._waiting[0]()
        except psycopg.OperationalError:
            raise
        except psycopg.Error:
            pass  # It was written after all, or never can be.
        del self._waiting[0]

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self.interval, self._begin)

    def _begin(self) -> None:
        self._due = asyncio.create_task(self.write())
