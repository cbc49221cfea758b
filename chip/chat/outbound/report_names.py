"""Both names of a message that a report knows by one.

Couriers up to 10.3.18 take a message's id, later ones its uuid. Most reports have both; one on a
message that another server left, or that came while the database was away, has the name by which it
came. It may have waited over an upgrade of Courier, so its row is looked up once more.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from chip.chat.lookups import Lookups
from chip.chat.ports import Store
from chip.errors import Unavailable
from chip.models import Channel, ChatKey, MsgName, Report, SpoolEvent
from chip.tasks import Clock, within

NAMED_WITHIN: Final = 1.5
"""Seconds that the database may take for it: without, a report goes by the name that it has."""


class ReportNames:
    """The names of messages, from the store."""

    def __init__(self, store: Store, lookups: Lookups, clock: Clock) -> None:
        self._store = store
        self._lookups = lookups
        self._clock = clock

    async def completed(
        self, channel: Channel, chat: ChatKey, events: Sequence[SpoolEvent]
    ) -> Sequence[SpoolEvent]:
        """The same events; reports name their messages both ways, where that can be known now."""
        if channel.courier or not any(map(_lacks_a_name, events)):
            return events
        try:
            return await within(self._clock, NAMED_WITHIN, self._complete(chat, events))
        except Unavailable:
            return events

    async def _complete(self, chat: ChatKey, events: Sequence[SpoolEvent]) -> list[SpoolEvent]:
        contact = await self._lookups.contact(chat)
        completed = list(events)
        for index, event in enumerate(events):
            if contact and isinstance(event, Report) and _lacks_a_name(event):
                stored = await self._store.message(contact, MsgName(event.id, event.uuid))
                if stored:
                    completed[index] = replace(event, id=stored.id, uuid=stored.uuid)
        return completed


def _lacks_a_name(event: SpoolEvent) -> bool:
    return isinstance(event, Report) and (event.id is None or not event.uuid)
