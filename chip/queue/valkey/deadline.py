"""How long an answer is awaited."""

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError
from twisted.python.failure import Failure

T = TypeVar("T")


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
        if self._timer.active():
            self._timer.cancel()


def in_halves(work: "Deferred[T]", seconds: float, reactor: Any) -> "Deferred[T]":
    """`chip.tasks.in_time`, but as a `Deadline` waits."""
    late = False

    def give_up() -> None:
        nonlocal late
        late = True
        work.cancel()

    def ended(result: Any) -> Any:
        deadline.met()
        if late and isinstance(result, Failure):
            raise TimeoutError
        return result

    deadline = Deadline(reactor, seconds, give_up)
    return work.addBoth(ended)
