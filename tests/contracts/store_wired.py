"""What `chip.chat.ports.SentMessages` must find, whatever keeps the rows."""

from __future__ import annotations

import msgspec
import pytest

from chip.models import Channel, MsgName

from .store_parts import Name, World, ago, transcript

DAY = 86_400.0


class Chat:
    """One chat, whose messages were all made and sent some time ago."""

    def __init__(self, world: World, channel: Channel, chat_id: str) -> None:
        self.world, self.channel, self.chat_id = world, channel, chat_id

    @classmethod
    async def of(cls, world: World, channel: Channel | None = None) -> Chat:
        channel = channel or await world.channel()
        return cls(world, channel, await world.chat(channel))

    async def sent(
        self, text: str, seconds: float, status: str = "W", made: float | None = None, **more
    ) -> Name:
        """A message that was sent so many seconds ago."""
        at = ago(seconds if made is None else made)
        if status in "WSDR":
            more["sent_on"] = ago(seconds)
        return await self.world.sent(self.channel, self.chat_id, text, at, status=status, **more)

    async def wired(self, *, since: float = DAY, lost: float = 0, max_bytes: int = 10**6):
        return await self.world.store.wired(
            self.channel, self.chat_id, since=since, lost=lost, max_bytes=max_bytes
        )

    async def texts(self, **limits) -> list[str]:
        """What is found."""
        return [msgspec.json.decode(found.msg_out)["text"] for found in await self.wired(**limits)]


class WiredContract:
    """Messages that Courier has handed over."""

    @transcript
    async def test_what_was_handed_over_is_found_oldest_first_and_as_it_was_sent(self, world):
        chat = await Chat.of(world)
        author = await world.user("Bob", "McTickets", "bob@x.example")
        first = await chat.sent(
            "Choose “one”",
            60,
            user_id=author,
            attachments=["image/png:https://x.example/a.png"],
            quick_replies=["Yes & no", "2"],
        )
        second = await chat.sent("", 30, origin="flow")
        found = await chat.wired()
        assert [one.name for one in found] == [MsgName(*first), MsgName(*second)]
        contact = await world.contact(chat.channel, chat.chat_id)
        for one in found:
            sent = await world.store.outgoing(contact, one.name)
            assert one.msg_out == msgspec.json.encode(sent)
        assert [one.age for one in found] == pytest.approx([60_000, 30_000], abs=20_000)

    @transcript
    async def test_many_are_found_in_the_order_of_their_ids(self, world):
        chat = await Chat.of(world)
        texts = [f"{place}" for place in range(101)]
        for text in texts:
            await chat.sent(text, 10)
        assert await chat.texts() == texts

    @transcript
    async def test_nothing_is_found_that_is_not_on_its_way(self, world):
        chat = await Chat.of(world)
        for status in "DRQEF":
            await chat.sent(status, 10, status)
        await world.visitor_said(chat.channel, chat.chat_id, "said", ago(5))
        other = await Chat.of(world, chat.channel)
        await other.sent("not ours", 5)
        assert await chat.wired() == []
        assert await other.texts() == ["not ours"]

    @transcript
    async def test_nothing_is_found_in_a_chat_that_there_is_not(self, world):
        chat = Chat(world, await world.channel(), "65vbbDAQCdPdEWlEhDGy4utO")
        assert await chat.wired() == []

    @transcript
    async def test_what_is_older_than_messages_wait_is_not_looked_for(self, world):
        chat = await Chat.of(world)
        await chat.sent("too old", 7200)
        await chat.sent("young", 1800)
        assert await chat.texts(since=3600) == ["young"]

    @transcript
    async def test_whoever_acknowledged_one_has_seen_those_that_were_sent_before(self, world):
        chat = await Chat.of(world)
        await chat.sent("seen", 500)
        await chat.sent("in the same minute", 310)
        await chat.sent("acknowledged", 300, "D")
        await chat.sent("later", 200)
        assert await chat.texts() == ["in the same minute", "later"]

    @transcript
    async def test_what_was_made_before_but_sent_after_it_was_not_seen(self, world):
        chat = await Chat.of(world)
        await chat.sent("sent at the second attempt", 200, made=500)
        await chat.sent("acknowledged", 400, "D")
        assert await chat.texts() == ["sent at the second attempt"]

    @transcript
    async def test_what_was_acknowledged_after_the_loss_says_nothing_of_what_was_lost(self, world):
        chat = await Chat.of(world)
        await chat.sent("lost", 500)
        await chat.sent("acknowledged", 100, "D")
        assert await chat.texts(lost=200) == ["lost"]
        assert await chat.texts(lost=50) == []

    @transcript
    async def test_what_is_found_fits_but_for_the_last(self, world):
        chat = await Chat.of(world)
        for place in range(3):
            await chat.sent(f"{place}" + 400 * "x", 30 - place)
        one, two, _ = [len(message.msg_out) for message in await chat.wired()]
        for most, expected in ((1, 1), (one, 1), (one + 1, 2), (one + two, 2), (one + two + 1, 3)):
            assert len(await chat.wired(max_bytes=most)) == expected
