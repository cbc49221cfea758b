"""Conversations over an External channel, through all real parts, in every release and era."""

from __future__ import annotations

import json
from functools import partial

import pytest
from twisted.internet.threads import deferToThread

from tests.support.fetch import fetch

LONG = " ".join(f"word{number}" for number in range(1250))
"""A text of about 10,000 letters, which Courier sends in parts."""
ATTACHMENTS = ["image/jpeg:https://cdn.example/a.jpg", "geo:-2.9,30.1"]


@pytest.fixture
def kind():
    return "External"


async def said(courier, visitor, text, ref):
    """The visitor says something, and Courier has it."""
    visitor.send(text, ref)
    await visitor.expect("msg_accepted", ref=ref)
    while text not in await courier.apart.texts(visitor.chat_id):
        await courier.apart.wait(1, visitor.chat_id, "msg_in")


@pytest.mark.parametrize("generation", ["10.2", "26.0", "26.2"])
@pytest.mark.parametrize("era", ["id", "uuid"])
async def test_a_conversation_in_every_release_and_era(
    generation, era, chip, visit, courier, channel, rapidpro
):
    courier.configure(era=era)
    bob = await visit(chip)
    await bob.start_chat()
    bob.get_history("2100-01-01T00:00:00Z")
    assert (await bob.expect("history"))["history"] == []
    assert rapidpro.rows("SELECT * FROM contacts_contact") == []

    await said(courier, bob, "I need help, please & soon", "a")
    asked = await courier.apart.send(
        channel,
        bob.chat_id,
        "What can I do?",
        attachments=ATTACHMENTS,
        quick_replies=["Nothing", "All"],
        origin="flow",
    )
    [event] = await bob.hears("What can I do?")
    shown = event["msg_out"]
    assert (shown["id"], shown["uuid"]) == (asked["id"], asked["uuid"])
    assert shown["quick_replies"] == ["Nothing", "All"]
    assert (shown["attachments"], shown["origin"]) == (ATTACHMENTS, "flow")

    long = await courier.apart.send(channel, bob.chat_id, LONG)
    assert len(long["answers"]) > 5
    [event] = await bob.hears(LONG)
    await courier.apart.wait(2, bob.chat_id, "msg_status")
    assert [rapidpro.status(one["id"]) for one in (asked, long)] == ["D", "D"]
    await bob.leave()

    again = await visit(chip, bob.chat_id)
    assert (await again.start_chat())["type"] == "chat_resumed"
    again.get_history("2100-01-01T00:00:00Z")
    history = (await again.expect("history"))["history"]
    assert [next(iter(entry.values()))["text"] for entry in history] == [
        LONG,
        "What can I do?",
        "I need help, please & soon",
    ]


async def test_a_visitor_who_has_said_nothing_is_resumed_and_made_no_contact_of(
    chip, visit, courier, rapidpro
):
    bob = await visit(chip)
    await bob.start_chat()
    bob.set_email("bob@example.com")
    # Commands are carried out in turn.
    bob.get_history("2100-01-01T00:00:00Z")
    await bob.expect("history")
    await bob.leave()
    again = await visit(chip, bob.chat_id)
    event = await again.start_chat()
    assert (event["type"], event["email"]) == ("chat_resumed", "bob@example.com")
    assert rapidpro.rows("SELECT * FROM contacts_contact") == []
    assert courier.requests() == []

    await said(courier, again, "hello", "a")
    while not rapidpro.rows("SELECT * FROM contacts_contacturn WHERE display IS NOT NULL"):
        await courier.apart.stats()
    [urn] = rapidpro.rows("SELECT display FROM contacts_contacturn")
    assert json.dumps(urn, default=str).count("bob@example.com") == 1


async def test_an_id_that_nobody_knows_starts_a_new_chat(chip, visit):
    bob = await visit(chip, "azosmAPAXirc3Cmu3TwMY6Yr")
    assert (await bob.start_chat())["type"] == "chat_started"
    assert bob.chat_id != "azosmAPAXirc3Cmu3TwMY6Yr"


async def test_the_channels_own_uuid_opens_no_chat_and_is_shown_nowhere(chip, channel, page):
    own = await deferToThread(fetch, f"{chip.url}/wc/connect/{channel.uuid}")
    assert (own.status, own.json) == (400, {"error": "no such channel"})
    assert (await deferToThread(fetch, f"{chip.url}/wc/connect/{page}")).status == 426
    guessed = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": "guessed"}
    form = f"id=1&to=azosmAPAXirc3Cmu3TwMY6Yr&text=hi&channel={channel.uuid}".encode()
    send = partial(fetch, f"{chip.url}/wc/external", method="POST", body=form, headers=guessed)
    assert (await deferToThread(send)).status == 400
    assert page in chip.log()
    for shown in ("metrics", "status"):
        answer = await deferToThread(fetch, f"{chip.ops_url}/{shown}")
        assert answer.status == 200
        assert channel.uuid not in answer.body.decode()
