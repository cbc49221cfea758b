"""Log lines about what may happen as often as others like, held to a few.

`LogThrottle` is for single events of a kind, refusals for instance. `Outage` is for what works or
does not: it has a line at its beginning, one a minute while it lasts, and one at its end.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from twisted.logger import Logger, LogLevel

SAME_KIND_EVERY: Final = 60.0
"""Seconds between two lines of the same kind."""
MOST_KINDS: Final = 1000
"""Kinds that are remembered; beyond that, the one that was told longest ago is forgotten."""


class LogThrottle:
    """One line in `SAME_KIND_EVERY` seconds of each kind. `seconds` tells the time."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        # When the next line is due, and how often it has happened since the last one.
        self._kinds: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def times(self, kind: str = "") -> int:
        """Note that it has happened. Returns 0 while there is to be silence, else how often it has
        happened since it was told last."""
        now = self._seconds()
        silent_until, untold = self._kinds.get(kind, (-math.inf, 0))
        if now < silent_until:
            self._kinds[kind] = silent_until, untold + 1
            return 0
        self._kinds[kind] = now + SAME_KIND_EVERY, 0
        self._kinds.move_to_end(kind)
        if len(self._kinds) > MOST_KINDS:
            self._kinds.popitem(last=False)
        return untold + 1


class Outage:
    """The time for which something does not work, as `log` tells it.

    `begins` is the line at its beginning and each minute, which names the ``{reason}``; `ends` is
    the one at its end. Outages that follow each other within a minute share their lines.
    """

    def __init__(
        self,
        log: Logger,
        begins: str,
        ends: str,
        seconds: Callable[[], float],
        *,
        level: LogLevel = LogLevel.warn,
    ) -> None:
        self._log = log
        self._begins = begins
        self._ends = ends
        self._seconds = seconds
        self._level = level
        self._throttle = LogThrottle(seconds)
        self.reason = ""
        """Why it does not work; ``""`` while it does."""
        self._began = 0.0
        self._failures = 0
        self._told = False

    def failed(self, reason: str, **fields: object) -> None:
        """It was tried in vain. `fields` are shown beside the reason."""
        if not self._failures:
            self._began = self._seconds()
        self.reason = reason
        self._failures += 1
        if self._throttle.times():
            self._told = True
            self._log.emit(self._level, self._begins, reason=reason, **fields)

    def worked(self, **fields: object) -> None:
        """It works."""
        if not self._failures:
            return
        if self._told:
            lasted = round(self._seconds() - self._began, 1)
            self._log.info(self._ends, seconds=lasted, failures=self._failures, **fields)
        self.reason, self._failures, self._told = "", 0, False
