"""What is answered at the desk, and how it goes to Chip: in order, again, and with its state."""

from __future__ import annotations

import uuid

import pytest
import pytest_twisted

from tests.support.desk_fixture import CHAT, OTHER, DeskFixture, reply, status

transcript = pytest_twisted.ensureDeferred


async def message_states(desk: DeskFixture) -> list[str]:
    found = await desk.get("conversations/1")
    return [message["state"] for message in found["messages"]]


async def with_a_visitor(tmp_path) -> DeskFixture:
    """A desk that has heard something, and may be stopped."""
    desk = DeskFixture(tmp_path / "data", guide=False)
    await desk.open()
    await desk.hear("hello")
    await desk.sit_down()
    return desk


@transcript
async def test_a_reply_goes_to_chip_as_courier_would_send_it(desk):
    await desk.hear("hello")
    await desk.sit_down()
    body = reply(
        "Hi!",
        quick_replies=["Yes", "No"],
        attachments=["https://x.example/cat.jpg?size=1"],
        author="Ada",
    )
    answer = await desk.post("conversations/1/messages", body)
    assert answer.status == 200
    [sent] = await desk.has_sent(1)
    user_id = sent["msg"].pop("user_id")
    assert (await desk.store.user(user_id)).name == "Ada"
    assert sent == {
        "chat_id": CHAT,
        "secret": desk.channel.secret,
        "msg": {
            "uuid": body["uuid"],
            "text": "Hi!",
            "attachments": ["image/jpeg:https://x.example/cat.jpg?size=1"],
            "quick_replies": ["Yes", "No"],
            "origin": "chat",
        },
    }


@transcript
async def test_a_reply_is_sent_then_delivered(desk):
    await desk.hear("hello")
    await desk.sit_down()
    window = await desk.watch()
    message = (await desk.post("conversations/1/messages", reply())).json["message"]
    await window.until("news", uuid=message["uuid"], state="sent")
    await desk.receive(status(message, "delivered"))
    await window.until("news", uuid=message["uuid"], state="delivered")
    await window.leave()


@transcript
async def test_a_message_that_was_delivered_never_becomes_less(desk):
    await desk.hear("hello")
    await desk.sit_down()
    message = (await desk.post("conversations/1/messages", reply())).json["message"]
    await desk.has_sent(1)
    await desk.receive(status(message, "delivered"), status(message, "sent"))
    assert await message_states(desk) == ["heard", "delivered"]


@transcript
async def test_the_same_reply_twice_is_one_reply(desk):
    await desk.hear("hello")
    await desk.sit_down()
    body = reply()
    first = await desk.post("conversations/1/messages", body)
    second = await desk.post("conversations/1/messages", body)
    assert first.json["message"]["id"] == second.json["message"]["id"]
    await desk.has_sent(1)
    assert len((await desk.get("conversations/1"))["messages"]) == 2


@transcript
async def test_the_same_reply_after_a_restart_is_one_reply(tmp_path):
    desk = await with_a_visitor(tmp_path)
    body = reply()
    first = await desk.post("conversations/1/messages", body)
    await desk.has_sent(1)
    await desk.close()
    await desk.open()
    second = await desk.post("conversations/1/messages", body)
    assert first.json["message"]["id"] == second.json["message"]["id"]
    assert len((await desk.get("conversations/1"))["messages"]) == 2
    assert len(desk.sent) == 1
    await desk.close()


@transcript
async def test_a_reply_never_passes_for_a_message_of_another_conversation(desk):
    await desk.hear("hello")
    await desk.hear("hello", chat_id=OTHER)
    await desk.sit_down()
    body = reply("for the first")
    assert (await desk.post("conversations/1/messages", body)).status == 200
    answer = await desk.post("conversations/2/messages", body)
    assert answer.status == 400
    assert answer.json == {"error": "a message of another conversation has this uuid"}


@transcript
async def test_replies_of_one_chat_go_in_order_and_one_that_waits_holds_the_next(desk):
    await desk.hear("hello")
    await desk.sit_down()
    desk.answers = [503, None, 200]
    for text in ("one", "two"):
        await desk.post("conversations/1/messages", reply(text))
    await desk.has_sent(1)
    assert await message_states(desk) == ["heard", "queued", "queued"]
    desk.clock.advance(1)
    await desk.has_sent(2)
    desk.clock.advance(2)
    sent = await desk.has_sent(4)
    assert [one["msg"]["text"] for one in sent] == ["one", "one", "one", "two"]
    assert len({one["msg"]["uuid"] for one in sent[:3]}) == 1


@transcript
async def test_a_reply_that_waits_in_one_chat_waits_in_no_other(desk):
    await desk.hear("hello")
    await desk.hear("hello", chat_id=OTHER)
    await desk.sit_down()
    desk.answers = [503]
    await desk.post("conversations/1/messages", reply("one"))
    await desk.has_sent(1)
    await desk.post("conversations/2/messages", reply("two"))
    sent = await desk.has_sent(2)
    assert [one["chat_id"] for one in sent] == [CHAT, OTHER]


@transcript
async def test_a_reply_that_chip_refuses_has_failed_and_can_be_tried_again(desk, expected_failures):
    await desk.hear("hello")
    await desk.sit_down()
    window = await desk.watch()
    desk.answers = [400]
    message = (await desk.post("conversations/1/messages", reply())).json["message"]
    await window.until("news", uuid=message["uuid"], state="failed")
    assert (await desk.post(f"messages/{message['id']}/retry", {})).status == 200
    await window.until("news", uuid=message["uuid"], state="sent")
    assert (await desk.post(f"messages/{message['id']}/retry", {})).status == 404
    await window.leave()


@transcript
async def test_what_was_on_its_way_goes_again_after_a_restart(tmp_path):
    desk = await with_a_visitor(tmp_path)
    desk.answers = [None]
    await desk.post("conversations/1/messages", reply("kept"))
    await desk.has_sent(1)
    await desk.close()
    await desk.open()
    sent = await desk.has_sent(2)
    assert [one["msg"]["text"] for one in sent] == ["kept", "kept"]
    assert sent[0]["msg"]["uuid"] == sent[1]["msg"]["uuid"]
    await desk.close()


@transcript
async def test_a_reply_that_was_stored_while_nothing_could_be_read_goes_out_once_it_can(
    desk, expected_failures
):
    await desk.hear("hello")
    await desk.sit_down()
    async with desk.unreadable():
        assert (await desk.post("conversations/1/messages", reply("kept"))).status == 503
        desk.clock.advance(60)
    desk.clock.advance(5)
    [sent] = await desk.has_sent(1)
    assert sent["msg"]["text"] == "kept"
    expected_failures.take()


@transcript
async def test_a_reply_whose_sending_could_not_be_noted_goes_out_again(desk, expected_failures):
    await desk.hear("hello")
    await desk.sit_down()
    window = await desk.watch()
    desk.answers = [503]
    await desk.post("conversations/1/messages", reply("kept"))
    await desk.has_sent(1)
    async with desk.unwritable():
        desk.clock.advance(1)
        await desk.has_sent(2)
    desk.clock.advance(5)
    first, *again = await desk.has_sent(3)
    assert [one["msg"]["uuid"] for one in again] == [first["msg"]["uuid"]] * 2
    await window.until("news", state="sent")
    await window.leave()
    expected_failures.take()


@pytest.mark.parametrize(
    "body",
    [
        reply(""),
        reply("   "),
        reply("nul \0"),
        reply("x" * 10_001),
        reply(attachments=["javascript:alert(1)"]),
        reply(attachments=["https://x.example/a b"]),
        reply(quick_replies=[""]),
        reply(quick_replies=["x"] * 11),
        {"text": "no uuid"},
        reply(surprise=True),
    ],
)
@transcript
async def test_a_reply_that_cannot_be_is_refused(desk, body):
    await desk.hear("hello")
    await desk.sit_down()
    assert (await desk.post("conversations/1/messages", body)).status == 400
    assert desk.sent == []


@transcript
async def test_a_scheme_may_have_capitals(desk):
    await desk.hear("hello")
    await desk.sit_down()
    body = reply(attachments=["HTTPS://x.example/cat.jpg"])
    assert (await desk.post("conversations/1/messages", body)).status == 200


@transcript
async def test_nobody_can_be_answered_who_is_not_there(desk):
    await desk.sit_down()
    assert (await desk.post("conversations/7/messages", reply())).status == 404


@transcript
async def test_an_attachment_must_be_a_url(desk):
    await desk.hear("hello")
    await desk.sit_down()
    [conversation] = (await desk.get("conversations"))["conversations"]
    for url in ("http://[::1", "http://", "https:///x.png"):
        reply = {"uuid": str(uuid.uuid4()), "attachments": [url]}
        answer = await desk.post(f"conversations/{conversation['id']}/messages", reply)
        assert answer.status == 400, url


@transcript
async def test_numbers_that_no_row_can_have_are_refused(desk):
    await desk.hear("hello")
    await desk.sit_down()
    [conversation] = (await desk.get("conversations"))["conversations"]
    for number in (-1, 2**63, 10**20):
        path = f"conversations/{conversation['id']}/read"
        assert (await desk.post(path, {"up_to": number})).status == 400
