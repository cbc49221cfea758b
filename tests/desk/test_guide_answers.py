"""When the guide answers a visitor at the desk, and when it is silent."""

from __future__ import annotations

import pytest_twisted

from chip.desk.guide import PICTURE
from tests.support.desk_fixture import OTHER, DeskFixture, reply

transcript = pytest_twisted.ensureDeferred


@transcript
async def test_the_first_message_is_answered_while_nobody_is_at_the_desk(guided):
    await guided.hear("Good morning")
    greeting, introduction = await guided.has_sent(2)
    assert greeting["msg"]["text"] == "Good morning! 👋"
    assert greeting["msg"]["origin"] == "flow"
    assert PICTURE in introduction["msg"]["quick_replies"]
    await guided.hear(PICTURE)
    picture = (await guided.has_sent(3))[2]
    assert picture["msg"]["attachments"] == ["image/png:http://chip.example/welcome/postcard.png"]


@transcript
async def test_the_guide_is_silent_while_somebody_is_at_the_desk(guided):
    await guided.sit_down()
    window = await guided.watch()
    await guided.hear("hello")
    await window.until("news", text="hello")
    await window.leave()
    await guided.hear("hello again", chat_id=OTHER)
    sent = await guided.has_sent(1)
    assert {one["chat_id"] for one in sent} == {OTHER}


@transcript
async def test_the_guide_falls_silent_for_good_once_a_person_has_answered(guided):
    await guided.hear("hello")
    await guided.has_sent(2)
    await guided.sit_down()
    await guided.post("conversations/1/messages", reply("A person"))
    await guided.has_sent(3)
    await guided.hear(PICTURE)
    await guided.hear("hello", chat_id=OTHER)
    sent = await guided.has_sent(5)
    assert [one["chat_id"] for one in sent[3:]] == [OTHER, OTHER]


@transcript
async def test_the_guide_can_be_turned_off_at_the_desk_and_stays_off(tmp_path):
    desk = DeskFixture(tmp_path / "data", on_front_page=True)
    await desk.open()
    await desk.sit_down()
    window = await desk.watch()
    answer = await desk.post("settings", {"guide": False})
    assert answer.json == {"settings": {"guide": False}}
    await window.until("news", guide=False)
    await window.leave()
    await desk.close()
    await desk.open()
    await desk.hear("hello")
    assert (await desk.get("conversations"))["settings"] == {"guide": False}
    await desk.close()
    assert desk.sent == []


@transcript
async def test_a_guide_that_is_off_by_configuration_cannot_be_turned_on(desk):
    await desk.sit_down()
    answer = await desk.post("settings", {"guide": True})
    assert answer.json == {"settings": {"guide": False}}


@transcript
async def test_the_guide_never_speaks_on_a_website(guided):
    front, guided.channel = guided.channel, await guided.desk.channels.site()
    await guided.hear("hello")
    guided.channel = front
    await guided.hear("hello", chat_id=OTHER)
    await guided.has_sent(2)
    await guided.sit_down()
    messages = (await guided.get("conversations/1"))["messages"]
    assert [message["text"] for message in messages] == ["hello"]
