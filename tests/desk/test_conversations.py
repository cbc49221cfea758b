"""The desk's list of conversations, and what its windows hear while they are open."""

from __future__ import annotations

from urllib.parse import quote

import pytest
import pytest_twisted

from chip.desk.commands import DeskCommands
from tests.support.desk_fixture import CHAT, OTHER

transcript = pytest_twisted.ensureDeferred

# The list.


@transcript
async def test_conversations_come_by_newest_activity_with_what_is_unread(desk):
    await desk.hear("first")
    await desk.hear("second", chat_id=OTHER)
    desk.clock.advance(60)
    await desk.hear("third")
    await desk.sit_down()
    found = (await desk.get("conversations"))["conversations"]
    assert [(one["id"], one["unread"], one["last"]["text"]) for one in found] == [
        (1, 2, "third"),
        (2, 1, "second"),
    ]
    assert found[0]["active"] == "2024-05-01T12:01:00Z"


@transcript
async def test_reading_in_one_window_is_seen_in_every_other(desk):
    await desk.hear("hello")
    await desk.sit_down()
    one, other = await desk.watch(), await desk.watch()
    await desk.post("conversations/1/read", {"up_to": 1})
    for window in (one, other):
        await window.until("news", id=1, unread=0)
        await window.leave()


@transcript
async def test_what_is_yet_to_come_cannot_have_been_read(desk):
    await desk.hear("hello")
    await desk.sit_down()
    await desk.post("conversations/1/read", {"up_to": 2**63 - 1})
    assert (await desk.get("unread")) == {"unread": 0}
    await desk.hear("anybody?")
    assert (await desk.get("unread")) == {"unread": 1}


@transcript
async def test_conversations_are_found_by_name_email_and_text(desk):
    await desk.hear("where is my parcel?")
    await desk.hear("100% wool", chat_id=OTHER)
    contact = await desk.store.contact(desk.channel, CHAT)
    await desk.store.set_email(contact, "bob@example.com")
    await desk.sit_down()
    await desk.post("conversations/2/name", {"name": " Ada "})

    async def found(search: str) -> list[int]:
        answer = await desk.get(f"conversations?search={search}")
        return [one["id"] for one in answer["conversations"]]

    assert await found("PARCEL") == [1]
    assert await found("bob%40") == [1]
    assert await found("ada") == [2]
    assert await found("visitor+1") == [1]
    assert await found("%25") == [2]
    assert await found("_") == []
    assert sorted(await found("")) == [1, 2]


@pytest.mark.parametrize(
    ("text", "searches"),
    [
        ("Größe für José", ["GRÖSSE", "grosse", "JOSE", "josé", "FUR"]),
        ("Привет, ЁЖ", ["ПРИВЕТ", "еж"]),
        ("Καλημέρα ΣΑΣ", ["καλημερα", "σας"]),
        ("İstanbul", ["istanbul", "ISTANBUL"]),
        ("مُحَمَّد", ["محمد"]),
        ("cafe", ["CAFÉ"]),
        ("ﬁne ②", ["FINE", "2"]),
        ("한국어", ["한국어"]),
        ("naïve 100% _", ["NAIVE 100%", "_"]),
    ],
)
@transcript
async def test_capitals_and_accents_of_any_script_do_not_matter(desk, text, searches):
    await desk.hear("50 items", chat_id=OTHER)
    await desk.hear(text)
    await desk.sit_down()
    for search in searches:
        found = await desk.get(f"conversations?search={quote(search)}")
        assert [one["id"] for one in found["conversations"]] == [2], search


@transcript
async def test_what_is_unread_is_counted_over_all_conversations(desk):
    for number in range(55):
        await desk.hear("hello", chat_id=f"{number:024}")
    await desk.sit_down()
    assert await desk.get("unread") == {"unread": 55}
    await desk.hear("more", chat_id=f"{54:024}")
    await desk.post("conversations/1/read", {"up_to": 1})
    assert await desk.get("unread") == {"unread": 55}


@transcript
async def test_long_lists_and_long_conversations_come_in_pages(desk):
    for number in range(55):
        desk.clock.advance(1)
        await desk.hear(f"hello {number}", chat_id=f"{number:024}")
        await desk.hear(f"text {number}", chat_id="0" * 24)
    await desk.sit_down()
    first = await desk.get("conversations")
    assert (len(first["conversations"]), first["more"]) == (50, True)
    before = first["conversations"][-1]["id"]
    rest = await desk.get(f"conversations?before={before}")
    assert (len(rest["conversations"]), rest["more"]) == (5, False)

    latest = await desk.get("conversations/1")
    assert (len(latest["messages"]), latest["more"]) == (50, True)
    assert latest["messages"][-1]["text"] == "text 54"
    earlier = await desk.get(f"conversations/1?before={latest['messages'][0]['id']}")
    assert (len(earlier["messages"]), earlier["more"]) == (6, False)
    assert earlier["messages"][0]["text"] == "hello 0"


# What happens while somebody looks.


@transcript
async def test_every_window_hears_what_visitors_say(desk):
    await desk.sit_down()
    one, other = await desk.watch(), await desk.watch()
    await desk.hear("hello")
    for window in (one, other):
        news = await window.until("news", text="hello")
        assert news["conversation"]["unread"] == 1
        await window.leave()


@transcript
async def test_windows_hear_each_message_though_the_next_is_there_before_they_hear_of_it(desk):
    await desk.sit_down()
    window = await desk.watch()
    commands = DeskCommands(desk.database, desk.clock.seconds)
    for_chat = [await commands.hear(desk.channel, CHAT, text) for text in ("one", "two")]
    for conversation, said in for_chat:
        desk.desk.heard(conversation, said)
    heard = [(await window.next())["news"] for _ in for_chat]
    assert [news["message"]["text"] for news in heard] == ["one", "two"]
    assert heard[-1]["conversation"]["last"]["text"] == "two"
    await window.leave()


@transcript
async def test_windows_hear_who_comes_and_goes_and_of_an_email(desk):
    await desk.hear("hello")
    await desk.sit_down()
    window = await desk.watch()
    desk.comes_or_goes()
    await window.until("news", id=1, online=True)
    desk.comes_or_goes()
    await window.until("news", id=1, online=False)
    contact = await desk.store.contact(desk.channel, CHAT)
    await desk.store.set_email(contact, "bob@example.com")
    await window.until("news", id=1, email="bob@example.com")
    await window.leave()


@transcript
async def test_windows_look_afresh_once_what_happened_can_be_read(desk, expected_failures):
    await desk.sit_down()
    window = await desk.watch()
    async with desk.unreadable():
        assert (await desk.hear("hello")).status == 503
        desk.comes_or_goes()
        desk.clock.advance(60)
    desk.clock.advance(5)
    await window.until("resync")
    await window.leave()
    expected_failures.take()


@transcript
async def test_a_stream_shows_that_it_lives_and_ends_when_the_desk_stops(desk):
    await desk.sit_down()
    window = await desk.watch()
    desk.clock.advance(15)
    await window.until("keepalive")
    desk.desk.send_away()
    assert await window.closed() == 1012
