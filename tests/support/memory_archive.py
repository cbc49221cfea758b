"""An archive in memory, as `chip.chat.archive.Archive`, beside a store in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from chip.chat.archive import Kept, Part, Place, Unfinished, Whole
from chip.errors import Unavailable
from chip.models import Channel, ChatKey, Contact, MsgName, MsgOut, Report
from chip.protocol.external_parts import joined, parted
from chip.protocol.times import format_time
from tests.support.memory_store import MemoryStore


class MemoryArchive:
    """Parts by chat and message, the first `shown` of which were shown. `away` makes every call
    raise Unavailable."""

    def __init__(self, store: MemoryStore, clock: Any) -> None:
        self.away = False
        self.reports: list[Report] = []
        self.parts: dict[tuple[ChatKey, str], list[tuple[Part, float]]] = {}
        self._shown: dict[tuple[ChatKey, str], int] = {}
        self._whole: dict[str, MsgOut] = {}
        self._store = store
        self._clock = clock

    async def said(self, channel: Channel, chat_id: str, text: str, uuid: str) -> None:
        self._ask()
        contact = self._contact(channel, chat_id)
        if uuid not in {row.uuid for row in self._store.messages}:
            self._store.said(contact.id, text, self._now(), uuid)

    async def reported(self, chat: ChatKey, report: Report) -> None:
        self._ask()
        self.reports.append(report)

    async def keep_part(self, channel: Channel, chat_id: str, part: Part, place: Place) -> Kept:
        self._ask()
        self._contact(channel, chat_id)
        key = (ChatKey(chat_id, channel.uuid), part.name.uuid)
        known = self.parts.setdefault(key, [])
        position = place([one.text for one, _ in known])
        if position == len(known):
            known.append((part, self._clock.seconds()))
        return Kept(position, len(known), len(known) - self._shown.get(key, 0))

    async def whole(self, channel: Channel, chat_id: str, uuid: str) -> Whole | None:
        self._ask()
        key = (ChatKey(chat_id, channel.uuid), uuid)
        parts, first = [part for part, _ in self.parts[key]], self._shown.get(key, 0)
        if first == len(parts):
            return Whole(parts[0].name, self._whole[uuid], first)
        rest = MsgName(None, str(uuid5(UUID(uuid), str(first))))
        name = rest if first else parts[0].name
        text = joined([part.text for part in parts[first:]], channel.max_length)
        shown, attachments = parted(text)
        self._whole[name.uuid] = MsgOut(
            id=name.uuid,
            uuid=name.uuid,
            text=shown,
            attachments=attachments,
            quick_replies=list(parts[-1].quick_replies),
            origin="chat",
            time=format_time(self._now()),
        )
        return Whole(name, self._whole[name.uuid], len(parts))

    async def shown(self, chat: ChatKey, uuid: str, end: int) -> None:
        self._ask()
        self._shown[chat, uuid] = end

    async def unfinished(self) -> list[Unfinished]:
        self._ask()
        channels, now = self._store.channels, self._clock.seconds()
        return [
            Unfinished(
                chat,
                uuid,
                parts[-1][0].text,
                parts[-1][0].quick_replies,
                now - parts[-1][1],
                channels[chat.channel_uuid].max_length,
            )
            for (chat, uuid), parts in self.parts.items()
            if self._shown.get((chat, uuid), 0) < len(parts)
        ]

    def _contact(self, channel: Channel, chat_id: str) -> Contact:
        number = len(self._store.contacts) + 1000
        return self._store.contacts.setdefault(
            (channel.org_id, chat_id), Contact(number, number, chat_id)
        )

    def _ask(self) -> None:
        if self.away:
            raise Unavailable("the archive is away")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.seconds(), UTC)
