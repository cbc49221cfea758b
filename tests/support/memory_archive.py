"""An archive in memory, as `chip.chat.archive.Archive`, beside a store in memory.

It holds to the contract of all archives (tests/test_memory_archive.py), with the same limits as the
one on SQLite.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from chip.chat.archive import Kept, Part, Place, Unfinished, Whole
from chip.errors import QueueFull, Refused, Unavailable
from chip.models import Channel, ChatKey, Contact, MsgIn, MsgName, MsgOut, Report
from chip.protocol.external_parts import joined, parted
from chip.protocol.times import format_time
from chip.store import sqlite_archive
from tests.support.memory_store import MemoryStore, Row

_STATUSES = {"delivered": "D", "failed": "F"}


@dataclass
class _KeptPart:
    """A part that has come, when, and whether it was shown."""

    part: Part
    at: float
    shown: bool = False


class MemoryArchive:
    """Parts by chat and message. `away` makes every call raise Unavailable."""

    def __init__(self, store: MemoryStore, clock: Any) -> None:
        self.away = False
        self.reports: list[Report] = []
        self.kept: dict[tuple[ChatKey, str], list[_KeptPart]] = {}
        self._store = store
        self._clock = clock

    async def said(self, channel: Channel, chat_id: str, text: str, uuid: str) -> None:
        self._ask()
        contact = self._contact(channel, chat_id)
        if self._message(uuid) is None:
            self._store.said(contact.id, text, self._moment(), uuid)

    async def reported(self, chat: ChatKey, report: Report) -> None:
        self._ask()
        self.reports.append(report)
        channel = self._store.channels[chat.channel_uuid]
        contact = self._store.contacts.get((channel.org_id, chat.chat_id))
        row = self._message(report.uuid)
        if row and contact and row.contact_id == contact.id and row.status not in ("", "D"):
            self._put(replace(row, status=_STATUSES[report.status]))

    async def keep_part(self, channel: Channel, chat_id: str, part: Part, place: Place) -> Kept:
        self._ask()
        chat, uuid = ChatKey(chat_id, channel.uuid), part.name.uuid
        contact, message = self._contact(channel, chat_id), self._message(uuid)
        if message and (message.contact_id != contact.id or isinstance(message.shown, MsgIn)):
            raise Refused("the id is that of another message")
        known = self.kept.get((chat, uuid), [])
        if message and not known:
            return Kept(0, 0, 0)
        waiting = sum(not one.shown for one in known)
        position = place([one.part.text for one in known])
        if position < len(known):
            return Kept(position, len(known), waiting)
        if self._waiting(chat) >= sqlite_archive.MOST_WAITING:
            raise QueueFull("too much of this chat waits", retry_after=60)
        if position >= sqlite_archive.MOST_PARTS:
            raise QueueFull("too much of this chat waits", retry_after=60)
        self._forget()
        self.kept.setdefault((chat, uuid), []).append(_KeptPart(part, self._clock.seconds()))
        return Kept(position, position + 1, waiting + 1)

    async def whole(self, channel: Channel, chat_id: str, uuid: str) -> Whole | None:
        self._ask()
        known = self.kept.get((ChatKey(chat_id, channel.uuid), uuid), [])
        waiting = [one.part for one in known if not one.shown]
        if not waiting:
            message = self._message(uuid)
            if not known or message is None or isinstance(message.shown, MsgIn):
                return None
            return Whole(known[0].part.name, message.shown, len(known))
        name, first = known[0].part.name, len(known) - len(waiting)
        if first:
            name = MsgName(None, str(uuid5(UUID(uuid), str(first))))
        text, attachments = parted(joined([part.text for part in waiting], channel.max_length))
        contact, before = self._contact(channel, chat_id), self._message(name.uuid)
        at = before.at if before else self._moment()
        msg_out = MsgOut(
            id=name.uuid,
            uuid=name.uuid,
            text=text,
            attachments=attachments,
            quick_replies=list(waiting[-1].quick_replies),
            origin="chat",
            time=format_time(at),
        )
        self._put(Row(contact.id, name.uuid, at, msg_out, "W"))
        return Whole(name, msg_out, len(known))

    async def shown(self, chat: ChatKey, uuid: str, end: int) -> None:
        self._ask()
        for one in self.kept.get((chat, uuid), [])[:end]:
            one.shown = True

    async def unfinished(self) -> list[Unfinished]:
        self._ask()
        channels, now = self._store.channels, self._clock.seconds()
        found = [
            Unfinished(
                chat,
                uuid,
                known[-1].part.text,
                known[-1].part.quick_replies,
                now - known[-1].at,
                channels[chat.channel_uuid].max_length,
            )
            for (chat, uuid), known in self.kept.items()
            if not known[-1].shown
        ]
        return sorted(found, key=lambda one: -one.age)

    def _contact(self, channel: Channel, chat_id: str) -> Contact:
        number = len(self._store.contacts) + 1000
        return self._store.contacts.setdefault(
            (channel.org_id, chat_id), Contact(number, number, chat_id)
        )

    def _message(self, uuid: str) -> Row | None:
        return next((row for row in self._store.messages if row.uuid == uuid), None)

    def _put(self, row: Row) -> None:
        """Write the row, in place of the one with its uuid if there is one."""
        for index, known in enumerate(self._store.messages):
            if known.uuid == row.uuid:
                self._store.messages[index] = row
                return
        self._store.messages.append(row)

    def _waiting(self, chat: ChatKey) -> int:
        return sum(
            not one.shown for (of, _), known in self.kept.items() if of == chat for one in known
        )

    def _forget(self) -> None:
        """Forget parts that were shown long ago."""
        oldest = self._clock.seconds() - sqlite_archive.SHOWN_KEPT_MICROSECONDS / 1_000_000
        left = {
            key: [one for one in known if not one.shown or one.at >= oldest]
            for key, known in self.kept.items()
        }
        self.kept = {key: known for key, known in left.items() if known}

    def _ask(self) -> None:
        if self.away:
            raise Unavailable("the archive is away")

    def _moment(self) -> datetime:
        """Now, or just after what was made last: no two messages have one time."""
        now = datetime.fromtimestamp(self._clock.seconds(), UTC)
        after = [row.at + timedelta(microseconds=1) for row in self._store.messages]
        return max([now, *after])
