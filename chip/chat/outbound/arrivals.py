"""Which events have arrived at Courier, by the messages that RapidPro has heard since.

It owns when that can be said. Where its database is away, Courier takes a message all the same, and
writes it when the database is back: until then, what is not there may still come.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from chip.chat.lookups import Lookups
from chip.chat.outbound.ports import Batch
from chip.chat.ports import Store
from chip.errors import Unavailable
from chip.models import ChatKey, Incoming, SpoolEvent

LOOKED_FOR: Final = 120.0
"""Seconds: for the time from the claim until the database looks, and for clocks that differ."""
WRITTEN_WITHIN: Final = 33.0
"""Seconds after its database is back when Courier, which tries every 30, has written what it has
kept on its disk meanwhile."""
MOST_HELD: Final = 10_000
"""Chats of which it is remembered until when nothing is said."""


class Arrivals:
    """What the store says of events whose outcome is not known."""

    def __init__(self, store: Store, lookups: Lookups, seconds: Callable[[], float]) -> None:
        self._store = store
        self._lookups = lookups
        self._seconds = seconds
        # Until when nothing is said of a chat's events. Once for each doubt: a database that is
        # away for a moment again and again must not keep them for ever.
        self._until: OrderedDict[ChatKey, float] = OrderedDict()

    async def doubted(self, chat: ChatKey) -> float:
        """Something is in doubt from now on. Returns the seconds by which whoever looks for it is
        to look later: the database is away now, and may be back by then as if nothing had been."""
        self._until.pop(chat, None)
        with suppress(Unavailable):
            await self._lookups.contact(chat, again=True)
        return WRITTEN_WITHIN if self._lookups.absence.is_away else 0.0

    async def of(self, batch: Batch, count: int) -> tuple[int, str]:
        """How many of the first `count` events have arrived, and the uuid of the last one that is
        known by its name. Raises Unavailable while nobody can say."""
        found, now = await self._look(batch, count), self._seconds()
        absence = self._lookups.absence
        until = self._until.pop(batch.chat, absence.back_at + WRITTEN_WITHIN)
        if now < until:
            self._until[batch.chat] = until
            if len(self._until) > MOST_HELD:
                self._until.popitem(last=False)
            raise Unavailable("Courier may have kept it until its database was back")
        return found

    async def _look(self, batch: Batch, count: int) -> tuple[int, str]:
        entries = batch.entries[:count]
        contact = await self._lookups.contact(batch.chat, again=True)
        if contact is None or batch.last_confirmed is None:
            return 0, ""
        # Not before it was said: what was confirmed last may be forgotten with the queues, and the
        # same text have arrived long ago.
        within = max(entry.age for entry in entries) / 1000 + LOOKED_FOR
        heard = await self._store.heard_since(contact, batch.last_confirmed, within=within)
        events = [entry.event for entry in entries]
        return arrivals(events, [(one.uuid, one.text) for one in heard])


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
