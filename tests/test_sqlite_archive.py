"""The archive on SQLite: what is said on channels that name a Courier of their own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from chip.desk.channels import insert_channel
from chip.models import ChatKey, Report
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.files import database_path
from chip.store.sqlite import SqliteStore
from chip.store.sqlite_archive import SqliteArchive
from tests.contracts.archive import (
    CHAT,
    COURIER,
    EXTERNAL,
    MAX_LENGTH,
    OTHER,
    UUID,
    ArchiveContract,
    ArchiveWorld,
)


class SqliteWorld(ArchiveWorld):
    """Tables in a directory. `told` are the numbers of messages that others were told of."""

    def __init__(self, database: SqliteDatabase, directory: Path) -> None:
        self.now = 1_700_000_000.0
        self.database = database
        self.directory = directory
        self.archive: SqliteArchive = SqliteArchive(database, lambda: self.now)
        self.store = SqliteStore(database)
        self.told: list[int] = []
        self.archive.on_message(self.told.append)

    async def open(self) -> SqliteWorld:
        await self.database.open()

        def make(db: sqlite3.Connection) -> str:
            uuid = insert_channel(db, "Shop")
            db.execute(
                "UPDATE channel SET external_uuid = ?, courier = ?, secret = 'Bearer s',"
                " max_length = ?",
                (EXTERNAL, COURIER, MAX_LENGTH),
            )
            return uuid

        channel = await self.store.channel(await self.database.write(make))
        assert channel is not None
        self.channel = channel
        return self

    def later(self, seconds: float) -> None:
        self.now += seconds

    def parts(self) -> list[str]:
        return self._column("SELECT text FROM part ORDER BY came_on")

    def statuses(self) -> list[str]:
        return self._column("SELECT status FROM message ORDER BY id")

    def _column(self, query: str) -> list[str]:
        with closing(sqlite3.connect(database_path(self.directory))) as db:
            return [value for (value,) in db.execute(query)]


@pytest.fixture
def world(tmp_path):
    database = SqliteDatabase(tmp_path, reactor)
    yield pytest_twisted.blockon(ensureDeferred(SqliteWorld(database, tmp_path).open()))
    pytest_twisted.blockon(ensureDeferred(database.close()))


class TestSqliteArchive(ArchiveContract):
    """The contract, on tables."""


async def test_such_a_channel_is_found_by_both_its_names(world):
    found = await world.store.courier_channel(EXTERNAL, external=True)
    assert found == world.channel
    assert (found.courier, found.max_length) == (COURIER, MAX_LENGTH)
    assert await world.store.courier_channel("", external=True) is None
    assert await world.store.courier_channel(world.channel.uuid, external=True) is None
    assert await world.store.courier_channel(world.channel.uuid, external=False) is None


async def test_of_what_the_visitor_said_others_are_told_once(world):
    for _ in range(2):
        await world.archive.said(world.channel, CHAT, "hello", UUID)
    assert len(world.told) == 1


async def test_of_what_became_of_a_message_others_are_told(world):
    await world.part("hi", 0)
    await world.shows()
    await world.archive.reported(world.chat, Report("failed", 17, UUID))
    assert len(world.told) == 2
    await world.archive.reported(world.chat, Report("delivered", 17, EXTERNAL))
    await world.archive.reported(ChatKey(OTHER, world.channel.uuid), Report("failed", 17, UUID))
    assert len(world.told) == 2
