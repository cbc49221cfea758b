"""The desk in Courier's place: Courier's contract over HTTP, as Chip uses it."""

from __future__ import annotations

import uuid

import pytest
import pytest_twisted

from tests.contracts.store_parts import EVER
from tests.support.desk_fixture import CHAT, status

transcript = pytest_twisted.ensureDeferred

CHAT_STARTED = {"type": "chat_started"}


@transcript
async def test_a_started_chat_has_a_contact_that_chip_can_read(desk):
    answer = await desk.receive(CHAT_STARTED)
    assert answer.status == 200
    assert answer.json["message"] == "Events Handled"
    contact = await desk.store.contact(desk.channel, CHAT)
    assert contact is not None
    assert contact.last_confirmed == ""


@transcript
async def test_a_chat_that_starts_twice_is_one_contact(desk):
    await desk.receive(CHAT_STARTED)
    await desk.receive(CHAT_STARTED)
    await desk.sit_down()
    assert len((await desk.get("conversations"))["conversations"]) == 1


@transcript
async def test_what_a_visitor_said_is_answered_with_its_uuid_and_stands_in_the_store(desk):
    answer = await desk.hear("hello")
    [event] = answer.json["data"]
    contact = await desk.store.contact(desk.channel, CHAT)
    assert event["type"] == "msg"
    assert event["msg_uuid"] == contact.last_confirmed
    assert await desk.store.heard_since(contact, "", within=EVER) == [(event["msg_uuid"], "hello")]


@transcript
async def test_several_events_happen_in_order(desk):
    said = [{"type": "msg_in", "msg": {"text": text}} for text in ("one", "two", "two")]
    answer = await desk.receive(CHAT_STARTED, *said)
    assert [event["type"] for event in answer.json["data"]] == ["event", "msg", "msg", "msg"]
    contact = await desk.store.contact(desk.channel, CHAT)
    heard = await desk.store.heard_since(contact, "", within=EVER)
    assert [message.text for message in heard] == ["one", "two", "two"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"secret": "wrong"}, "secret incorrect"),
        ({"secret": ""}, "secret incorrect"),
        ({"events": [{"type": "nonsense"}]}, "error reading request: unknown value - at "),
        ({"chat_id": 5}, "error reading request: "),
    ],
)
@transcript
async def test_what_courier_would_refuse_is_refused_in_its_words(desk, fields, error):
    answer = await desk.receive(**{"events": [CHAT_STARTED], **fields})
    assert answer.status == 400
    assert answer.json["message"] == "Error"
    [told] = answer.json["data"]
    assert told["type"] == "error"
    assert told["error"].startswith(error)
    assert await desk.store.contact(desk.channel, CHAT) is None


@transcript
async def test_other_paths_and_methods_of_courier_are_not_there(desk):
    for path in ("/c/", "/c/chp/x/receive", "/c/chp/x/y", f"/c/tg/{desk.channel.uuid}/receive"):
        answer = await desk.ask("POST", path, b"{}")
        assert answer.status in (400, 404), path
    answer = await desk.ask("GET", f"/c/chp/{desk.channel.uuid}/receive")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@transcript
async def test_a_report_about_an_unknown_message_is_no_error(desk):
    await desk.receive(CHAT_STARTED)
    answer = await desk.receive(status({"uuid": str(uuid.uuid4())}, "delivered"))
    assert answer.status == 200


@transcript
async def test_a_number_beyond_all_numbers_is_no_error(desk):
    await desk.receive(CHAT_STARTED)
    report = {"type": "msg_status", "status": {"msg_id": 2**70, "status": "delivered"}}
    assert (await desk.receive(report)).status == 200
