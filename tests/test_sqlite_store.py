"""The store on SQLite holds to the contract of all stores."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest_twisted
from twisted.internet import reactor

from chip.models import Channel, Origin
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.values import microseconds
from chip.store.sqlite import SqliteStore
from tests.contracts.store import Name, StoreContract, World
from tests.support.rapidpro import chat_id as new_chat_id

_STARTED = datetime(2024, 1, 1, tzinfo=UTC)


class SqliteWorld(World):
    """Rows in the tables, as the desk writes them."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.database = database
        self.store = SqliteStore(database)
        self._orgs = 0

    async def channel(self, *, secret: str = "sesame", active: bool = True) -> Channel:
        self._orgs += 1
        channel = Channel(str(uuid.uuid4()), self._orgs, secret)
        await self._insert(
            "channel",
            uuid=channel.uuid,
            org_id=channel.org_id,
            name="Website",
            secret=secret,
            is_active=active,
            created_on=microseconds(_STARTED),
        )
        return channel

    async def chat(self, channel: Channel, email: str = "") -> str:
        chat, then = new_chat_id(), microseconds(_STARTED)
        await self._insert(
            "contact",
            org_id=channel.org_id,
            channel_uuid=channel.uuid,
            chat_id=chat,
            email=email,
            created_on=then,
            modified_on=then,
            active_on=then,
        )
        return chat

    async def user(
        self, first: str, last: str, email: str, *, avatar: str = "", active: bool = True
    ) -> int:
        return await self._insert(
            "user",
            first_name=first,
            last_name=last,
            email=email,
            avatar=avatar,
            is_active=active,
        )

    async def deactivate(self, user_id: int) -> None:
        await self.database.write(
            lambda db: db.execute("UPDATE user SET is_active = 0 WHERE id = ?", (user_id,))
        )

    async def visitor_said(
        self, channel: Channel, chat_id: str, text: str, at: datetime, **more: Any
    ) -> Name:
        return await self._message(channel, chat_id, "I", "H", text, at, **more)

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
        return await self._message(
            channel, chat_id, "O", "W", text, at, origin=origin, user_id=user_id, **more
        )

    async def email(self, channel: Channel, chat_id: str) -> str:
        return str(await self._of_contact("email", channel, chat_id))

    async def modified_on(self, channel: Channel, chat_id: str) -> datetime:
        stored = await self._of_contact("modified_on", channel, chat_id)
        return datetime.fromtimestamp(stored / 1_000_000, UTC)

    async def _message(
        self,
        channel: Channel,
        chat_id: str,
        direction: str,
        status: str,
        text: str,
        at: datetime,
        **more: Any,
    ) -> Name:
        columns = {
            key: json.dumps(value) if isinstance(value, list) else value
            for key, value in more.items()
        }
        name = str(uuid.uuid4())
        number = await self._insert(
            "message",
            uuid=name,
            contact_id=await self._of_contact("id", channel, chat_id),
            direction=direction,
            status=status,
            text=text,
            created_on=microseconds(at),
            **columns,
        )
        return Name(number, name)

    async def _of_contact(self, column: str, channel: Channel, chat_id: str) -> Any:
        row = await self.database.read(
            lambda db: db.execute(
                f"SELECT {column} FROM contact WHERE org_id = ? AND chat_id = ?",
                (channel.org_id, chat_id),
            ).fetchone()
        )
        return row[0]

    async def _insert(self, table: str, **columns: Any) -> int:
        names, places = ", ".join(columns), ", ".join("?" * len(columns))
        return await self.database.write(
            lambda db: (
                db.execute(
                    f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(columns.values())
                ).lastrowid
                or 0
            )
        )


class TestSqliteStore(StoreContract):
    """The contract, on SQLite."""

    @pytest_twisted.async_yield_fixture
    async def world(self, tmp_path):
        database = SqliteDatabase(tmp_path / "data", reactor)
        await database.open()
        yield SqliteWorld(database)
        await database.close()


@pytest_twisted.ensureDeferred
async def test_watchers_hear_of_an_email(tmp_path):
    database = SqliteDatabase(tmp_path / "data", reactor)
    await database.open()
    world = SqliteWorld(database)
    channel = await world.channel()
    contact = await world.contact(channel, await world.chat(channel))
    heard: list[int] = []
    world.store.on_email(heard.append)
    await world.store.set_email(contact, "bob@example.com")
    assert heard == [contact.id]
    await database.close()
