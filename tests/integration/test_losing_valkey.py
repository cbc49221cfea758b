"""Valkey loses what waited for visitors, and what Courier has handed over is shown all the same.

RapidPro's rows tell what that was. Each test takes the two seconds for which they are not believed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from autobahn.exception import Disconnected
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from chip.tasks import pause
from tests.support.fetch import fetch
from tests.support.process import eventually
from tests.support.sentinels import NAME, Pair, Sentinel
from tests.support.valkey import Valkey
from tests.support.visitor import Visitor
from tests.support.visitors import Visitors

WINDOW = 32


@pytest.fixture
def usual(usual, with_constants):
    """Chats wait for what is put back however long a busy machine takes for it."""
    env = with_constants({"chip.chat.reconciler.PATIENCE": 60})
    return lambda given: usual({"env": env} | given)


@pytest.fixture
def forgetful():
    """A Valkey that keeps what it had when it was told to `SAVE`."""
    with Valkey(settings={"appendonly": "no"}) as valkey:
        yield valkey


@pytest.fixture
def watched():
    """A primary and its replica, the Sentinel that watches them, and its URL."""
    with Pair() as pair, Sentinel(pair.primary, 1) as sentinel:
        pair.know_each_other([sentinel])
        yield pair, sentinel, f"valkey://127.0.0.1:{sentinel.port}/5?sentinel={NAME}"


@pytest.fixture
def all_delivered(rapidpro):
    """Wait until every message to a visitor is known as delivered."""

    def delivered():
        return not rapidpro.rows("SELECT 1 FROM msgs_msg WHERE direction = 'O' AND status != 'D'")

    async def wait():
        await deferToThread(eventually, delivered, "every message to be reported", 20)

    return wait


@pytest.fixture
def tell(courier, channel):
    """Courier hands messages over to a visitor, each again until it is taken."""

    async def tell(visitor: Visitor, *texts: str, **options: object) -> None:
        for text in texts:
            sent = await courier.apart.send(channel, visitor.chat_id, text, **options)
            status = sent["status"]
            while status != 200:
                await pause(reactor, 0.1)
                ((status),) = [one["status"] for one in await courier.apart.again(sent)]

    return tell


@pytest.fixture
def bob(visit, courier):
    """A visitor who has said something, so that there is a contact on any kind of channel."""

    async def bob(chip) -> Visitor:
        visitor = await visit(chip)
        await visitor.start_chat()
        visitor.send("Hello", "c1")
        await visitor.expect("msg_accepted", ref="c1")
        await courier.apart.wait(1, visitor.chat_id, "msg_in")
        return visitor

    return bob


class Page:
    """What a visitor sees: each message once, by its id, in the order in which it came. All that
    comes is acknowledged, for as long as the visitor is connected."""

    def __init__(self, visitor: Visitor, before: Page | None = None) -> None:
        self.texts: dict[int, str] = dict(before.texts) if before else {}
        self._visitor = visitor
        self._reading = Deferred.fromCoroutine(self._read())

    async def _read(self) -> None:
        while self._visitor.connected:
            with suppress(AssertionError, TimeoutError, Disconnected):
                event = await self._visitor.until("chat_out")
                self._visitor.ack(event)
                self.shows_one(event)

    def shows_one(self, event: dict[str, Any]) -> None:
        self.texts.setdefault(event["msg_out"]["id"], event["msg_out"]["text"])

    async def shows(self, *texts: str) -> None:
        """Wait until it shows these in all, in this order."""
        for _ in range(400):
            if len(self.texts) >= len(texts):
                break
            await pause(reactor, 0.05)
        assert tuple(self.texts.values()) == texts


async def wipe(valkey: Valkey) -> None:
    await deferToThread(valkey.clear)


async def fall_back(valkey: Valkey) -> None:
    """Valkey dies, and starts again with what it had when it was saved."""
    await deferToThread(valkey.kill)
    await deferToThread(valkey.start)


# Who is away.


@pytest.mark.parametrize(
    ("generation", "kind"), [("10.2", "CHP"), ("26.2", "CHP"), ("26.2", "External")]
)
async def test_whoever_comes_back_after_valkey_was_wiped_is_shown_what_waited(
    chip, bob, visit, valkey, tell, all_delivered
):
    visitor = await bob(chip)
    await visitor.leave()
    rich = {"attachments": ["image/jpeg:https://x.example/a.jpg"], "quick_replies": ["Yes", "No"]}
    await tell(visitor, "before 1")
    await tell(visitor, "before 2", **rich)
    await wipe(valkey)
    await tell(visitor, "after 1")
    await tell(visitor, "after 2", **rich)
    again = await visit(chip, visitor.chat_id)
    await again.start_chat()
    shown = await again.hears("before 1", "before 2", "after 1", "after 2")
    assert what_is_said(shown[1]) == what_is_said(shown[3])
    await tell(again, "later")
    await again.hears("later")
    await again.hears_nothing()
    await all_delivered()


def what_is_said(event):
    """All of a message but what tells it from others."""
    message = event["msg_out"]
    return {name: message[name] for name in message if name not in ("id", "uuid", "time", "text")}


async def test_what_was_reported_as_delivered_is_not_shown_again(
    chip, bob, visit, valkey, tell, all_delivered
):
    visitor = await bob(chip)
    await tell(visitor, "seen")
    await visitor.hears("seen")
    await all_delivered()
    await visitor.leave()
    await tell(visitor, "not seen")
    await wipe(valkey)
    again = await visit(chip, visitor.chat_id)
    await again.start_chat()
    await again.hears("not seen")
    await again.hears_nothing()


async def test_several_tabs_on_two_chips_are_shown_it_once_each(
    start_chip, bob, visit, valkey, tell
):
    chips = [start_chip(limits="off") for _ in range(2)]
    visitor = await bob(chips[0])
    await visitor.leave()
    texts = [f"waiting {number}" for number in range(10)]
    await tell(visitor, *texts)
    await wipe(valkey)
    tabs = [await visit(chip, visitor.chat_id) for chip in (*chips, *chips)]
    await gatherResults([Deferred.fromCoroutine(tab.start_chat()) for tab in tabs])
    for tab in tabs:
        await tab.hears(*texts, ack=False)
    await tell(visitor, "later")
    for tab in tabs:
        await tab.hears("later", ack=False)
        await tab.hears_nothing()


# Who is connected.


async def test_a_connected_visitor_is_shown_what_had_not_been_sent_to_him(
    chip, bob, valkey, tell, all_delivered
):
    visitor = await bob(chip)
    texts = [f"message {number}" for number in range(WINDOW + 8)]
    await tell(visitor, *texts)
    shown = await visitor.hears(*texts[:WINDOW], ack=False)
    await wipe(valkey)
    page = Page(visitor)
    for event in shown:
        page.shows_one(event)
        visitor.ack(event)
    await page.shows(*texts)
    await all_delivered()


async def test_what_a_connected_visitor_acknowledges_after_the_wiping_is_reported(
    chip, bob, valkey, tell, all_delivered
):
    visitor = await bob(chip)
    await tell(visitor, "one", "two")
    shown = await visitor.hears("one", "two", ack=False)
    await wipe(valkey)
    visitor.ack(shown[0])
    page = Page(visitor)
    await page.shows("one")  # seven seconds: the look every five, and the two
    visitor.ack(shown[1])
    await all_delivered()


async def test_a_crowd_on_two_chips_is_shown_everything_though_valkey_is_wiped(
    start_chip, courier, channel, valkey
):
    chips = [start_chip(limits="off") for _ in range(2)]
    visitors = Visitors(courier, channel, [chip.url for chip in chips])
    await visitors.come(4, tabs=2)
    async with told(visitors):
        for _ in range(2):
            await pause(reactor, 0.5)
            await visitors.vanish()
            await wipe(valkey)
            await pause(reactor, 0.5)
    await all_shown(visitors)


@asynccontextmanager
async def told(visitors: Visitors) -> AsyncIterator[None]:
    """While this lasts, Courier talks to all visitors, who say nothing: what waits for Courier is
    lost when Valkey is."""
    is_over = False

    async def talk(chat: str) -> None:
        number = 0
        while not is_over:
            number += 1
            await visitors.tell(chat, f"courier {number} to {chat}")
            await pause(reactor, 0.03)

    talks = [Deferred.fromCoroutine(talk(chat)) for chat in visitors.chats]
    yield
    is_over = True
    await gatherResults(talks)


async def all_shown(visitors: Visitors) -> None:
    """Every chat was shown everything, in order, and nothing twice."""
    try:
        await visitors.until(lambda: not visitors.history.not_shown(), "messages to be shown")
    finally:
        await visitors.leave()
    visitors.check()


# An older state.


async def come_back(visit, chip, page: Page, visitor: Visitor) -> Page:
    """The visitor is here again, and asks for the chat until all connections are back."""
    again = await visit(chip, visitor.chat_id)
    again.command("start_chat", chat_id=again.chat_id)
    while (await again.next())["type"] != "chat_resumed":
        await pause(reactor, 0.2)
        again.command("start_chat", chat_id=again.chat_id)
    return Page(again, page)


@pytest.mark.parametrize("is_there", [True, False], ids=["connected", "away"])
async def test_valkey_comes_back_with_an_older_state(
    start_chip, bob, visit, forgetful, tell, all_delivered, is_there
):
    chip = start_chip(valkey=forgetful.url)
    visitor = await bob(chip)
    await tell(visitor, "kept")
    page = Page(visitor)
    await page.shows("kept")
    await deferToThread(forgetful.cli, "SAVE")
    if not is_there:
        await visitor.leave()
    await tell(visitor, "lost 1", "lost 2", "lost 3")
    if is_there:
        await page.shows("kept", "lost 1", "lost 2", "lost 3")
    await fall_back(forgetful)
    # As many numbers are given out anew as were lost, and more.
    await tell(visitor, "new 1", "new 2", "new 3", "new 4")
    if not is_there:
        page = await come_back(visit, chip, page, visitor)
    await page.shows("kept", "lost 1", "lost 2", "lost 3", "new 1", "new 2", "new 3", "new 4")
    await all_delivered()


@pytest.mark.parametrize("is_there", [True, False], ids=["connected", "away"])
async def test_a_replica_that_was_behind_takes_over(
    start_chip, bob, visit, watched, tell, all_delivered, is_there
):
    pair, sentinel, url = watched
    chip = start_chip(valkey=url)
    visitor = await bob(chip)
    await tell(visitor, "kept")
    page = Page(visitor)
    await page.shows("kept")
    await deferToThread(pair.link.black_hole)
    if not is_there:
        await visitor.leave()
    await tell(visitor, "lost 1", "lost 2", "lost 3")
    if is_there:
        await page.shows("kept", "lost 1", "lost 2", "lost 3")
    await deferToThread(pair.dies, [sentinel])
    await tell(visitor, "new 1", "new 2", "new 3", "new 4")
    if not is_there:
        page = await come_back(visit, chip, page, visitor)
    await page.shows("kept", "lost 1", "lost 2", "lost 3", "new 1", "new 2", "new 3", "new 4")
    await all_delivered()


async def test_a_restart_that_keeps_everything_shows_nothing_again(
    chip, bob, visit, valkey, tell, all_delivered
):
    visitor = await bob(chip)
    await tell(visitor, "one", "two")
    shown = await visitor.hears("one", "two", ack=False)
    visitor.ack(shown[0])
    await deferToThread(valkey.restart)
    await tell(visitor, "three")
    visitor.ack(shown[1])
    assert (await visitor.until("chat_out"))["msg_out"]["text"] == "three"
    await pause(reactor, 3)  # all have been compared with their rows
    visitor.command("ping")
    # The numbers jump, since some might have been lost: it is told to look at the history.
    assert [(await visitor.next())["type"] for _ in range(2)] == ["resync", "pong"]


async def test_more_waits_for_a_new_chat_than_a_window_holds(chip, visit, tell, all_delivered):
    visitor = await visit(chip)
    await visitor.start_chat()
    await visitor.leave()
    texts = [f"message {number}" for number in range(WINDOW + 8)]
    await tell(visitor, *texts)
    again = await visit(chip, visitor.chat_id)
    await again.start_chat()
    page = Page(again)
    await page.shows(*texts)
    await tell(visitor, "later")
    await page.shows(*texts, "later")
    await all_delivered()


# Watching it.


async def test_a_line_and_a_metric_tell_how_many_were_put_back(
    start_chip, bob, visit, valkey, tell
):
    chip = start_chip()
    visitor = await bob(chip)
    await visitor.leave()
    await tell(visitor, "one", "two", "three")
    await wipe(valkey)
    again = await visit(chip, visitor.chat_id)
    await again.start_chat()
    await again.hears("one", "two", "three")
    await deferToThread(eventually, lambda: "put back" in chip.log(), "a line in the log", 10)
    [line] = [line for line in chip.log().splitlines() if "put back" in line]
    assert "messages=3 chats=1" in line
    page = await deferToThread(fetch, f"{chip.ops_url}/metrics")
    assert "chip_put_back_total 3.0" in page.body.decode()
