"""The archive on SQLite: what is said on channels that name a Courier of their own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from chip.chat.archive import Kept, Part
from chip.desk.channels import insert_channel
from chip.errors import QueueFull, Refused
from chip.models import ChatKey, MsgName, Report
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.files import database_path
from chip.store import sqlite_archive
from chip.store.sqlite import SqliteStore
from chip.store.sqlite_archive import SqliteArchive

CHAT = "65vbbDAQCdPdEWlEhDGy4utO"
OTHER = "azosmAPAXirc3Cmu3TwMY6Yr"
UUID = "01a2139e-c365-76c2-97fd-53bb20bc6da5"
EXTERNAL = "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)


class World:
    """An archive, the store beside it, and a channel on a Courier of its own."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.now = 1_700_000_000.0
        self.database = database
        self.archive = SqliteArchive(database, lambda: self.now)
        self.store = SqliteStore(database)
        self.told: list[int] = []
        self.archive.on_message(self.told.append)

    async def open(self) -> World:
        await self.database.open()

        def make(db: sqlite3.Connection) -> str:
            uuid = insert_channel(db, "Shop")
            db.execute(
                "UPDATE channel SET external_uuid = ?, courier = 'https://courier.example',"
                " secret = 'Bearer s', max_length = 160",
                (EXTERNAL,),
            )
            return uuid

        self.channel = await self.store.channel(await self.database.write(make))
        self.chat = ChatKey(CHAT, self.channel.uuid)
        return self

    async def part(self, text, position, *replies, chat=CHAT, uuid=UUID, number=None):
        part = Part(MsgName(number, uuid), text, replies)
        return await self.archive.keep_part(self.channel, chat, part, lambda known: position)

    async def shows(self, uuid=UUID):
        whole = await self.archive.whole(self.channel, CHAT, uuid)
        if whole:
            await self.archive.shown(self.chat, uuid, whole.end)
        return whole

    async def history(self):
        contact = await self.store.contact(self.channel, CHAT)
        page = await self.store.history(contact, FOREVER, 1_000_000)
        return msgspec.json.decode(page.messages)


@pytest.fixture
def world(tmp_path):
    database = SqliteDatabase(tmp_path, reactor)
    yield pytest_twisted.blockon(ensureDeferred(World(database).open()))
    pytest_twisted.blockon(ensureDeferred(database.close()))


def row(tmp_path, query):
    with closing(sqlite3.connect(database_path(tmp_path))) as db:
        return db.execute(query).fetchall()


async def test_such_a_channel_is_found_by_both_its_names(world):
    found = await world.store.courier_channel(EXTERNAL, external=True)
    assert found == world.channel
    assert (found.courier, found.max_length) == ("https://courier.example", 160)
    assert await world.store.courier_channel("", external=True) is None
    assert await world.store.courier_channel(world.channel.uuid, external=True) is None
    assert await world.store.courier_channel(world.channel.uuid, external=False) is None


async def test_what_the_visitor_said_is_kept_once_and_makes_the_contact(world):
    for _ in range(2):
        await world.archive.said(world.channel, CHAT, "hello", UUID)
    contact = await world.store.contact(world.channel, CHAT)
    assert contact.last_confirmed == UUID
    assert [entry["msg_in"]["text"] for entry in await world.history()] == ["hello"]
    assert len(world.told) == 1


async def test_a_message_is_shown_and_in_history_by_the_same_names(world):
    text = "Look\nhttps://x.example/a.jpg\n-2.9,30.1"
    assert await world.part(text, 0, "Yes", "No") == Kept(0, 1, 1)
    whole = await world.shows()
    assert whole.name == MsgName(None, UUID)
    shown = msgspec.to_builtins(whole.msg_out)
    assert await world.history() == [{"msg_out": shown}]
    assert (shown["id"], shown["uuid"], shown["origin"]) == (UUID, UUID, "chat")
    assert (shown["text"], shown["quick_replies"]) == ("Look", ["Yes", "No"])
    assert shown["attachments"] == ["image/jpeg:https://x.example/a.jpg", "geo:-2.9,30.1"]
    assert "user" not in shown


async def test_a_number_by_which_courier_calls_a_message_is_the_name_for_reports_alone(world):
    await world.part("hi", 0, number=17)
    whole = await world.shows()
    assert whole.name == MsgName(17, UUID)
    assert whole.msg_out.id == UUID


async def test_parts_are_one_message(world):
    await world.part("a" * 160, 0)
    await world.part("b", 1)
    assert (await world.shows()).msg_out.text == "a" * 160 + "b"
    assert len(await world.history()) == 1


async def test_what_is_sent_again_adds_nothing(world):
    await world.part("hi", 0)
    await world.shows()
    assert await world.part("hi", 0) == Kept(0, 1, 0)
    again = await world.shows()
    assert (again.msg_out.text, again.end) == ("hi", 1)
    assert len(await world.history()) == 1


async def test_what_follows_on_parts_that_were_shown_is_a_message_of_its_own(world):
    await world.part("a" * 160, 0)
    await world.shows()
    assert await world.part("b", 1) == Kept(1, 2, 1)
    rest = await world.shows()
    assert (rest.msg_out.text, rest.name.id) == ("b", None)
    assert rest.name.uuid == rest.msg_out.uuid != UUID
    texts = [entry["msg_out"]["text"] for entry in await world.history()]
    assert texts == ["b", "a" * 160]


async def test_a_message_that_was_put_but_not_noted_as_shown_is_put_once(world):
    await world.part("a" * 160, 0)
    await world.archive.whole(world.channel, CHAT, UUID)
    await world.part("b", 1)
    await world.shows()
    assert [entry["msg_out"]["text"] for entry in await world.history()] == ["a" * 160 + "b"]


async def test_parts_are_forgotten_after_days_and_the_message_is_not(world, tmp_path):
    await world.part("hi", 0)
    await world.shows()
    world.now += 4 * 86_400
    await world.part("later", 0, uuid=EXTERNAL)
    assert row(tmp_path, "SELECT text FROM part") == [("later",)]
    assert await world.part("hi", 0) == Kept(0, 0, 0)
    assert await world.shows() is None


async def test_what_waits_is_never_forgotten(world, tmp_path):
    await world.part("hi", 0)
    world.now += 4 * 86_400
    await world.part("later", 0, uuid=EXTERNAL)
    assert len(row(tmp_path, "SELECT text FROM part")) == 2


async def test_an_id_that_is_another_chats_is_refused(world):
    await world.part("hi", 0)
    await world.shows()
    with pytest.raises(Refused, match="of another message"):
        await world.part("hi", 0, chat=OTHER)
    await world.archive.said(world.channel, CHAT, "hello", EXTERNAL)
    with pytest.raises(Refused, match="of another message"):
        await world.part("hi", 0, uuid=EXTERNAL)


async def test_too_much_of_a_chat_that_waits_is_refused_for_now(world, monkeypatch):
    monkeypatch.setattr(sqlite_archive, "MOST_WAITING", 1)
    await world.part("a" * 160, 0)
    with pytest.raises(QueueFull):
        await world.part("b", 1)
    assert await world.part("a" * 160, 0) == Kept(0, 1, 1)
    await world.part("to somebody else", 0, chat=OTHER, uuid=EXTERNAL)


async def test_what_was_left_is_found_with_its_last_part(world):
    await world.part("a" * 160, 0)
    await world.part("b", 1, "Yes")
    await world.part("shown", 0, uuid=EXTERNAL)
    await world.shows(EXTERNAL)
    world.now += 7
    (left,) = await world.archive.unfinished()
    assert (left.chat, left.uuid, left.text) == (world.chat, UUID, "b")
    assert (left.quick_replies, left.age, left.max_length) == (["Yes"], 7, 160)


@pytest.mark.parametrize(("status", "letter"), [("delivered", "D"), ("failed", "F")])
async def test_what_became_of_a_message_is_kept(world, tmp_path, status, letter):
    await world.part("hi", 0)
    await world.shows()
    await world.archive.reported(world.chat, Report(status, 17, UUID))
    assert row(tmp_path, "SELECT status FROM message") == [(letter,)]
    assert len(world.told) == 2
    await world.archive.reported(world.chat, Report("delivered", 17, EXTERNAL))
    await world.archive.reported(ChatKey(OTHER, world.channel.uuid), Report("failed", 17, UUID))
    assert row(tmp_path, "SELECT status FROM message") == [(letter,)]
