"""An outbox that may have lost something is read anew, however many windows that takes."""

from __future__ import annotations

import copy

from tests.support.memory_chip import Visitor
from tests.support.slow import Slow
from tests.test_reconciler import Rapidpro, ack


def shown_to_the_end(rapidpro: Rapidpro, visitor: Visitor) -> list[int]:
    """What the visitor is shown while he acknowledges all of it."""
    shown: list[int] = []
    while more := visitor.is_shown():
        shown += more
        for number in more:
            visitor.says(ack(number))
        rapidpro.chip.later(10)
    return shown


def back_after_a_loss(rapidpro: Rapidpro, *numbers: int) -> Visitor:
    """Bob, who comes back when everything was lost and these had been handed over."""
    rapidpro.loses_everything()
    rapidpro.wires(*numbers)
    visitor = rapidpro.chip.bob_again()
    rapidpro.chip.later(10)
    return visitor


def test_all_that_was_lost_comes_as_acks_make_room():
    rapidpro = Rapidpro(window_messages=2)
    visitor = back_after_a_loss(rapidpro, 10, 11, 12, 13, 14)
    assert shown_to_the_end(rapidpro, visitor) == [10, 11, 12, 13, 14]


def test_so_does_all_that_waits_for_a_new_chat_of_which_nothing_was_lost():
    rapidpro = Rapidpro(window_messages=2)
    first = rapidpro.chip.visitor()
    first.says({"type": "start_chat"})
    chat_id = first.chat_id
    first.leaves()
    for number in (10, 11, 12, 13, 14):
        rapidpro.chip.send(number, chat_id=chat_id)
    again = rapidpro.chip.visitor()
    again.says({"type": "start_chat", "chat_id": chat_id})
    rapidpro.chip.later(10)
    assert shown_to_the_end(rapidpro, again) == [10, 11, 12, 13, 14]
    rapidpro.chip.send(15, chat_id=chat_id)
    assert again.is_shown() == [15]


def test_news_meanwhile_comes_behind_what_waits():
    rapidpro = Rapidpro(window_messages=2)
    visitor = back_after_a_loss(rapidpro, 10, 11, 12, 13)
    assert visitor.is_shown() == [10, 11]
    visitor.says(ack(10))
    rapidpro.wires(14)
    assert visitor.is_shown() == [12]
    for number in (11, 12):
        visitor.says(ack(number))
    assert shown_to_the_end(rapidpro, visitor) == [13, 14]


def test_more_acknowledgements_that_were_lost_than_a_window_holds_are_all_asked_for_again():
    rapidpro = Rapidpro(window_messages=2)
    visitor = rapidpro.chip.bob()
    rapidpro.wires(10, 11, 12, 13, 14)
    before = copy.deepcopy(dict(rapidpro.chip.queues.chats))
    shown_to_the_end(rapidpro, visitor)
    rapidpro.loses_everything(but=before)
    rapidpro.chip.queues.come_back()
    assert shown_to_the_end(rapidpro, visitor) == [10, 11, 12, 13, 14]


def test_a_reading_that_fails_in_between_begins_anew_as_well():
    rapidpro = Rapidpro()
    rapidpro.chip.bob().leaves()
    rapidpro.loses_everything()
    rapidpro.wires(10, 11, 12)
    slow = Slow(rapidpro.chip.queue.outbox, "fill", works_first=True)
    again = rapidpro.chip.bob_again()
    rapidpro.chip.later(3)
    rapidpro.chip.queues.away = True
    slow.answers()
    rapidpro.chip.queues.away = False
    rapidpro.chip.later(3)
    assert again.is_shown() == [10, 11, 12]


def test_an_interruption_in_between_shows_nothing_twice():
    rapidpro = Rapidpro(window_messages=2)
    visitor = back_after_a_loss(rapidpro, 10, 11, 12, 13)
    assert visitor.is_shown() == [10, 11]
    visitor.says(ack(10))
    assert visitor.is_shown() == [12]
    rapidpro.chip.queues.come_back()
    rapidpro.chip.later(10)
    for number in (11, 12):
        visitor.says(ack(number))
    assert shown_to_the_end(rapidpro, visitor) == [13]
