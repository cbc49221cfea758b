"""Keeps what Courier has confirmed, where nobody else keeps it for Chip.

On a channel that names a Courier of its own, what was said is in the archive before the spool lets
go of it. While that cannot be written, it is tried again: what Courier has could not be found out
later.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from chip.chat.archive import Archive
from chip.errors import Unavailable
from chip.models import Channel, ChatKey, Incoming, SpoolEvent
from chip.tasks import Clock, pause

AGAIN_EVERY: Final = 0.5
"""Seconds between two tries."""
TRIES: Final = 600
"""Such tries before it is given up."""


class Keeper:
    """Without an `archive`, there is nothing to keep."""

    def __init__(self, archive: Archive | None, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock

    async def keep(
        self, channel: Channel, chat: ChatKey, events: Sequence[SpoolEvent], heard: Sequence[str]
    ) -> bool:
        """Keep events that Courier has confirmed; `heard` are the uuids of those that are messages.
        Returns whether that is done."""
        if not (channel.courier and self._archive):
            return True
        for _ in range(TRIES):
            try:
                await self._keep(self._archive, channel, chat, events, iter(heard))
            except Unavailable:
                await pause(self._clock, AGAIN_EVERY)
            else:
                return True
        return False

    async def _keep(
        self,
        archive: Archive,
        channel: Channel,
        chat: ChatKey,
        events: Sequence[SpoolEvent],
        uuids: Iterator[str],
    ) -> None:
        for event in events:
            if isinstance(event, Incoming):
                await archive.said(channel, chat.chat_id, event.text, next(uuids))
            else:
                await archive.reported(chat, event)
