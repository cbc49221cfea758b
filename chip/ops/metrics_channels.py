"""What is counted by channel: the first channels by themselves, so that series stay bounded."""

from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter

from chip.chat.observer import MessageOutcome, SentBy

MOST_CHANNELS: Final = 100
"""Channels that are counted apart, of either kind of count: the first since the start."""
OTHER: Final = "other"
"""The label of all that have no series of their own."""


class ChannelCounts:
    """``chip_messages_total`` and ``chip_channel_refusals_total``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._messages = Counter(
            "chip_messages_total",
            "Messages, by who sent them, by channel, and by what came of them",
            ["sender", "channel", "outcome"],
            registry=registry,
        )
        self._refusals = Counter(
            "chip_channel_refusals_total",
            "Times that Courier refused a channel, its secret or its type, by channel",
            ["channel"],
            registry=registry,
        )
        self._with_messages: set[str] = set()
        self._refused: set[str] = set()
        # Kept, since the family takes twice as long to find one.
        self._series: dict[tuple[str, str, str], Any] = {}

    def message(
        self, sender: SentBy, channel_uuid: str, outcome: MessageOutcome, times: int
    ) -> None:
        """Count so many messages."""
        key = sender, _label(channel_uuid, self._with_messages), outcome
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._messages.labels(*key)
        series.inc(times)

    def refusal(self, channel_uuid: str) -> None:
        """Count one."""
        self._refusals.labels(_label(channel_uuid, self._refused)).inc()


def _label(channel_uuid: str, known: set[str]) -> str:
    if len(known) < MOST_CHANNELS:
        known.add(channel_uuid)
    return channel_uuid if channel_uuid in known else OTHER
