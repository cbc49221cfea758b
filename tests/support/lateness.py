"""How late the tests' own reactor is, as where they collect garbage or a machine is very busy.

What tests measure of another process is too long by as much. Of no use where what is measured runs
in the tests' process: then it may be what makes the reactor late.
"""

from __future__ import annotations

import time
from typing import Any, Self

from twisted.internet.task import LoopingCall

_BEAT = 0.02


class Lateness:
    """Looks for it from `with` on until the end of that."""

    def __init__(self) -> None:
        self._turns: list[float] = []
        self._loop = LoopingCall(lambda: self._turns.append(time.time()))

    def __enter__(self) -> Self:
        self._loop.start(_BEAT)
        return self

    def __exit__(self, *_: Any) -> None:
        self._loop.stop()

    def worst(self, since: float, until: float) -> float:
        """The longest in seconds between these two times, each as of `time.time()`, for which the
        reactor did nothing that it should have done."""
        pairs = zip(self._turns, self._turns[1:], strict=False)
        gaps = [after - before for before, after in pairs if after > since and before < until]
        return max(0.0, max(gaps, default=0.0) - _BEAT)
