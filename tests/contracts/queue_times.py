"""Time, where it is a server's own: it goes on while a machine that is busy stands still."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from .queue_parts import REST


class TimedContract:
    """What contracts that look at times ask for."""

    @pytest.fixture
    def about(self) -> Callable[[float, float], bool]:
        """Whether a time in ms is so many seconds, and no more than the test took besides."""
        began = time.monotonic()
        return lambda ms, seconds: 0 <= ms / 1000 - seconds <= time.monotonic() - began

    @pytest.fixture
    def rest(self) -> float:
        """How many seconds a report rests: more than a test takes, wherever time is a server's."""
        return REST
