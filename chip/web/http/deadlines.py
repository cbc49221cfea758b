"""Many things that each have the same time left: one timer for all of them.

A timer of the reactor's own for each connection would cost more than most connections need it for:
nearly all are stopped long before they are due.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from chip.tasks import Clock

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Calls `expired` with everything that was started `seconds` ago and not stopped since."""

    def __init__(self, clock: Clock, seconds: float, expired: Callable[[T], object]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._expired = expired
        # All have the same time left, so the order of starting is the order of being due.
        self._due: dict[T, float] = {}
        self._timer: Any = None

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, thing: T) -> bool:
        return thing in self._due

    def start(self, thing: T) -> None:
        """Give `thing` the whole time, also when it was started before."""
        self._due.pop(thing, None)
        self._due[thing] = self._clock.seconds() + self._seconds
        if self._timer is None:
            self._timer = self._clock.callLater(self._seconds, self._look)

    def stop(self, thing: T) -> bool:
        """Forget `thing`. Returns whether it was started."""
        return self._due.pop(thing, None) is not None

    def close(self) -> None:
        """Forget everything."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        while self._due:
            thing = next(iter(self._due))
            left = self._due[thing] - now
            if left > 0:
                self._timer = self._clock.callLater(left, self._look)
                return
            self.stop(thing)
            self._expired(thing)
