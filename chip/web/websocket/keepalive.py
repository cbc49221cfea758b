"""Whether the peers of many idle connections are still there, for next to nothing.

Every connection is pinged once in an interval and has some time to show life. It sits in one of
many slots, and each tick looks at one of them: so there is one timer whatever the number of
connections, and never a moment at which all are pinged.
"""

from itertools import cycle
from math import ceil
from typing import Any, Final, Protocol

from chip.tasks import Clock

TICKS_PER_SECOND: Final = 8
"""At 10,000 connections that is 42 pings in a row, about a millisecond."""

MOST_SLOTS: Final = 2400
"""Beyond an interval of 5 minutes ticks are rarer, and a time-out is one tick at least."""


class KeptAlive(Protocol):
    """A connection that can be asked whether its peer lives."""

    def ping(self) -> None:
        """Ask."""

    def check_alive(self) -> None:
        """Drop the peer if it has shown no life since `ping`."""


class Keepalive:
    """Pings everything added, every `interval` seconds, and expects life `timeout` later, or before
    the next ping where that comes first.
    """

    def __init__(self, clock: Clock, interval: float, timeout: float) -> None:
        count = min(max(2, ceil(interval * TICKS_PER_SECOND)), MOST_SLOTS)
        self._clock = clock
        self._tick = interval / count
        self._slots: list[set[KeptAlive]] = [set() for _ in range(count)]
        self._wait = min(count - 1, ceil(timeout / self._tick))
        # Whoever comes next takes the next slot: so a thousand that come at once are spread out.
        self._next_slot = cycle(range(count))
        self._at = 0
        self._count = 0
        self._timer: Any = None

    def add(self, connection: KeptAlive) -> int:
        """Take a connection on. Returns its slot, which `remove` wants to have back."""
        slot = next(self._next_slot)
        self._slots[slot].add(connection)
        self._count += 1
        if self._timer is None:
            self._timer = self._clock.callLater(self._tick, self._ask_the_next)
        return slot

    def remove(self, connection: KeptAlive, slot: int) -> None:
        """Let a connection go."""
        self._slots[slot].discard(connection)
        self._count -= 1
        if not self._count and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ask_the_next(self) -> None:
        self._timer = self._clock.callLater(self._tick, self._ask_the_next)
        self._at = (self._at + 1) % len(self._slots)
        # Copies: whoever is dropped leaves its slot meanwhile.
        for connection in tuple(self._slots[self._at - self._wait]):
            connection.check_alive()
        for connection in tuple(self._slots[self._at]):
            connection.ping()
