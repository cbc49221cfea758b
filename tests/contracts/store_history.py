"""What every store must give as a chat's history, byte by byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

from chip.models import Origin

from .store_parts import NOON, STORAGE, World, after, transcript


def _texts(page: bytes) -> list[str]:
    return [message["text"] for entry in json.loads(page) for message in entry.values()]


class HistoryContract:
    """Pages of a chat's messages."""

    @transcript
    async def test_history_is_compact_json_with_its_keys_in_order(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        bob = await world.user("Bob", "McTickets", "bob@x.example", avatar=f"{STORAGE}bob.jpg")
        ann = await world.user("Ann", "", "ann@x.example")
        one = await world.visitor_said(channel, chat_id, "I need help!", after(0.1203))
        two = await world.visitor_said(
            channel, chat_id, "", after(1), attachments=["image/png:https://x.example/i.png"]
        )
        three = await world.sent(channel, chat_id, "Which?", after(2), origin="flow")
        four = await world.sent(
            channel,
            chat_id,
            "Thanks!",
            after(3.123456),
            user_id=bob,
            attachments=["image/jpeg:https://x.example/y.jpg"],
            quick_replies=["Yes", "No"],
        )
        five = await world.sent(channel, chat_id, "Bye", after(10), origin="ticket", user_id=ann)
        page = await world.history(channel, chat_id, after(11))
        expected = (
            '[{"msg_out":{"id":%d,"uuid":"%s","text":"Bye","origin":"ticket",'
            '"user":{"id":%d,"email":"ann@x.example","name":"Ann"},'
            '"time":"2024-05-01T12:00:10Z"}},'
            '{"msg_out":{"id":%d,"uuid":"%s","text":"Thanks!",'
            '"attachments":["image/jpeg:https://x.example/y.jpg"],"quick_replies":["Yes","No"],'
            '"origin":"chat","user":{"id":%d,"email":"bob@x.example","name":"Bob McTickets",'
            '"avatar":"https://cdn.example/media/bob.jpg"},'
            '"time":"2024-05-01T12:00:03.123456Z"}},'
            '{"msg_out":{"id":%d,"uuid":"%s","text":"Which?","origin":"flow",'
            '"time":"2024-05-01T12:00:02Z"}},'
            '{"msg_in":{"id":%d,"text":"","attachments":["image/png:https://x.example/i.png"],'
            '"time":"2024-05-01T12:00:01Z"}},'
            '{"msg_in":{"id":%d,"text":"I need help!","time":"2024-05-01T12:00:00.1203Z"}}]'
        )
        assert page.decode() == expected % (*five, ann, *four, bob, *three, two.id, one.id)

    @transcript
    async def test_a_chat_without_messages_has_an_empty_page(self, world: World):
        channel = await world.channel()
        assert await world.history(channel, await world.chat(channel), NOON) == b"[]"

    @transcript
    async def test_any_text_comes_back_as_it_was(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        text = 'Ünï€😀 "quoted" \\n back\\slash\nline\ttab \x01\x1f\x7f </script> \u2028 null'
        await world.visitor_said(channel, chat_id, text, NOON)
        await world.sent(channel, chat_id, text, NOON, quick_replies=['"\\'])
        assert await world.texts(channel, chat_id, after(1)) == [text, text]

    @transcript
    async def test_every_origin_is_told(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        origins: list[Origin] = ["chat", "ticket", "broadcast", "flow"]
        for place, origin in enumerate(origins):
            await world.sent(channel, chat_id, "hi", after(-place), origin=origin)
        page = json.loads(await world.history(channel, chat_id, after(1)))
        assert [entry["msg_out"]["origin"] for entry in page] == origins

    @transcript
    async def test_a_page_is_strictly_before_a_moment_in_any_zone(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for place in range(3):
            await world.sent(channel, chat_id, f"{place}", after(place))
        assert await world.texts(channel, chat_id, after(1)) == ["0"]
        assert await world.texts(channel, chat_id, after(1.000001)) == ["1", "0"]
        kathmandu = timezone(timedelta(hours=5, minutes=45))
        assert await world.texts(channel, chat_id, after(2).astimezone(kathmandu)) == ["1", "0"]

    @transcript
    async def test_the_first_and_the_last_moment_there_is_will_do(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        await world.sent(channel, chat_id, "hi", NOON)
        assert await world.texts(channel, chat_id, datetime.max.replace(tzinfo=UTC)) == ["hi"]
        assert await world.texts(channel, chat_id, datetime.min.replace(tzinfo=UTC)) == []

    @transcript
    async def test_a_page_has_25_messages_and_the_next_one_goes_on(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for place in range(30):
            say = world.sent if place % 2 else world.visitor_said
            await say(channel, chat_id, f"{place}", after(place))
        first = await world.texts(channel, chat_id, after(100))
        assert first == [f"{place}" for place in range(29, 4, -1)]
        assert await world.texts(channel, chat_id, after(5)) == ["4", "3", "2", "1", "0"]

    @transcript
    async def test_messages_that_share_the_oldest_time_come_with_the_page(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for place in range(4):
            await world.sent(channel, chat_id, f"same {place}", NOON)
        for place in range(24):
            await world.sent(channel, chat_id, f"{place}", after(1 + place))
        page = await world.texts(channel, chat_id, after(100))
        assert page[24:] == ["same 3", "same 2", "same 1", "same 0"]

    @transcript
    async def test_a_page_says_whether_there_is_more(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        assert not (await world.history_page(channel, chat_id, after(100))).more
        for place in range(26):
            await world.sent(channel, chat_id, f"{place}", after(place))
        assert (await world.history_page(channel, chat_id, after(100))).more
        assert not (await world.history_page(channel, chat_id, after(25))).more

    @transcript
    async def test_a_page_of_long_messages_ends_before_it_is_too_large(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for place in range(9):
            say = world.sent if place % 2 else world.visitor_said
            await say(channel, chat_id, f"{place}" + "é" * 1000, after(place))
        pages, before = [], after(100)
        while not pages or pages[-1].more:
            pages.append(await world.history_page(channel, chat_id, before, max_bytes=7000))
            before = after(int(_texts(pages[-1].messages)[-1][0]))
        assert [len(_texts(page.messages)) for page in pages] == [3, 3, 3]
        assert [text[0] for page in pages for text in _texts(page.messages)] == list("876543210")
        assert all(len(page.messages) <= 7000 for page in pages)

    @transcript
    async def test_what_is_too_large_for_any_page_comes_alone(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for place in range(2):
            await world.sent(channel, chat_id, f"{place}" + "x" * 1000, after(place))
        newest = await world.history_page(channel, chat_id, after(100), max_bytes=10)
        assert ([text[0] for text in _texts(newest.messages)], newest.more) == (["1"], True)
        oldest = await world.history_page(channel, chat_id, after(1), max_bytes=10)
        assert ([text[0] for text in _texts(oldest.messages)], oldest.more) == (["0"], False)

    @transcript
    async def test_a_page_that_is_too_large_is_not_cut_between_equal_times(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for seconds in (0, 1, 1, 1):
            await world.sent(channel, chat_id, "x" * 1000, after(seconds))
        page = await world.history_page(channel, chat_id, after(100), max_bytes=2000)
        assert (len(_texts(page.messages)), page.more) == (3, True)
        await world.sent(channel, chat_id, "y", after(2))
        page = await world.history_page(channel, chat_id, after(100), max_bytes=2000)
        assert (_texts(page.messages), page.more) == (["y"], True)

    @transcript
    async def test_a_page_holds_nothing_of_other_chats(self, world: World):
        channel = await world.channel()
        ours, theirs = await world.chat(channel), await world.chat(channel)
        await world.sent(channel, ours, "ours", NOON)
        await world.sent(channel, theirs, "theirs", NOON)
        assert await world.texts(channel, ours, after(1)) == ["ours"]

    @transcript
    async def test_who_answered_is_shown_after_he_has_left(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        bob = await world.user("Bob", "", "bob@x.example")
        await world.sent(channel, chat_id, "hi", NOON, user_id=bob)
        await world.deactivate(bob)
        [entry] = json.loads(await world.history(channel, chat_id, after(1)))
        assert entry["msg_out"]["user"] == {"id": bob, "email": "bob@x.example", "name": "Bob"}
