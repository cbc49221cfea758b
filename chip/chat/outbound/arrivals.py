"""Which events have arrived at Courier, by the messages that RapidPro has heard since."""

from collections.abc import Sequence
from typing import Final

from chip.chat.outbound.ports import SpoolEntry
from chip.models import Incoming, SpoolEvent

LOOKED_FOR: Final = 120.0
"""Seconds: for the time from the claim until the database looks, and for clocks that differ."""


def may_have_arrived_within(entries: Sequence[SpoolEntry]) -> float:
    """Seconds within which any of these may have arrived, until the database looks: not before it
    was said. What was confirmed last may be forgotten with the queues, and the same text have
    arrived long ago."""
    return max(entry.age for entry in entries) / 1000 + LOOKED_FOR


def arrivals(sent: Sequence[SpoolEvent], heard: list[tuple[str, str]]) -> tuple[int, str]:
    """How many of the events at the front of `sent` have arrived, and the last one's uuid.

    Courier handles events in order and stops at the first that fails, so those that arrived are at
    the front. Reports leave no trace that could be looked for; to repeat one does no harm.
    """
    arrived, last_confirmed, position = 0, "", 0
    for index, event in enumerate(sent):
        if not isinstance(event, Incoming):
            continue
        found = next(
            (i for i in range(position, len(heard)) if heard[i][1].strip() == event.text.strip()),
            None,
        )
        if found is None:
            break
        arrived, last_confirmed, position = index + 1, heard[found][0], found + 1
    return arrived, last_confirmed
