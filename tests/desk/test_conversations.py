"""The desk's list of conversations, and what its windows hear while they are open."""

from __future__ import annotations

import pytest_twisted

transcript = pytest_twisted.ensureDeferred


@transcript
async def test_a_stream_shows_that_it_lives_and_ends_when_the_desk_stops(desk):
    await desk.sit_down()
    window = await desk.watch()
    desk.clock.advance(15)
    await window.until("pulse")
    desk.desk.send_away()
    await window.closed
