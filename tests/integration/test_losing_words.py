"""Valkey comes back as it was a while ago, and Courier is told nothing twice."""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.tasks import pause
from tests.support.valkey import Valkey
from tests.support.visitor import Visitor


@pytest.fixture
def forgetful():
    """A Valkey that keeps what it had when it was told to `SAVE`."""
    with Valkey(settings={"appendonly": "no"}) as valkey:
        yield valkey


async def say(visitor: Visitor, *texts: str) -> None:
    """Say these, each until it is accepted."""
    for text in texts:
        visitor.send(text, text)
        while (await visitor.next())["type"] != "msg_accepted":
            await pause(reactor, 0.1)
            visitor.send(text, text)


async def test_what_was_taken_since_valkey_was_saved_is_not_told_again(
    start_chip, visit, forgetful, courier
):
    visitor = await visit(start_chip(valkey=forgetful.url))
    await visitor.start_chat()
    await say(visitor, "Hello")
    await courier.apart.wait(1, visitor.chat_id, "msg_in")
    courier.fail(503)
    await say(visitor, "one", "two")
    await deferToThread(forgetful.cli, "SAVE")
    courier.heal()
    await courier.apart.wait(3, visitor.chat_id, "msg_in")
    await deferToThread(forgetful.kill)
    await deferToThread(forgetful.start)
    await say(visitor, "three")
    await courier.apart.wait(4, visitor.chat_id, "msg_in")
    assert courier.texts(visitor.chat_id) == ["Hello", "one", "two", "three"]
