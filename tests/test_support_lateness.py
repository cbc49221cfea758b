"""How late the tests' own reactor is."""

from __future__ import annotations

import time

import pytest
import pytest_twisted
from twisted.internet import reactor

from chip.tasks import pause
from tests.support.lateness import Lateness


def sleep(seconds: float) -> None:
    """Block the reactor without using the CPU: that is what is to be seen."""
    time.sleep(seconds)


def work(seconds: float) -> None:
    """Use the CPU for so long."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("hold_up", [sleep, work])
async def test_what_holds_up_the_reactor_is_seen_while_it_does(hold_up):
    before = time.time()
    with Lateness() as lateness:
        await pause(reactor, 0.05)
        began = time.time()
        hold_up(0.3)
        ended = time.time()
        await pause(reactor, 0.05)
    late = lateness.worst(began, ended)
    assert 0.25 < late <= lateness.worst(began - 1, ended + 1)
    assert lateness.worst(before - 1, before) == 0
    assert 0.25 < lateness.total(began, ended) <= ended - began
    assert lateness.total(before - 1, before) == 0
    without_cpu = lateness.worst(began, ended, without_cpu=True)
    assert without_cpu > 0.25 if hold_up is sleep else without_cpu <= late - 0.25
