"""Chats that are due and cannot be claimed, for however long, and what is due behind them."""

from __future__ import annotations

import pytest

from chip.chat.outbound.forwarder import TAKEN_TOGETHER
from chip.errors import Unavailable
from tests.support.commands import say
from tests.support.memory_chip import MemoryChip


class Queue:
    """Chats that nobody is at work on, of which some cannot be claimed."""

    def __init__(self, ill: int, well: int) -> None:
        self.chip = MemoryChip(new_chats_burst=1000)
        self.chip.server.stop_taking_up()
        self.ill = [self._left_behind(f"ill {number}") for number in range(ill)]
        self.well = [self._left_behind(f"well {number}") for number in range(well)]
        self.tried: list[str] = []
        self.asked: list[int] = []

    def _left_behind(self, text: str):
        visitor = self.chip.visitor()
        visitor.says({"type": "start_chat"}, say(text))
        self.chip.later(0.25)
        return visitor.chat

    def starts(self) -> None:
        """A process that is to forward them."""
        queue = self.chip.queues.process()
        claim, due = queue.spool.claim, queue.spool.due

        async def ask(limit):
            self.asked.append(limit)
            return await due(limit)

        async def try_to(chat):
            if chat in self.ill:
                self.tried.append(chat)
                raise Unavailable("refused")
            return await claim(chat)

        queue.spool.claim, queue.spool.due = try_to, ask
        self.chip.process(queue)

    def posted(self) -> list[str]:
        """What has come to Courier, which takes it."""
        found = []
        while self.chip.gateway.requests:
            request = self.chip.gateway.requests.pop(0)
            found += request.texts
            request.handle("uuid")
        return found


@pytest.mark.parametrize("ill", [TAKEN_TOGETHER, 5 * TAKEN_TOGETHER])
def test_chats_whose_claim_fails_each_time_keep_no_other_waiting_for_ever(ill):
    queue = Queue(ill, well=2)
    queue.starts()
    queue.chip.later(ill / TAKEN_TOGETHER + 1)
    assert queue.posted() == ["well 0", "well 1"]


def test_they_are_tried_again_each_second_where_nothing_else_is_due():
    queue = Queue(1, well=0)
    queue.starts()
    queue.chip.later(10)
    assert 9 <= len(queue.tried) <= 12


def test_those_that_were_tried_longest_ago_come_first():
    queue = Queue(3 * TAKEN_TOGETHER, well=0)
    queue.starts()
    queue.chip.later(9, step=0.5)
    tries = [queue.tried.count(chat) for chat in queue.ill]
    assert max(tries) - min(tries) <= 1
    assert min(tries) >= 3


def test_one_that_can_be_claimed_again_is_taken_up():
    queue = Queue(TAKEN_TOGETHER, well=1)
    queue.starts()
    queue.chip.later(3)
    queue.posted()
    queue.ill.clear()
    queue.chip.later(2)
    assert len(queue.posted()) == TAKEN_TOGETHER


def test_more_is_asked_for_only_while_some_cannot_be_claimed():
    queue = Queue(1, well=3)
    queue.starts()
    queue.chip.later(3)
    queue.posted()
    assert max(queue.asked) > TAKEN_TOGETHER
    queue.ill.clear()
    queue.chip.later(2)
    queue.posted()
    queue.asked.clear()
    queue.chip.later(3)
    assert set(queue.asked) == {TAKEN_TOGETHER}
