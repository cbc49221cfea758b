"""A clock that stands still unless a test turns it."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor


class TurnedTime:
    """The reactor, but for what time it is."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def seconds(self) -> float:
        return self.now
