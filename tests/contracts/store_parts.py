"""What the stores' contract speaks of: a store, what others do to its rows, moments."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest_twisted

from chip.chat.ports import Store
from chip.models import Channel, HistoryPage, Origin

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
EVER = 1e9
"""Seconds for which any message was heard."""
NEVER = "00000000-0000-4000-8000-000000000000"
STORAGE = "https://cdn.example/media/"
transcript = pytest_twisted.ensureDeferred


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def after(seconds: float) -> datetime:
    """So many seconds past noon."""
    return NOON + timedelta(seconds=seconds)


class Name(NamedTuple):
    """What a message is called."""

    id: int
    uuid: str


class World(ABC):
    """A store, and what others do to its rows. A chat is a channel and a chat id."""

    store: Store

    @abstractmethod
    async def channel(self, *, secret: str = "sesame", active: bool = True) -> Channel:
        """Make a channel in a workspace of its own."""

    @abstractmethod
    async def chat(self, channel: Channel, email: str = "") -> str:
        """Make a contact with a chat; return the chat id."""

    @abstractmethod
    async def user(
        self, first: str, last: str, email: str, *, avatar: str = "", active: bool = True
    ) -> int:
        """Make somebody who answers, with the URL of a picture below `STORAGE`; return his id."""

    @abstractmethod
    async def deactivate(self, user_id: int) -> None:
        """He works here no longer."""

    @abstractmethod
    async def visitor_said(
        self, channel: Channel, chat_id: str, text: str, at: datetime, **more: Any
    ) -> Name:
        """Store an incoming message; `more` may hold its attachments."""

    @abstractmethod
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
        """Store an outgoing message; `more` may hold attachments and quick_replies."""

    @abstractmethod
    async def email(self, channel: Channel, chat_id: str) -> str:
        """What others see as the chat's e-mail."""

    @abstractmethod
    async def modified_on(self, channel: Channel, chat_id: str) -> datetime:
        """When the contact was touched last."""

    # Shorthands.

    async def contact(self, channel: Channel, chat_id: str):
        """The contact, which must be there."""
        found = await self.store.contact(channel, chat_id)
        assert found is not None
        return found

    async def history_page(
        self, channel: Channel, chat_id: str, before: datetime, *, max_bytes: int = 10**6
    ) -> HistoryPage:
        """A page, which must be there."""
        contact = await self.contact(channel, chat_id)
        page = await self.store.history(contact, before, max_bytes)
        assert page is not None
        return page

    async def history(self, channel: Channel, chat_id: str, before: datetime) -> bytes:
        """A page as it goes out."""
        return (await self.history_page(channel, chat_id, before)).messages

    async def texts(self, channel: Channel, chat_id: str, before: datetime) -> list[str]:
        """The texts on a page."""
        page = json.loads(await self.history(channel, chat_id, before))
        return [message["text"] for entry in page for message in entry.values()]
