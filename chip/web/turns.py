"""Whose turn it is to be heard: what one address says does not hold up what others say.

An address may have two hundred connections, and each may say something at the same moment. What it
says beyond a few things waits until everybody else was heard who has something to say, and so on.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from chip.tasks import Clock

WINDOW: Final = 0.02
"""Seconds for which it is counted what an address has said: longer than what is heard at one time
should ever take."""


class Turns:
    """Counts by address, of which each may say so many things at a time. The address ``""`` never
    waits."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._since = 0.0
        self._said: dict[str, int] = {}
        self._waiting: dict[str, deque[Callable[[], None]]] = {}
        self._timer: Any = None

    def take(self, address: str, go_on: Callable[[], None]) -> bool:
        """Whether this may be heard now. If not, `go_on` is called when it may: in the order of
        asking, and never from in here."""
        if not address:
            return True
        waiting = self._waiting.get(address)
        if waiting is None:
            now = self._clock.seconds()
            if now - self._since >= WINDOW:
                self._since = now
                self._said.clear()
            said = self._said.get(address, 0)
            if said < self._most:
                self._said[address] = said + 1
                return True
            waiting = self._waiting[address] = deque()
        waiting.append(go_on)
        self._come_back()
        return False

    def close(self) -> None:
        """Forget who waits."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _come_back(self) -> None:
        # A timer that is due at once comes after everything that is there to be read now.
        if self._timer is None:
            self._timer = self._clock.callLater(0, self._next_turn)

    def _next_turn(self) -> None:
        self._timer = None
        try:
            for address, waiting in list(self._waiting.items()):
                for _ in range(min(self._most, len(waiting))):
                    waiting.popleft()()
                if not waiting:
                    del self._waiting[address]
        finally:
            if self._waiting:
                self._come_back()
