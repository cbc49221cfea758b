"""How late the tests' own reactor is, as where they collect garbage or a machine is very busy.

What tests measure is too long by as much.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any, NamedTuple, Self

from twisted.internet.task import LoopingCall

_BEAT = 0.02


class _Turn(NamedTuple):
    at: float
    cpu: float


class Lateness:
    """Looks for it from `with` on until the end of that."""

    def __init__(self) -> None:
        self._turns: list[_Turn] = []
        self._loop = LoopingCall(self._note)

    def __enter__(self) -> Self:
        self._loop.start(_BEAT)
        return self

    def __exit__(self, *_: Any) -> None:
        self._loop.stop()

    def _note(self) -> None:
        self._turns.append(_Turn(time.time(), time.process_time()))

    def worst(self, since: float, until: float, *, without_cpu: bool = False) -> float:
        """The longest in seconds between these two times, each as of `time.time()`, for which the
        reactor did nothing that it should have done. Where Chip's own parts run in the tests'
        process, that may be because of them: what they use of the CPU is left out `without_cpu`."""
        late = [
            after.at - before.at - (after.cpu - before.cpu if without_cpu else 0)
            for before, after in self._within(since, until)
        ]
        return max(0.0, max(late, default=0.0) - _BEAT)

    def total(self, since: float, until: float) -> float:
        """The same of all such times together, as far as they are between the two."""
        late = (
            min(after.at, until) - max(before.at + _BEAT, since)
            for before, after in self._within(since, until)
        )
        return sum(max(0.0, each) for each in late)

    def _within(self, since: float, until: float) -> list[tuple[_Turn, _Turn]]:
        return [
            (before, after)
            for before, after in pairwise(self._turns)
            if after.at > since and before.at < until
        ]
