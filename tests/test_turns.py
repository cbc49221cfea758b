"""Whose turn it is: what one address says waits while others are heard."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from chip.web.turns import WINDOW, Turns

CROWD, OTHER = "198.51.100.66", "203.0.113.9"


class Room:
    """Who has been heard, in order; three of an address at a time."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.turns = Turns(self.clock, 3)
        self.heard: list[int] = []

    def says(self, address: str, *numbers: int) -> None:
        """Each by a connection of its own."""
        for number in numbers:
            if self.turns.take(address, lambda number=number: self.heard.append(number)):
                self.heard.append(number)

    def next_turn(self) -> None:
        """Of a reactor, which leaves what it is asked for meanwhile to the one after; a clock that
        is set forward does not."""
        (due,) = self.clock.getDelayedCalls()
        go_on = due.func
        due.cancel()
        go_on()

    def hears_no_more(self) -> None:
        assert self.clock.getDelayedCalls() == []


@pytest.fixture
def room():
    return Room()


def test_what_one_address_says_too_much_is_heard_in_the_next_turns_and_in_order(room):
    room.says(CROWD, *range(8))
    assert room.heard == [0, 1, 2]
    room.next_turn()
    assert room.heard == [0, 1, 2, 3, 4, 5]
    room.next_turn()
    assert room.heard == list(range(8))
    room.hears_no_more()


def test_others_are_heard_at_once_meanwhile(room):
    room.says(CROWD, *range(8))
    room.says(OTHER, 100)
    assert room.heard == [0, 1, 2, 100]


def test_what_is_said_while_others_of_the_address_wait_comes_after_them(room):
    room.says(CROWD, *range(7))
    room.clock.rightNow += WINDOW
    room.says(CROWD, 7)
    room.next_turn()
    assert room.heard == [0, 1, 2, 3, 4, 5]
    room.next_turn()
    assert room.heard == list(range(8))


def test_after_a_moment_an_address_has_said_nothing(room):
    room.says(CROWD, 0, 1, 2)
    room.clock.advance(WINDOW)
    room.says(CROWD, 3, 4, 5)
    assert room.heard == list(range(6))
    room.hears_no_more()


def test_nobody_in_particular_never_waits(room):
    room.says("", *range(8))
    assert room.heard == list(range(8))


def test_whoever_fails_keeps_nobody_from_being_heard(room):
    def fails() -> None:
        raise RuntimeError

    room.says(CROWD, 0, 1, 2)
    room.turns.take(CROWD, fails)
    room.says(CROWD, 3)
    with pytest.raises(RuntimeError):
        room.next_turn()
    room.next_turn()
    assert room.heard == [0, 1, 2, 3]


def test_at_the_end_nobody_waits(room):
    room.says(CROWD, *range(8))
    room.turns.close()
    room.hears_no_more()
