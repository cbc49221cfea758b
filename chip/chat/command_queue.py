"""One connection's commands, carried out strictly in the order in which they came.

It owns which command is in hand and which wait. What a command means, and what its failure is
answered with, is its handler's.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

from twisted.logger import Logger

from chip.chat.client import Client
from chip.protocol.commands import Command
from chip.tasks import Tasks

C = TypeVar("C")

MAX_WAITING: Final = 64
"""Commands that may wait for their turn before the connection is not read any more."""


CarryOut = Callable[[Command], Awaitable[None]]
"""Carries out a command, and answers it also when that fails."""

_log = Logger()


class CommandQueue:
    """Commands in hand and waiting. It keeps no handler: that would make a reference cycle."""

    __slots__ = ("_busy", "_client", "_tasks", "_waiting")

    def __init__(self, client: Client, tasks: Tasks) -> None:
        self._client = client
        self._tasks = tasks
        self._busy = False
        # None while nothing waits, which is nearly always.
        self._waiting: deque[Command] | None = None

    def put(self, command: Command, handle: CarryOut) -> None:
        """Have `handle` carry out `command`, after those before it."""
        if not self._busy:
            self._busy = True
            self._tasks.spawn("a visitor's command", self._work(command, handle))
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(command)
        if len(self._waiting) >= MAX_WAITING:
            self._client.pause()

    def following(self, kind: type[C], most: int) -> Iterator[C]:
        """Take at most so many commands of one kind that wait directly behind the one in hand."""
        for _ in range(most):
            if not self._waiting or not isinstance(self._waiting[0], kind):
                return
            yield self._waiting[0]
            self._next()

    async def _work(self, command: Command | None, handle: CarryOut) -> None:
        while command is not None:
            try:
                await handle(command)
            except Exception:
                # Not even the answer could be given. Those that wait are carried out all the same.
                _log.failure("a visitor's command failed")
            command = self._next()
        self._busy = False

    def _next(self) -> Command | None:
        if not self._waiting:
            self._waiting = None
            return None
        if len(self._waiting) == MAX_WAITING:
            self._client.resume()
        return self._waiting.popleft()
