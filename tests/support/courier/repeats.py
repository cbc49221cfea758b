"""The habit that what a visitor says twice within four seconds counts once.

Courier remembers the last text of each visitor on each channel, and forgets it when it sends him
something. The repetition is answered as the first one was.
"""

from __future__ import annotations

from .clock import Clock
from .releases import Settings


class Repeats:
    """The last text of each visitor, with the uuid of its message."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._last: dict[tuple[str, str], tuple[str, str, float]] = {}

    def find(self, channel: str, chat: str, text: str) -> str | None:
        """Return the uuid of the message that this text repeats."""
        last, uuid, when = self._last.get((channel, chat), ("", "", -1e9))
        fresh = self._clock.now() - when < self._settings.repeat_window
        return uuid if fresh and text == last else None

    def remember(self, channel: str, chat: str, text: str, uuid: str) -> None:
        """He has said this."""
        self._last[channel, chat] = (text, uuid, self._clock.now())

    def forget(self, channel: str, chat: str) -> None:
        """Something was sent to him: the same text again would now be news."""
        self._last.pop((channel, chat), None)
