"""A database in memory, as `chip.chat.ports.Store`, for tests of what stands on one.

It holds to the contract of all stores (tests/test_memory_store.py).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import msgspec

from chip.chat.ports import MAX_HEARD, PAGE_MESSAGES, WiredMessage
from chip.errors import Unavailable
from chip.models import (
    Channel,
    Contact,
    HeardMessage,
    HistoryPage,
    MsgIn,
    MsgName,
    MsgOut,
    StoredMessage,
    User,
)
from chip.protocol.times import format_time


@dataclass(frozen=True)
class Row:
    """A message: whose it is, when it was made, and what a page of history shows of it; of one to
    the visitor, its status and when it was sent."""

    contact_id: int
    uuid: str
    at: datetime
    shown: MsgIn | MsgOut
    status: str = ""
    sent_on: datetime | None = None


class MemoryStore:
    """A database of dictionaries. `away` makes every call raise Unavailable."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.away = False
        self.queries = 0
        self.channels: dict[str, Channel] = {}
        self.contacts: dict[tuple[int, str], Contact] = {}
        self.users: dict[int, User] = {}
        self.messages: list[Row] = []
        self.writes: Counter[int] = Counter()
        """How often each contact was written to."""

    # What others write.

    def said(self, contact_id: int, text: str, at: datetime, uuid: str, **more: Any) -> int:
        """An incoming message arrives. Returns its id."""
        number = len(self.messages) + 1
        shown = MsgIn(id=number, text=text, time=format_time(at), **more)
        self.messages.append(Row(contact_id, uuid, at, shown))
        return number

    def sent(
        self,
        contact_id: int,
        text: str,
        at: datetime,
        uuid: str,
        number: int = 0,
        *,
        status: str = "Q",
        sent_on: datetime | None = None,
        **more: Any,
    ) -> int:
        """An outgoing message is made. Returns its id."""
        number = number or len(self.messages) + 1
        shown = MsgOut(id=number, uuid=uuid, text=text, time=format_time(at), **more)
        self.messages.append(Row(contact_id, uuid, at, shown, status, sent_on))
        return number

    # What Chip asks.

    async def channel(self, uuid: str) -> Channel | None:
        self._ask()
        return self.channels.get(uuid)

    async def courier_channel(self, uuid: str, *, external: bool) -> Channel | None:
        self._ask()
        for channel in self.channels.values():
            if channel.courier_uuid == uuid and bool(channel.external_uuid) == external:
                return channel
        return None

    async def contact(self, channel: Channel, chat_id: str) -> Contact | None:
        self._ask()
        known = self.contacts.get((channel.org_id, chat_id))
        if known is None:
            return None
        heard = _heard(self._of(known, MsgIn))
        return msgspec.structs.replace(known, last_confirmed=heard[-1].uuid if heard else "")

    async def user(self, user_id: int) -> User | None:
        self._ask()
        return self.users.get(user_id)

    async def message(self, contact: Contact, name: MsgName) -> StoredMessage | None:
        self._ask()
        for row in self._of(contact, MsgOut):
            if row.shown.id == name.id or (name.id is None and row.uuid == name.uuid):
                return StoredMessage(int(row.shown.id), row.uuid, row.shown.time)
        return None

    async def outgoing(self, contact: Contact, name: MsgName) -> MsgOut | None:
        self._ask()
        for row in self._of(contact, MsgOut):
            if row.shown.id == name.id or (name.id is None and row.uuid == name.uuid):
                assert isinstance(row.shown, MsgOut)
                return row.shown
        return None

    async def history(
        self, contact: Contact, before: datetime, max_bytes: int
    ) -> HistoryPage | None:
        self._ask()
        if contact.id not in {known.id for known in self.contacts.values()}:
            return None
        rows = [row for row in self._of(contact, MsgIn | MsgOut) if row.at < before]
        rows.sort(key=lambda row: (row.at, row.shown.id), reverse=True)
        page: list[bytes] = []
        for _, same_time in groupby(rows, lambda row: row.at):
            group = [_entry(row.shown) for row in same_time]
            size = sum(len(entry) + 1 for entry in page + group)
            if page and (len(page) >= PAGE_MESSAGES or size > max_bytes):
                return HistoryPage(b"[" + b",".join(page) + b"]", more=True)
            page += group
        return HistoryPage(b"[" + b",".join(page) + b"]", more=False)

    async def wired(
        self, channel: Channel, chat_id: str, *, since: float, lost: float, max_bytes: int
    ) -> list[WiredMessage]:
        self._ask()
        contact, now = self.contacts.get((channel.org_id, chat_id)), self.now()
        rows = self._of(contact, MsgOut) if contact else []
        sent = [
            (row, now - row.sent_on.timestamp())
            for row in sorted(rows, key=lambda row: row.shown.id)
            if row.sent_on and now - row.at.timestamp() < since
        ]
        seen = [age for row, age in sent if row.status in "DR" and age > lost]
        latest = min(seen, default=float("inf")) + 60
        found: list[WiredMessage] = []
        for row, age in sent:
            if row.status == "W" and age < latest and max_bytes > 0:
                name, shown = MsgName(int(row.shown.id), row.uuid), msgspec.json.encode(row.shown)
                found.append(WiredMessage(name, shown, int(age * 1000)))
                max_bytes -= len(shown)
        return found

    async def set_email(self, contact: Contact, email: str, *, only_if_empty: bool = False) -> None:
        self._ask()
        for key, known in self.contacts.items():
            taken = only_if_empty and known.email
            if known.id == contact.id and known.email != email and not taken:
                self.contacts[key] = msgspec.structs.replace(known, email=email)
                self.writes[known.id] += 1

    async def heard_since(
        self, contact: Contact, uuid: str, *, within: float
    ) -> list[HeardMessage]:
        self._ask()
        rows = self._of(contact, MsgIn)
        uuids = [row.uuid for row in rows]
        if uuid in uuids:
            rows = rows[uuids.index(uuid) + 1 :]
        earliest = self.now() - within
        return _heard([row for row in rows if row.at.timestamp() > earliest])[:MAX_HEARD]

    def _ask(self) -> None:
        self.queries += 1
        if self.away:
            raise Unavailable("the database is away")

    def _of(self, contact: Contact, kind: Any) -> list[Row]:
        return [
            row
            for row in self.messages
            if row.contact_id == contact.id and isinstance(row.shown, kind)
        ]


def _heard(rows: list[Row]) -> list[HeardMessage]:
    return [HeardMessage(row.uuid, row.shown.text) for row in rows]


def _entry(shown: MsgIn | MsgOut) -> bytes:
    kind = "msg_in" if isinstance(shown, MsgIn) else "msg_out"
    return msgspec.json.encode({kind: shown})
