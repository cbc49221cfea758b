"""Messages counted by channel: the first channels by themselves, so that series stay bounded."""

from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter

from chip.chat.observer import MessageOutcome, SentBy

MOST_CHANNELS: Final = 100
"""Channels whose messages are counted apart: the first that had any since the start."""
OTHER: Final = "other"
"""The label of all that have no series of their own."""


class MessageCounts:
    """``chip_messages_total``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._family = Counter(
            "chip_messages_total",
            "Messages, by who sent them, by channel, and by what came of them",
            ["sender", "channel", "outcome"],
            registry=registry,
        )
        self._channels: set[str] = set()
        # Kept, since the family takes twice as long to find one.
        self._series: dict[tuple[str, str, str], Any] = {}

    def count(self, sender: SentBy, channel_uuid: str, outcome: MessageOutcome, times: int) -> None:
        """Count so many messages."""
        if len(self._channels) < MOST_CHANNELS:
            self._channels.add(channel_uuid)
        key = sender, channel_uuid if channel_uuid in self._channels else OTHER, outcome
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._family.labels(*key)
        series.inc(times)
