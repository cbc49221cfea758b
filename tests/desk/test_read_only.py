"""Chats on External channels, at the desk: shown as they go on, and answered by RapidPro only."""

from __future__ import annotations

import uuid

import pytest_twisted

from chip.chat.archive import Part
from chip.models import ChatKey, MsgName, Report
from chip.store.public_ids import public_id
from chip.store.sqlite_archive import SqliteArchive
from tests.support.desk_fixture import CHAT, reply

transcript = pytest_twisted.ensureDeferred


class RapidPro:
    """A channel on a Courier of its own, and what is said there."""

    def __init__(self, desk):
        self.desk = desk
        self.archive = SqliteArchive(desk.database, desk.clock.seconds)
        self.archive.on_message(desk.desk.message_changed)
        self.uuid = str(uuid.uuid4())

    async def connect(self):
        own, courier = str(uuid.uuid4()), "https://courier.example"
        public = public_id(own, "Bearer s")
        await self.desk.database.write(
            lambda db: db.execute(
                "INSERT INTO channel (uuid, org_id, name, secret, created_on, external_uuid,"
                " courier) VALUES (?, 99, 'Shop', 'Bearer s', 1, ?, ?)",
                (public, own, courier),
            )
        )
        self.channel = await self.desk.store.channel(public)

    async def hears(self, text):
        await self.archive.said(self.channel, CHAT, text, str(uuid.uuid4()))

    async def says(self, text, *replies):
        part = Part(MsgName(None, self.uuid), text, replies)
        await self.archive.keep_part(self.channel, CHAT, part, len)
        whole = await self.archive.whole(self.channel, CHAT, self.uuid)
        await self.archive.shown(self.chat, self.uuid, whole.end)

    @property
    def chat(self):
        return ChatKey(CHAT, self.channel.uuid)


@transcript
async def test_the_desk_reads_along_as_it_happens(guided):
    await guided.sit_down()
    window = await guided.watch()
    rapidpro = RapidPro(guided)
    await rapidpro.connect()
    await rapidpro.hears("hello")
    await window.until("news", text="hello", incoming=True)
    await rapidpro.says("Hi!", "Yes")
    await window.until("news", text="Hi!", state="sent", quick_replies=["Yes"])
    await rapidpro.archive.reported(rapidpro.chat, Report("delivered", None, rapidpro.uuid))
    await window.until("news", text="Hi!", state="delivered")
    await window.leave()
    [line] = (await guided.get("conversations"))["conversations"]
    assert (line["site"], line["read_only"], line["unread"]) == ("Shop", True, 1)
    # Nor does the guide answer.
    assert guided.sent == []


@transcript
async def test_nobody_can_answer_there(desk):
    await desk.sit_down()
    rapidpro = RapidPro(desk)
    await rapidpro.connect()
    await rapidpro.says("Hi!")
    await rapidpro.archive.reported(rapidpro.chat, Report("failed", None, rapidpro.uuid))
    for path, body in (("conversations/1/messages", reply()), ("messages/1/retry", {})):
        answer = await desk.post(path, body)
        assert answer.status == 400
        assert answer.json == {"error": "Shop is an External channel: RapidPro answers there"}
    assert len((await desk.get("conversations/1"))["messages"]) == 1


@transcript
async def test_other_conversations_are_answered_as_ever(desk):
    await desk.hear("hello")
    await desk.sit_down()
    [line] = (await desk.get("conversations"))["conversations"]
    assert line["read_only"] is False
    assert (await desk.post("conversations/1/messages", reply())).status == 200
