"""Channels that name a Courier of their own: each such Courier stops its own channels only."""

from __future__ import annotations

import pytest

from chip.models import Channel
from tests.support.commands import say, start
from tests.support.memory_chip import MemoryChip


def channel(number: int) -> Channel:
    """A channel on the Courier of that number."""
    uuid = f"a5f3c2de-0000-8000-8000-{number:012}"
    own = f"3e7e5a52-9b5e-4ee8-8f36-{number:012}"
    return Channel(uuid, number + 10, "Bearer s", own, courier=f"https://courier{number}.example")


ONE, OTHER = channel(1), channel(2)


@pytest.fixture
def chip():
    chip = MemoryChip(courier_parallel=16)
    chip.store.channels |= {one.uuid: one for one in (ONE, OTHER)}
    return chip


def say_hello(chip, channel, visitors=1):
    for number in range(visitors):
        visitor = chip.visitor(channel=channel, address=f"203.0.113.{number}")
        visitor.says(start(), say("hello"))


def fail_all(chip):
    while chip.gateway.requests:
        chip.gateway.requests.pop(0).fail("unsent")


def test_one_that_is_away_stops_neither_the_others_nor_the_one_that_chip_is_set_to(chip, log):
    say_hello(chip, ONE, visitors=6)
    fail_all(chip)
    chip.later(30)
    # Probed by one request at a time.
    assert len(chip.gateway.requests) == 1
    chip.gateway.requests.clear()
    assert chip.server.outbound.courier_is_away
    assert chip.server.outbound.courier_trouble == "courier1.example: a test's word"
    assert log.about("the circuit to Courier is open: courier1.example: a test's word")

    say_hello(chip, OTHER)
    chip.gateway.take().handle("uuid-1")
    chip.bob().says(say("hello"))
    assert chip.gateway.take().texts == ["hello"]


def test_one_that_does_not_answer_leaves_room_for_others(chip):
    say_hello(chip, ONE, visitors=12)
    hanging = len(chip.gateway.requests)
    assert hanging == 2
    chip.later(1)
    say_hello(chip, OTHER)
    assert {one.channel for one in chip.gateway.requests[hanging:]} == {OTHER}


def test_what_found_no_room_goes_when_there_is_some(chip):
    say_hello(chip, ONE, visitors=8)
    handled = 0
    for _ in range(40):
        while chip.gateway.requests:
            chip.gateway.requests.pop(0).handle(f"uuid-{handled}")
            handled += 1
        chip.later(1)
    assert handled == 8


def test_when_it_is_back_all_goes(chip):
    say_hello(chip, ONE, visitors=6)
    fail_all(chip)
    handled = 0
    for _ in range(60):
        while chip.gateway.requests:
            chip.gateway.requests.pop(0).handle(f"uuid-{handled}")
            handled += 1
        chip.later(1)
    assert handled == 6
    assert not chip.server.outbound.courier_is_away
    assert chip.server.outbound.courier_trouble == ""
