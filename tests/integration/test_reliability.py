"""Nothing that was accepted is lost, nothing is shown twice, and order holds, whatever dies.

Each test lets visitors talk in both directions while something goes wrong, and counts afterwards.
"""

from __future__ import annotations

from collections import Counter

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.tasks import pause
from tests.support.process import eventually
from tests.support.visitors import Visitors

VISITORS = 8
CUTS = 30
GOES_ON_WITHIN = 28.0
"""Seconds after Valkey is back, or after what arrived last, until a chat goes on that has not
arrived whole. A claim whose answer was lost, and that is not taken up, takes 40."""


@pytest.fixture
def visitors_at(courier, channel):
    """Visitors of these Chips in turn."""
    return lambda *chips, **how: Visitors(courier, channel, [chip.url for chip in chips], **how)


async def test_chip_is_killed_again_and_again(start_chip, visitors_at):
    chip = start_chip(limits="off")
    visitors = visitors_at(chip)
    await visitors.come(VISITORS)
    async with visitors.talking():
        for _ in range(3):
            await pause(reactor, 0.5)
            await deferToThread(chip.kill)
            await deferToThread(chip.start)
    await visitors.come_to_rest()


async def test_one_of_two_chips_is_killed_and_the_other_takes_over(start_chip, visitors_at):
    chips = [start_chip(limits="off") for _ in range(2)]
    visitors = visitors_at(*chips)
    await visitors.come(VISITORS)
    async with visitors.talking():
        await pause(reactor, 0.5)
        await deferToThread(chips[0].kill)
        await pause(reactor, 0.5)
        await deferToThread(chips[0].start)
    await visitors.come_to_rest()


async def test_a_rolling_restart_under_load(start_chip, visitors_at):
    chips = [start_chip(limits="off") for _ in range(2)]
    visitors = visitors_at(*chips)
    await visitors.come(VISITORS)
    async with visitors.talking():
        for chip in chips:
            await pause(reactor, 0.3)
            assert await deferToThread(chip.stop) in (0, -15)
            await deferToThread(chip.start)
    await visitors.come_to_rest()


async def test_valkey_is_restarted_under_connected_visitors(start_chip, visitors_at, valkey):
    chip = start_chip(limits="off")
    visitors = visitors_at(chip, pipelined=False)
    await visitors.come(VISITORS)
    async with visitors.talking():
        await pause(reactor, 0.5)
        await deferToThread(valkey.restart)
        await pause(reactor, 0.5)
        await deferToThread(valkey.kill)
        await deferToThread(valkey.start)
        await pause(reactor, 0.5)
    assert all(tab.visitor.close_code is None for tab in visitors.tabs)
    await visitors.come_to_rest()


async def test_answers_of_valkey_are_lost_again_and_again(
    start_chip, visitors_at, valkey, proxied, courier, rapidpro
):
    """What was asked for has happened, and Chip does not know: no chat waits for long, nothing is
    forwarded twice, and every report comes."""
    proxy = proxied(valkey.port)
    chip = start_chip(limits="off", valkey=valkey.url_of(5, port=proxy.port))
    visitors = visitors_at(chip, pipelined=False)
    await visitors.come(VISITORS)
    async with visitors.talking():
        for _ in range(CUTS):
            await deferToThread(proxy.cut_after, 1, "down")
            await pause(reactor, 0.25)
    await deferToThread(proxy.heal)
    went_on = {
        chat: (len(await courier.apart.texts(chat)), reactor.seconds()) for chat in visitors.chats
    }
    await visitors.until(visitors.has_said_all, "everything to be accepted")
    accepted = Counter(said.chat for said in visitors.history.accepted("in"))
    while not await visitors.all_arrived():
        for chat, (before, at) in went_on.items():
            arrived = len(await courier.apart.texts(chat))
            if arrived > before:
                went_on[chat] = arrived, reactor.seconds()
            elif arrived < accepted[chat]:
                assert reactor.seconds() - at < GOES_ON_WITHIN
        await pause(reactor, 0.1)
    await visitors.come_to_rest()

    def delivered():
        return not rapidpro.rows("SELECT 1 FROM msgs_msg WHERE direction = 'O' AND status != 'D'")

    await deferToThread(eventually, delivered, "every message to be reported", 10)


async def test_postgresql_is_restarted_under_connected_visitors(start_chip, visitors_at, postgres):
    chip = start_chip(limits="off")
    visitors = visitors_at(chip, pipelined=False)
    await visitors.come(VISITORS)
    async with visitors.talking():
        await pause(reactor, 0.5)
        await deferToThread(postgres.restart)
        await pause(reactor, 0.5)
    await visitors.come_to_rest()


async def test_two_tabs_on_two_chips_come_and_go(start_chip, visitors_at):
    chips = [start_chip(limits="off") for _ in range(2)]
    visitors = visitors_at(*chips)
    await visitors.come(VISITORS // 2, tabs=2)
    async with visitors.talking():
        for _ in range(5):
            for _ in ("one half", "the other"):
                await visitors.vanish()
                await pause(reactor, 0.2)
    await visitors.come_to_rest()


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param({"status": 500}, id="answers 500"),
        pytest.param({"status": 400, "body": "<html>no</html>"}, id="is a proxy that says 400"),
        pytest.param({"delay": 0.7}, id="is slow"),
    ],
)
async def test_courier_is_in_trouble_for_a_while(start_chip, visitors_at, courier, trouble):
    chip = start_chip(limits="off")
    visitors = visitors_at(chip)
    await visitors.come(VISITORS)
    async with visitors.talking():
        await pause(reactor, 0.3)
        await courier.apart.fault(**trouble)
        await pause(reactor, 2)
        await courier.apart.heal()
    await visitors.come_to_rest()


async def test_courier_does_the_work_or_not_and_the_answer_is_lost(
    start_chip, visitors_at, courier
):
    chip = start_chip(limits="off")
    visitors = visitors_at(chip)
    await visitors.come(VISITORS)

    async def hung_up() -> int:
        return sum(request["status"] == -1 for request in await courier.apart.requests())

    async with visitors.talking():
        for number, work in enumerate((True, False), 1):
            await courier.apart.hang_up(times=VISITORS // 2, work=work)
            while await hung_up() < number * VISITORS // 2:
                await pause(reactor, 0.1)
    await visitors.come_to_rest()
    assert await hung_up() == VISITORS
