"""A site moves from a channel of type CHP to an External one: its pages stay as they are."""

from __future__ import annotations

import pytest

from tests.support.visitor import Visitor


@pytest.fixture
def external(rapidpro, channel):
    """The External channel of the same workspace."""
    return rapidpro.external_channel(channel.org, authorization="Bearer of news")


async def test_a_chat_goes_on_where_it_was(start_chip, visit, courier, channel, external, rapidpro):
    chip = start_chip()
    bob = await visit(chip)
    await bob.start_chat()
    bob.send("before", "a")
    await bob.expect("msg_accepted", ref="a")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    await bob.vanish()
    waiting = await courier.apart.send(channel, bob.chat_id, "waits for you")
    chip.stop()

    rapidpro.update("channels_channel", channel.id, is_active=False)
    chip.settings["external_ids"] = [f"{channel.uuid}={external.uuid}"]
    chip.secrets |= {external.uuid, "Bearer of news"}
    chip.start()
    again = Visitor(chip.url, channel.uuid, bob.chat_id)
    chip.visitors.append(again)
    await again.connect()
    assert (await again.start_chat())["type"] == "chat_resumed"
    await again.hears("waits for you")

    again.send("after", "b")
    await again.expect("msg_accepted", ref="b")
    while "after" not in await courier.apart.texts(bob.chat_id):
        await courier.apart.wait(1, bob.chat_id, "msg_in")
    answer = await courier.apart.send(external, bob.chat_id, "an answer")
    assert answer["status"] == 200
    await again.hears("an answer")
    again.get_history("2100-01-01T00:00:00Z")
    page = (await again.expect("history"))["history"]
    said = [next(iter(entry.values()))["text"] for entry in page]
    assert said == ["an answer", "after", "waits for you", "before"]
    assert len(rapidpro.rows("SELECT 1 FROM contacts_contact")) == 1
    # Of the old channel's message Courier knows nothing on the new one, and takes the report.
    while not await courier.apart.statuses(bob.chat_id):
        await courier.apart.wait(1, kind="msg_status")
    assert rapidpro.status(waiting["id"]) == "W"
    await again.leave()


async def test_what_was_said_while_courier_refused_the_old_channel_goes_out_on_the_new_one(
    start_chip, visit, courier, channel, external, rapidpro
):
    chip = start_chip()
    bob = await visit(chip)
    await bob.start_chat()
    courier.configure(release="26.3")
    bob.send("is anybody there?", "a")
    await bob.expect("msg_accepted", ref="a")
    await bob.vanish()
    chip.stop()
    assert courier.texts(bob.chat_id) == []

    rapidpro.update("channels_channel", channel.id, is_active=False)
    chip.settings["external_ids"] = [f"{channel.uuid}={external.uuid}"]
    chip.secrets |= {external.uuid, "Bearer of news"}
    chip.start()
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    assert courier.texts(bob.chat_id) == ["is anybody there?"]
