"""The store in memory that other tests stand on keeps the contract of the real ones."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from chip.models import Channel, Contact, Origin, User
from tests.contracts.store import NOON, Name, StoreContract, World
from tests.contracts.store_wired import WiredContract
from tests.support.memory_store import MemoryStore
from tests.support.rapidpro import chat_id as new_chat_id


class MemoryWorld(World):
    """Rows of dictionaries."""

    def __init__(self) -> None:
        self.store: MemoryStore = MemoryStore()
        self._everybody: dict[int, User] = {}
        self._orgs = 0

    async def channel(self, *, secret: str = "sesame", active: bool = True) -> Channel:
        self._orgs += 1
        channel = Channel(str(uuid.uuid4()), self._orgs, secret)
        if active:
            self.store.channels[channel.uuid] = channel
        return channel

    async def chat(self, channel: Channel, email: str = "") -> str:
        chat, number = new_chat_id(), len(self.store.contacts) + 1
        self.store.contacts[channel.org_id, chat] = Contact(number, number, chat, email)
        return chat

    async def user(
        self, first: str, last: str, email: str, *, avatar: str = "", active: bool = True
    ) -> int:
        number = len(self._everybody) + 1
        user = User(id=number, email=email, name=f"{first} {last}".strip(), avatar=avatar)
        self._everybody[number] = user
        if active:
            self.store.users[number] = user
        return number

    async def deactivate(self, user_id: int) -> None:
        del self.store.users[user_id]

    async def visitor_said(
        self, channel: Channel, chat_id: str, text: str, at: datetime, **more: Any
    ) -> Name:
        contact, name = self.store.contacts[channel.org_id, chat_id], str(uuid.uuid4())
        return Name(self.store.said(contact.id, text, at, name, **more), name)

    async def sent(
        self,
        channel: Channel,
        chat_id: str,
        text: str,
        at: datetime,
        *,
        origin: Origin = "chat",
        user_id: int | None = None,
        **more: Any,
    ) -> Name:
        contact, name = self.store.contacts[channel.org_id, chat_id], str(uuid.uuid4())
        user = self._everybody[user_id] if user_id else None
        return Name(
            self.store.sent(contact.id, text, at, name, origin=origin, user=user, **more), name
        )

    async def email(self, channel: Channel, chat_id: str) -> str:
        return self.store.contacts[channel.org_id, chat_id].email

    async def modified_on(self, channel: Channel, chat_id: str) -> datetime:
        contact = self.store.contacts[channel.org_id, chat_id]
        return NOON + timedelta(seconds=self.store.writes[contact.id])


class TestMemoryStore(StoreContract, WiredContract):
    @pytest.fixture
    def world(self):
        return MemoryWorld()
