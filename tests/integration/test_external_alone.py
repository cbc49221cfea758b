"""External channels without RapidPro's database: Chip on SQLite alone, and somebody else's Courier.

Courier stands on a database of its own, which Chip does not see.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.desk.external_channels import add_external_channel, read_address
from chip.store.public_ids import public_id
from chip.tasks import pause
from tests.support.checked import checked
from tests.support.chip_process import ChipProcess
from tests.support.desk_api import TOKEN

BEARER = "Bearer sesame"
LONG = " ".join(f"w{number:04}" for number in range(1667))
"""A text of about 10,000 letters, which Courier sends in parts."""
SENT = ["image/jpeg:https://cdn.example/a.jpg", "application/pdf:https://x/b.pdf", "geo:-2.9,30.1"]
SHOWN = ["image/jpeg:https://cdn.example/a.jpg", "geo:-2.9,30.1"]
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}")
FOREVER = "2100-01-01T00:00:00Z"


@pytest.fixture
def channel(rapidpro):
    """An External channel in somebody's workspace."""
    return rapidpro.external_channel(rapidpro.org(), authorization=BEARER, max_length=1600)


@pytest.fixture
def page(channel):
    return public_id(channel.uuid, BEARER)


@pytest.fixture
def chip(tmp_path, courier, channel, with_constants):
    """A Chip that knows nothing but the channel, and waits for the next part of a message however
    long a busy machine takes for it."""
    receive = f"http://{courier.domain}/c/ex/{channel.uuid}/receive"
    add_external_channel(
        tmp_path / "chip-data",
        "Shop",
        read_address(receive),
        public_id,
        lambda is_new: BEARER,
        max_length=1600,
    )
    env = with_constants({"chip.chat.joiner.JOIN_WITHIN": 60})
    chip = ChipProcess(directory=tmp_path, limits="off", desk_token=TOKEN, env=env)
    chip.secrets |= {TOKEN, channel.uuid, BEARER}
    with chip:
        courier.configure(chip=chip.url)
        yield chip
    chip.check_log()


async def said(courier, visitor, text, ref):
    """The visitor says something, and Courier has it."""
    visitor.send(text, ref)
    await visitor.expect("msg_accepted", ref=ref)
    while text not in await courier.apart.texts(visitor.chat_id):
        await courier.apart.wait(1, visitor.chat_id, "msg_in")


async def history_of(visitor):
    visitor.get_history(FOREVER)
    entries = (await visitor.expect("history"))["history"]
    return [next(iter(entry.values())) for entry in reversed(entries)]


def in_store(tmp_path, query):
    with closing(sqlite3.connect(tmp_path / "chip-data" / "chip.sqlite3")) as db:
        return db.execute(query).fetchall()


async def until(true):
    while not await deferToThread(true):
        await pause(reactor, 0.05)


@pytest.mark.parametrize("era", ["id", "uuid"])
async def test_a_conversation(era, chip, visit, courier, channel, rapidpro, tmp_path):
    courier.configure(era=era)
    bob = await visit(chip)
    await bob.start_chat()
    bob.set_email("bob@example.com")
    assert await history_of(bob) == []
    assert rapidpro.rows("SELECT * FROM contacts_contact") == []

    await said(courier, bob, "I need help, please & soon", "a")
    asked = await courier.apart.send(
        channel, bob.chat_id, "What can I do?", attachments=SENT, quick_replies=["Nothing", "All"]
    )
    question = "What can I do?\nhttps://x/b.pdf"
    [event] = await bob.hears(question)
    shown = event["msg_out"]
    assert (shown["attachments"], shown["quick_replies"]) == (SHOWN, ["Nothing", "All"])
    assert (shown["origin"], shown["id"]) == ("chat", shown["uuid"])
    assert era == "id" or shown["uuid"] == asked["uuid"]

    long = await courier.apart.send(channel, bob.chat_id, LONG)
    assert len(long["answers"]) > 5
    await bob.hears(LONG)
    await until(lambda: [rapidpro.status(one["id"]) for one in (asked, long)] == ["D", "D"])
    await until(
        lambda: (
            in_store(tmp_path, "SELECT status FROM message WHERE direction = 'O'")
            == [("D",), ("D",)]
        )
    )
    await bob.leave()

    again = await visit(chip, bob.chat_id)
    event = await again.start_chat()
    assert (event["type"], event["email"]) == ("chat_resumed", "bob@example.com")
    history = await history_of(again)
    assert [one["text"] for one in history] == ["I need help, please & soon", question, LONG]
    assert history[1] == shown


async def test_a_chip_that_is_killed_between_the_parts(chip, visit, courier, channel):
    bob = await visit(chip)
    await bob.start_chat()
    await said(courier, bob, "hello", "a")
    long = await courier.apart.send(channel, bob.chat_id, "short")
    await bob.hears("short")
    parts = await courier.apart.send(channel, bob.chat_id, LONG, chip="http://127.0.0.1:9")
    assert long["status"] == 200
    await courier.apart.post(channel, parts["payload"][:3], chip=chip.url)
    await deferToThread(chip.kill)
    await deferToThread(chip.start)
    again = await visit(chip, bob.chat_id)
    await again.start_chat()
    await courier.apart.retry(chip.url)
    await again.hears(LONG)
    await again.hears_nothing()
    assert [one["text"] for one in await history_of(again)] == ["hello", "short", LONG]


async def test_a_courier_that_repeats_itself(chip, visit, courier, channel):
    bob = await visit(chip)
    await bob.start_chat()
    await said(courier, bob, "hello", "a")
    for text in ("short", LONG):
        sent = await courier.apart.send(channel, bob.chat_id, text)
        await bob.hears(text)
        await courier.apart.again(sent)
        await courier.apart.again(sent)
    await bob.hears_nothing()
    assert [one["text"] for one in await history_of(bob)] == ["hello", "short", LONG]


async def test_a_courier_that_is_away_and_one_that_answers_html(chip, visit, courier, channel):
    bob = await visit(chip)
    await bob.start_chat()
    await courier.apart.deaf()
    bob.send("one", "a")
    await bob.expect("msg_accepted", ref="a")
    await courier.apart.heal()
    await courier.apart.fail(503, times=2, body="<html>Sorry</html>")
    bob.send("two", "b")
    await bob.expect("msg_accepted", ref="b")
    await courier.apart.wait(2, bob.chat_id, "msg_in")
    assert await courier.apart.texts(bob.chat_id) == ["one", "two"]
    await until_history(bob, ["one", "two"])


async def test_a_courier_that_is_killed(chip, visit, courier, channel, rapidpro):
    bob = await visit(chip)
    await bob.start_chat()
    await said(courier, bob, "one", "a")
    await deferToThread(courier.kill)
    bob.send("two", "b")
    await bob.expect("msg_accepted", ref="b")
    await deferToThread(courier.start)
    courier.configure(chip=chip.url)
    await until_history(bob, ["one", "two"])
    texts = rapidpro.rows("SELECT text FROM msgs_msg WHERE direction = 'I' ORDER BY id")
    assert [one["text"] for one in texts] == ["one", "two"]
    await courier.apart.send(channel, bob.chat_id, "three")
    await bob.hears("three")


async def test_what_courier_has_taken_without_an_answer_is_there_once(
    chip, visit, courier, rapidpro
):
    bob = await visit(chip)
    await bob.start_chat()
    await courier.apart.hang_up(times=1, work=True)
    bob.send("one", "a")
    await bob.expect("msg_accepted", ref="a")
    await until_history(bob, ["one"])
    bob.send("two", "b")
    await bob.expect("msg_accepted", ref="b")
    await until_history(bob, ["one", "two"])
    said = rapidpro.rows("SELECT text FROM msgs_msg WHERE direction = 'I' ORDER BY id")
    assert [one["text"] for one in said] == ["one", "two"]


async def test_a_chip_that_is_killed_keeps_what_was_said(chip, visit, courier, channel):
    bob = await visit(chip)
    await bob.start_chat()
    await courier.apart.deaf()
    bob.send("one", "a")
    await bob.expect("msg_accepted", ref="a")
    await deferToThread(chip.kill)
    await courier.apart.heal()
    await deferToThread(chip.start)
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    again = await visit(chip, bob.chat_id)
    assert (await again.start_chat())["type"] == "chat_resumed"
    await until_history(again, ["one"])


async def test_a_chip_that_lost_its_data_is_told_who_the_visitor_is(chip, courier, channel, visit):
    chat_id = "azosmAPAXirc3Cmu3TwMY6Yr"
    sent = await courier.apart.send(channel, chat_id, "We are back")
    assert sent["status"] == 200
    bob = await visit(chip, chat_id)
    assert (await bob.start_chat())["type"] == "chat_resumed"
    await bob.hears("We are back")


async def until_history(visitor, texts):
    while [one["text"] for one in await history_of(visitor)] != texts:
        await pause(reactor, 0.05)


# What a check says.


@pytest.fixture
def found(chip, tmp_path):
    """Run a check; return its lines about Courier."""

    def check():
        settings = {"data_dir": tmp_path / "chip-data", "ops_listen": "off"}
        lines = checked(**chip.settings | settings).lines
        assert not [line for line in lines if UUIDS.search(line)]
        return [re.sub(r":\d+", "", line) for line in lines if " Courier: " in line]

    return check


def test_a_check_asks_the_courier_that_a_channel_names(found, courier):
    takes, advice = found()
    assert takes == "ok      Courier: http://127.0.0.1 takes Shop"
    assert advice.startswith("ok      Courier: whoever knows an External channel's own UUID can")
    assert "/c/ex/UUID/ from Chip alone" in advice
    assert advice.endswith(": Shop")


def test_a_check_says_in_words_what_is_wrong(found, courier, channel, rapidpro, tmp_path):
    rapidpro.update("channels_channel", channel.id, is_active=False)
    courier.configure(advance=61)
    assert found()[0] == (
        "FAILED  Courier: http://127.0.0.1 refuses Shop: channel not found. Is it active in"
        " RapidPro? Is this the Courier of that RapidPro?"
    )
    courier.stop()
    line = found()[0]
    assert line.startswith("FAILED  Courier: http://127.0.0.1, which has Shop: ")
    assert "refused" in line
    assert line.endswith("Is the address right?")


def test_a_check_names_channels_that_wait(found, tmp_path):
    add_external_channel(
        tmp_path / "chip-data", "Blog", read_address("https://x"), public_id, lambda is_new: BEARER
    )
    _, waits, advice = found()
    assert waits.startswith("warning Courier: Blog waits to be connected: twistd chip ")
    assert advice.endswith(": Shop")
