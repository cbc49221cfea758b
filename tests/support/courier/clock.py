"""The clock of Courier's habits, which tests put forward instead of waiting."""

from __future__ import annotations

import time


class Clock:
    """Seconds since some moment, and `offset` more."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return time.monotonic() + self.offset
