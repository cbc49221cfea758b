"""What every archive must do (`chip.chat.archive.Archive`), whatever keeps its rows.

An archive's own tests subclass `ArchiveContract` and give it a fixture `world`: the archive, the
store beside it, which shows what it keeps, and a channel on a Courier of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from chip.chat.archive import Archive, Kept, Part, Whole
from chip.chat.ports import Store
from chip.errors import QueueFull, Refused
from chip.models import Channel, ChatKey, MsgName, Report
from chip.store import sqlite_archive

CHAT = "65vbbDAQCdPdEWlEhDGy4utO"
OTHER = "azosmAPAXirc3Cmu3TwMY6Yr"
UUID = "01a2139e-c365-76c2-97fd-53bb20bc6da5"
EXTERNAL = "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
COURIER = "https://courier.example"
MAX_LENGTH = 160
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)
DAY = 86_400


class ArchiveWorld:
    """An archive, and what the tests do with it. `channel` has MAX_LENGTH."""

    archive: Archive
    store: Store
    channel: Channel

    def later(self, seconds: float) -> None:
        """Let time pass."""
        raise NotImplementedError

    def parts(self) -> list[str]:
        """The texts of all parts that are kept, oldest first."""
        raise NotImplementedError

    def statuses(self) -> list[str]:
        """The status of each message, as RapidPro's rows have it."""
        raise NotImplementedError

    @property
    def chat(self) -> ChatKey:
        return ChatKey(CHAT, self.channel.uuid)

    async def part(
        self,
        text: str,
        position: int,
        *replies: str,
        chat: str = CHAT,
        uuid: str = UUID,
        number: int | None = None,
    ) -> Kept:
        part = Part(MsgName(number, uuid), text, replies)
        return await self.archive.keep_part(self.channel, chat, part, lambda known: position)

    async def shows(self, uuid: str = UUID) -> Whole | None:
        whole = await self.archive.whole(self.channel, CHAT, uuid)
        if whole:
            await self.archive.shown(self.chat, uuid, whole.end)
        return whole

    async def history(self) -> Any:
        contact = await self.store.contact(self.channel, CHAT)
        assert contact is not None
        page = await self.store.history(contact, FOREVER, 1_000_000)
        assert page is not None
        return msgspec.json.decode(page.messages)


class ArchiveContract:
    """All of it."""

    async def test_what_the_visitor_said_is_kept_once_and_makes_the_contact(self, world):
        for _ in range(2):
            await world.archive.said(world.channel, CHAT, "hello", UUID)
        contact = await world.store.contact(world.channel, CHAT)
        assert contact.last_confirmed == UUID
        assert [entry["msg_in"]["text"] for entry in await world.history()] == ["hello"]

    async def test_a_message_is_shown_and_in_history_by_the_same_names(self, world):
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

    async def test_a_number_by_which_courier_calls_a_message_is_for_reports_alone(self, world):
        await world.part("hi", 0, number=17)
        whole = await world.shows()
        assert whole.name == MsgName(17, UUID)
        assert whole.msg_out.id == UUID

    async def test_parts_are_one_message(self, world):
        await world.part("a" * MAX_LENGTH, 0)
        await world.part("b", 1)
        assert (await world.shows()).msg_out.text == "a" * MAX_LENGTH + "b"
        assert len(await world.history()) == 1

    async def test_what_is_sent_again_adds_nothing(self, world):
        await world.part("hi", 0)
        await world.shows()
        assert await world.part("hi", 0) == Kept(0, 1, 0)
        again = await world.shows()
        assert (again.msg_out.text, again.end) == ("hi", 1)
        assert len(await world.history()) == 1

    async def test_what_follows_on_parts_that_were_shown_is_a_message_of_its_own(self, world):
        await world.part("a" * MAX_LENGTH, 0)
        await world.shows()
        assert await world.part("b", 1) == Kept(1, 2, 1)
        rest = await world.shows()
        assert (rest.msg_out.text, rest.name.id) == ("b", None)
        assert rest.name.uuid == rest.msg_out.uuid != UUID
        texts = [entry["msg_out"]["text"] for entry in await world.history()]
        assert texts == ["b", "a" * MAX_LENGTH]

    async def test_a_message_that_was_put_but_not_noted_as_shown_is_put_once(self, world):
        await world.part("a" * MAX_LENGTH, 0)
        await world.archive.whole(world.channel, CHAT, UUID)
        await world.part("b", 1)
        await world.shows()
        texts = [entry["msg_out"]["text"] for entry in await world.history()]
        assert texts == ["a" * MAX_LENGTH + "b"]

    async def test_of_a_message_that_there_is_not_nothing_is_shown(self, world):
        assert await world.archive.whole(world.channel, CHAT, UUID) is None

    async def test_parts_are_forgotten_after_days_and_the_message_is_not(self, world):
        await world.part("hi", 0)
        await world.shows()
        world.later(4 * DAY)
        await world.part("later", 0, uuid=EXTERNAL)
        assert world.parts() == ["later"]
        assert await world.part("hi", 0) == Kept(0, 0, 0)
        assert await world.shows() is None

    async def test_what_waits_is_never_forgotten(self, world):
        await world.part("hi", 0)
        world.later(4 * DAY)
        await world.part("later", 0, uuid=EXTERNAL)
        assert world.parts() == ["hi", "later"]

    async def test_an_id_that_is_another_chats_is_refused(self, world):
        await world.part("hi", 0)
        await world.shows()
        with pytest.raises(Refused, match="of another message"):
            await world.part("hi", 0, chat=OTHER)
        await world.archive.said(world.channel, CHAT, "hello", EXTERNAL)
        with pytest.raises(Refused, match="of another message"):
            await world.part("hi", 0, uuid=EXTERNAL)

    async def test_too_much_of_a_chat_that_waits_is_refused_for_now(self, world, monkeypatch):
        monkeypatch.setattr(sqlite_archive, "MOST_WAITING", 1)
        await world.part("a" * MAX_LENGTH, 0)
        with pytest.raises(QueueFull):
            await world.part("b", 1)
        assert await world.part("a" * MAX_LENGTH, 0) == Kept(0, 1, 1)
        await world.part("to somebody else", 0, chat=OTHER, uuid=EXTERNAL)

    async def test_too_many_parts_of_a_message_are_refused_for_now(self, world, monkeypatch):
        monkeypatch.setattr(sqlite_archive, "MOST_PARTS", 1)
        await world.part("a" * MAX_LENGTH, 0)
        await world.shows()
        with pytest.raises(QueueFull):
            await world.part("b", 1)

    async def test_what_was_left_is_found_with_its_last_part(self, world):
        await world.part("a" * MAX_LENGTH, 0)
        await world.part("b", 1, "Yes")
        await world.part("shown", 0, uuid=EXTERNAL)
        await world.shows(EXTERNAL)
        world.later(7)
        (left,) = await world.archive.unfinished()
        assert (left.chat, left.uuid, left.text) == (world.chat, UUID, "b")
        assert (list(left.quick_replies), left.age) == (["Yes"], 7)
        assert left.max_length == MAX_LENGTH

    async def test_what_was_left_is_found_oldest_first(self, world):
        await world.part("first", 0, uuid=EXTERNAL)
        world.later(1)
        await world.part("second", 0)
        assert [left.text for left in await world.archive.unfinished()] == ["first", "second"]

    @pytest.mark.parametrize(("status", "letter"), [("delivered", "D"), ("failed", "F")])
    async def test_what_became_of_a_message_is_kept(self, world, status, letter):
        await world.part("hi", 0)
        await world.shows()
        assert world.statuses() == ["W"]
        await world.archive.reported(ChatKey(OTHER, world.channel.uuid), Report("failed", 1, UUID))
        await world.archive.reported(world.chat, Report("delivered", 17, EXTERNAL))
        assert world.statuses() == ["W"]
        await world.archive.reported(world.chat, Report(status, 17, UUID))
        assert world.statuses() == [letter]

    async def test_what_was_delivered_has_not_failed(self, world):
        await world.part("hi", 0)
        await world.shows()
        for status in ("delivered", "failed"):
            await world.archive.reported(world.chat, Report(status, 17, UUID))
        assert world.statuses() == ["D"]
