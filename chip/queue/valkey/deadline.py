"""How long an answer is awaited."""

from collections.abc import Callable
from typing import Any

from twisted.internet.base import DelayedCall


class Deadline:
    """Calls `late` after so many seconds, unless it is met before.

    In two halves: a process that was itself held up for long reads what has arrived meanwhile
    before it blames its peer.
    """

    __slots__ = ("_half", "_late", "_reactor", "_timer")

    def __init__(self, reactor: Any, seconds: float, late: Callable[[], object]) -> None:
        self._reactor = reactor
        self._half = seconds / 2
        self._late = late
        self._timer: DelayedCall = reactor.callLater(self._half, self._second_half)

    def _second_half(self) -> None:
        self._timer = self._reactor.callLater(self._half, self._late)

    def met(self) -> None:
        """What was awaited is there, or of no interest any more."""
        if self.active():
            self.cancel()

    def active(self) -> bool:
        """Whether it is still awaited."""
        return self._timer.active()

    def cancel(self) -> None:
        """Await it no more."""
        self._timer.cancel()


class Halves:
    """A clock for `chip.tasks.in_time`, by which time is over as it is for a `Deadline`."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def callLater(self, seconds: float, late: Callable[[], object]) -> Deadline:
        """See IReactorTime."""
        return Deadline(self._reactor, seconds, late)
