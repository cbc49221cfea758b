"""Whether the others of a channel succeed, while one of its events does not.

It owns since when Courier has taken what is said on each channel, without a longer gap. It knows
nothing of the events that fail.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

OTHERS_WITHIN: Final = 900.0
"""Seconds between two successes of a channel that are no gap."""
MOST_SUCCEEDING: Final = 10_000
"""Channels whose successes are remembered."""


class Successes:
    """By the UUIDs of channels, in seconds of the clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        # The first and the last one without a gap between.
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def note(self, channel_uuid: str) -> None:
        """Courier has just taken something that was said on the channel."""
        now = self._seconds()
        first, last = self._known.pop(channel_uuid, (now, now))
        self._known[channel_uuid] = (now if now - last > OTHERS_WITHIN else first, now)
        if len(self._known) > MOST_SUCCEEDING:
            self._known.popitem(last=False)

    def forget(self, channel_uuid: str) -> None:
        """Courier is away: what it took before says nothing of what comes."""
        self._known.pop(channel_uuid, None)

    def lasting(self, channel_uuid: str) -> float:
        """Seconds for which the channel has had successes; 0 when it has none now."""
        now = self._seconds()
        first, last = self._known.get(channel_uuid, (now, now))
        return now - first if now - last <= OTHERS_WITHIN else 0.0
