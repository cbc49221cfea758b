"""A part is away under load: the log says so at once, once a minute, and at the end.

A minute lasts two seconds here.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.tasks import pause
from tests.support.fetch import fetch
from tests.support.visitors import Visitors

MINUTE = 2.0
AWAY_FOR = 3 * MINUTE
PROBE_EVERY = 0.3

_LINE = re.compile(r"^\S+ (?:info|warn|error) chip\.[\w.]+ (.*)$", re.MULTILINE)


@pytest.fixture
def quick_chip(start_chip, with_constants):
    """A Chip with short minutes."""
    return start_chip(env=with_constants({"chip.throttle.SAME_KIND_EVERY": MINUTE}), limits="off")


@pytest_twisted.async_fixture
async def visitors(quick_chip, courier, channel):
    visitors = Visitors(courier, channel, [quick_chip.url], pipelined=False)
    await visitors.come(8)
    return visitors


def lines(chip) -> list[str]:
    """What Chip has said so far, without what it says of each connection."""
    return [line for line in _LINE.findall(chip.log()) if " closed with " not in line]


async def told_of(chip, visitors, away, back, times=0) -> list[str]:
    """What is logged while eight visitors talk and `away` was called, until `back` was: for a
    while, and until it was told so many times."""
    before = len(lines(chip))
    async with visitors.talking():
        await away()
        until = reactor.seconds() + AWAY_FOR
        while reactor.seconds() < until or told_away(lines(chip)[before:]) < times:
            await pause(reactor, PROBE_EVERY)
            await deferToThread(fetch, f"{chip.ops_url}/readyz")
        await back()
    while (await deferToThread(fetch, f"{chip.ops_url}/readyz")).status != 200:
        await pause(reactor, PROBE_EVERY)
    await visitors.come_to_rest()
    return lines(chip)[before:]


def told_away(told: list[str]) -> int:
    """How often it was said that Valkey or the database is away."""
    return sum("is away" in line for line in told)


def assert_told(told: list[str], begins: str, ends: str) -> None:
    """A line at the beginning, one a minute, one at the end, and as few of what that stops."""
    assert told[0].startswith(begins), told
    assert [line for line in told if line.startswith(ends)] == [told[-1]], told
    kinds = Counter(" ".join(line.split()[:6]) for line in told)
    lasted = float(re.search(r"seconds=([\d.]+)", told[-1])[1])
    assert max(kinds.values()) <= 2 + lasted / MINUTE, told
    assert len(kinds) <= 5, told


async def test_valkey_away(quick_chip, visitors, valkey):
    told = await told_of(
        quick_chip,
        visitors,
        lambda: deferToThread(valkey.kill),
        lambda: deferToThread(valkey.start),
        times=3,
    )
    assert_told(told, "Valkey is away: ", "Valkey is back")
    assert told_away(told) >= 3, told


async def test_postgresql_away(quick_chip, visitors, postgres):
    told = await told_of(
        quick_chip,
        visitors,
        lambda: deferToThread(postgres.stop),
        lambda: deferToThread(postgres.start),
        times=3,
    )
    told = [line for line in told if "ourier" not in line]  # it has lost the same database
    assert_told(told, "the database is away: ", "the database is back")
    assert told_away(told) >= 3, told


async def test_courier_away(quick_chip, visitors, courier):
    told = await told_of(quick_chip, visitors, courier.apart.deaf, courier.apart.heal)
    assert_told(told, "Courier does not take a request: ", "Courier takes requests again")
