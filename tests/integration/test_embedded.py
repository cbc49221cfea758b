"""A Chip on SQLite loses nothing either: with RapidPro and without, killed or restarted."""

from __future__ import annotations

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.tasks import pause
from tests.support.chip_process import ChipProcess
from tests.support.desk_api import TOKEN, DeskApi
from tests.support.visitors import Visitors

VISITORS = 6


@pytest.fixture
def alone(tmp_path):
    """A Chip that runs alone, and somebody at its desk."""
    with ChipProcess(
        directory=tmp_path, limits="off", ops_listen="off", desk_token=TOKEN, desk_guide=False
    ) as chip:
        chip.secrets.add(TOKEN)
        yield chip, DeskApi(tmp_path / "chip-data")
    chip.check_log()


async def test_chip_alone_is_killed_again_and_again(alone):
    chip, desk = alone
    visitors = Visitors(desk, desk.channel(), [chip.url])
    await visitors.come(VISITORS)
    async with visitors.talking():
        for _ in range(3):
            await pause(reactor, 0.5)
            await deferToThread(chip.kill)
            await deferToThread(chip.start)
    await visitors.come_to_rest()
    assert "F" not in desk.states()


async def test_chip_alone_is_restarted_under_load(alone):
    chip, desk = alone
    visitors = Visitors(desk, desk.channel(), [chip.url])
    await visitors.come(VISITORS)
    async with visitors.talking():
        await pause(reactor, 0.5)
        assert await deferToThread(chip.stop) in (0, -15)
        await deferToThread(chip.start)
        await pause(reactor, 0.5)
    await visitors.come_to_rest()
    assert "F" not in desk.states()


async def test_embedded_queues_with_rapidpro_survive_a_kill(start_chip, courier, channel):
    chip = start_chip(valkey=None, limits="off")
    visitors = Visitors(courier, channel, [chip.url])
    await visitors.come(VISITORS)
    async with visitors.talking():
        for _ in range(2):
            await pause(reactor, 0.5)
            await deferToThread(chip.kill)
            await deferToThread(chip.start)
    await visitors.come_to_rest()


async def test_the_embedded_store_works_with_valkeys_queues(tmp_path, valkey):
    with ChipProcess(
        directory=tmp_path,
        limits="off",
        ops_listen="off",
        valkey=valkey.url,
        desk_token=TOKEN,
        desk_guide=False,
    ) as chip:
        desk = DeskApi(tmp_path / "chip-data")
        visitors = Visitors(desk, desk.channel(), [chip.url])
        await visitors.come(2)
        async with visitors.talking():
            await pause(reactor, 0.5)
        await visitors.come_to_rest()
    chip.check_log()
