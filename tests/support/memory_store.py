"""A database in memory, as `chip.chat.ports.Store`, for tests of what stands on one."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import msgspec

from chip.errors import Unavailable
from chip.models import Channel, Contact, HeardMessage, MsgName, StoredMessage, User
from chip.protocol.times import format_time


class MemoryStore:
    """A database of dictionaries. `away` makes every call raise Unavailable."""

    def __init__(self) -> None:
        self.away = False
        self.queries = 0
        self.channels: dict[str, Channel] = {}
        self.contacts: dict[tuple[int, str], Contact] = {}
        self.users: dict[int, User] = {}
        self.outgoing: dict[tuple[int, int], StoredMessage] = {}
        self.heard: dict[str, list[HeardMessage]] = defaultdict(list)
        self.pages: list[datetime] = []

    def _ask(self) -> None:
        self.queries += 1
        if self.away:
            raise Unavailable("the database is away")

    async def channel(self, uuid: str) -> Channel | None:
        self._ask()
        return self.channels.get(uuid)

    async def contact(self, channel: Channel, chat_id: str) -> Contact | None:
        self._ask()
        return self.contacts.get((channel.org_id, chat_id))

    async def user(self, user_id: int) -> User | None:
        self._ask()
        return self.users.get(user_id)

    async def message(self, contact: Contact, name: MsgName) -> StoredMessage | None:
        self._ask()
        for (contact_id, msg_id), stored in self.outgoing.items():
            if contact_id == contact.id and (msg_id == name.id or stored.uuid == name.uuid):
                return stored
        return None

    async def history(self, contact: Contact, before: datetime) -> bytes | None:
        self._ask()
        self.pages.append(before)
        if contact.id not in {known.id for known in self.contacts.values()}:
            return None
        return b'[{"msg_in":{"id":1,"text":"before ' + format_time(before).encode() + b'"}}]'

    async def set_email(self, contact: Contact, email: str, *, only_if_empty: bool = False) -> None:
        self._ask()
        for key, known in self.contacts.items():
            if known.id == contact.id and not (only_if_empty and known.email):
                self.contacts[key] = msgspec.structs.replace(known, email=email)

    async def heard_since(self, contact: Contact, last_heard: str) -> list[HeardMessage]:
        self._ask()
        heard = self.heard[contact.chat_id]
        if not last_heard:
            return heard[:100]
        uuids = [message.uuid for message in heard]
        return heard[uuids.index(last_heard) + 1 :][:100] if last_heard in uuids else []
