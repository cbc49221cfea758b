"""A chat as its users have it: real browsers' protocol, Courier, PostgreSQL and Valkey."""

from __future__ import annotations

import pytest

from tests.support.postgres import GENERATIONS


@pytest.fixture(params=GENERATIONS)
def generation(request):
    """Each release of RapidPro, one after the other."""
    return request.param


@pytest.fixture(params=["id", "uuid"])
def era(request):
    """Each way in which Couriers name messages."""
    return request.param


async def test_a_conversation(chip, visit, courier, channel, rapidpro, era):
    bob = await visit(chip)
    started = await bob.start_chat()
    bob.send("I need help!", ref="c1")
    await bob.expect("msg_accepted", ref="c1")
    await courier.apart.wait(1, started["chat_id"], "msg_in")
    assert courier.texts(started["chat_id"]) == ["I need help!"]

    sent = await courier.apart.send(channel, started["chat_id"], "Thanks!", era=era)
    assert sent["status"] == 200
    event = await bob.expect("chat_out")
    assert event["msg_out"]["text"] == "Thanks!"
    bob.ack(event)
    await courier.apart.wait(1, started["chat_id"], "msg_status")
    contact = rapidpro.find_contact(channel.org, started["chat_id"])
    (message,) = rapidpro.messages(contact, "O")
    assert rapidpro.status(message["id"]) == "D"
    assert event["msg_out"]["id"] == message["id"]
    assert event["msg_out"]["uuid"] == str(message["uuid"])

    bob.get_history("9999-01-01T00:00:00Z")
    history = (await bob.expect("history"))["history"]
    assert [next(iter(entry)) for entry in history] == ["msg_out", "msg_in"]
    assert history[0]["msg_out"]["time"] == event["msg_out"]["time"]
    assert history[0]["msg_out"]["id"] == event["msg_out"]["id"]
