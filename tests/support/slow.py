"""A method that takes its time, until the test has it answer. Knows nothing of what it does."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred


class Slow:
    """The coroutine method `name` of `owner`, from now on: a call does its work when the test says
    so. One that `works_first` does it at once, and what came of it is told when the test says so.
    """

    def __init__(self, owner: Any, name: str, *, works_first: bool = False) -> None:
        self._method = getattr(owner, name)
        self._works_first = works_first
        self.waiting: list[Deferred[None]] = []
        setattr(owner, name, self._call)

    async def _call(self, *arguments: Any, **named: Any) -> Any:
        if self._works_first:
            answer = await self._method(*arguments, **named)
            await self._turn()
            return answer
        await self._turn()
        return await self._method(*arguments, **named)

    async def _turn(self) -> None:
        turn: Deferred[None] = Deferred()
        self.waiting.append(turn)
        await turn

    def answers(self) -> None:
        """All calls that wait now are answered. Those that follow wait again."""
        waiting, self.waiting = self.waiting, []
        for turn in waiting:
            turn.callback(None)

    def answers_all(self) -> None:
        """All calls are answered, and those that follow."""
        while self.waiting:
            self.answers()
