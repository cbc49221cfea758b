"""``--check``: every part is asked, and every answer is a line."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chip.app.check import PATIENCE, Probe, run
from chip.errors import Unavailable


async def well() -> str:
    return "tables of release 26.2"


async def away() -> str:
    raise Unavailable("it does not answer")


async def broken() -> str:
    raise OSError(111, "Connection refused by bob@example.com")


async def silent() -> str:
    return await Deferred()


@pytest_twisted.ensureDeferred
async def test_all_well():
    lines: list[str] = []
    assert await run(Clock(), [Probe("database", well)], lines.append)
    assert lines == ["ok      database: tables of release 26.2"]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (away, "FAILED  valkey: it does not answer"),
        (
            broken,
            "FAILED  valkey: ConnectionRefusedError: [Errno 111] Connection refused by <email>",
        ),
    ],
)
async def test_one_that_fails_says_why_and_does_not_hide_the_others(ask, line):
    lines: list[str] = []
    probes = [Probe("valkey", ask), Probe("database", well)]
    assert not await run(Clock(), probes, lines.append)
    assert lines == [line, "ok      database: tables of release 26.2"]


def test_one_that_never_answers_is_given_up():
    clock = Clock()
    lines: list[str] = []
    done = Deferred.fromCoroutine(run(clock, [Probe("Courier", silent)], lines.append))
    clock.advance(PATIENCE)
    assert done.result is False
    assert lines == ["FAILED  Courier: no answer within 10 seconds"]
