"""External channels in trouble: nothing is lost, shown twice or said twice, and what was seen stays
delivered.
"""

from __future__ import annotations

import json

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.tasks import pause
from tests.support.process import eventually
from tests.support.visitors import Visitors

VISITORS = 6


@pytest.fixture
def kind():
    return "External"


async def test_whoever_dies_or_answers_nonsense_nothing_is_lost_or_doubled(
    start_chip, courier, channel, page, rapidpro
):
    chip = start_chip(limits="off")
    chip.secrets |= {channel.uuid}
    visitors = Visitors(courier, channel, [chip.url], page=page)
    await visitors.come(VISITORS)
    async with visitors.talking():
        await pause(reactor, 0.3)
        await courier.apart.hang_up(times=2, work=True)
        await pause(reactor, 0.3)
        await courier.apart.fault(status=200, body="<h1>Back soon</h1>", times=2)
        await pause(reactor, 0.3)
        await deferToThread(chip.kill)
        await deferToThread(chip.start)
        await pause(reactor, 0.3)
        await courier.apart.deaf()
        await pause(reactor, 1)
        await courier.apart.heal()
    await visitors.come_to_rest()

    def delivered():
        return not rapidpro.rows("SELECT 1 FROM msgs_msg WHERE direction = 'O' AND status != 'D'")

    await deferToThread(eventually, delivered, "every message to be reported", 60)


async def test_what_courier_does_not_store_is_told_and_tried_again(chip, visit, courier):
    bob = await visit(chip)
    await bob.start_chat()
    await courier.apart.configure(full=True)
    bob.send("hello?", "a")
    await bob.expect("msg_accepted", ref="a")
    await deferToThread(eventually, lambda: "does not store" in chip.log(), "a line", 30)
    await courier.apart.configure(full=False)

    def taken():
        return courier.texts(bob.chat_id) == ["hello?"]

    await deferToThread(eventually, taken, "the message to be stored", 60)


async def test_while_couriers_database_is_away_nothing_is_rejected(chip, visit, courier):
    bob = await visit(chip)
    await bob.start_chat()
    refused = {"type": "error", "error": "dial tcp 127.0.0.1:5432: connect: connection refused"}
    answer = json.dumps({"message": "Error", "data": [refused]})
    await courier.apart.fault(status=400, body=answer, times=2)
    bob.send("hello?", "a")
    await bob.expect("msg_accepted", ref="a")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    await bob.hears_nothing()
