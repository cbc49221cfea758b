"""How late the tests' own reactor is."""

from __future__ import annotations

import time

import pytest_twisted
from twisted.internet import reactor

from chip.tasks import pause
from tests.support.lateness import Lateness


@pytest_twisted.ensureDeferred
async def test_what_holds_up_the_reactor_is_seen_while_it_does():
    with Lateness() as lateness:
        await pause(reactor, 0.05)
        began = time.time()
        time.sleep(0.3)
        ended = time.time()
        await pause(reactor, 0.05)
    assert 0.25 < lateness.worst(began, ended) <= lateness.worst(began - 1, ended + 1)
    assert lateness.worst(began - 2, began - 1) == 0
