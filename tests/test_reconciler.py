"""Outboxes that have lost messages have them back from the database, in order, and once."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta

import pytest

from chip.chat import reconciler
from chip.chat.observer import Observer
from chip.models import Contact, Report
from tests.support.memory_chip import BOB, CHANNEL, MemoryChip
from tests.support.slow import Slow


class Counts(Observer):
    def __init__(self) -> None:
        self.messages: list[int] = []

    def put_back(self, messages: int) -> None:
        self.messages.append(messages)


class Rapidpro:
    """Chip with a database that knows what Courier has handed over."""

    def __init__(self, **limits) -> None:
        self.observer = Counts()
        self.chip = MemoryChip(reconciles=True, observer=self.observer, **limits)
        self.store = self.chip.store
        self.chip.later(10)

    def wires(self, *numbers: int, contact: Contact = BOB) -> None:
        """Courier hands messages over, and notes that."""
        for number in numbers:
            self.row(number, contact=contact)
            self.chip.send(number, chat_id=contact.chat_id)

    def row(self, number: int, contact: Contact = BOB, ago: float = 0) -> None:
        """The row of such a message."""
        at = datetime.fromtimestamp(self.chip.clock.seconds() - ago, UTC)
        self.store.sent(
            contact.id,
            f"text {number}",
            at,
            f"uuid-{number}",
            number,
            status="W",
            sent_on=at,
            origin="flow",
        )

    def loses_everything(self, but=None) -> None:
        """Valkey is wiped, and that has been noticed for a while."""
        self.chip.queues.lose(but)
        self.chip.later(3)

    def asked(self) -> int:
        """How many times the database was asked since the last time."""
        asked, self.store.queries = self.store.queries, 0
        return asked


@pytest.fixture
def rapidpro():
    return Rapidpro()


def ack(number):
    return {"type": "ack_chat", "msg_id": number}


def kinds(visitor):
    return [
        event["msg_out"]["id"] if "msg_out" in event else event["type"] for event in visitor.hears()
    ]


# Who comes back.


def test_whoever_comes_back_is_shown_what_was_lost_before_anything_new(rapidpro):
    rapidpro.wires(10, 11, 12)
    rapidpro.loses_everything()
    rapidpro.wires(13)
    visitor = rapidpro.chip.bob_again()
    rapidpro.wires(14)
    assert kinds(visitor) == ["chat_resumed", 10, 11, 12, 13, 14]
    assert rapidpro.observer.messages == [3]


def test_what_he_acknowledges_then_is_reported(rapidpro):
    rapidpro.wires(10)
    rapidpro.loses_everything()
    visitor = rapidpro.chip.bob()
    visitor.says(ack(10))
    rapidpro.chip.later(2)
    assert rapidpro.chip.gateway.take().reports == [Report("delivered", 10, "uuid-10")]


def test_while_nothing_was_lost_the_database_is_asked_once_for_a_chat(rapidpro):
    rapidpro.chip.bob().leaves()
    rapidpro.asked()
    rapidpro.chip.bob().leaves()
    without = MemoryChip()
    without.bob().leaves()
    before = without.store.queries
    without.bob().leaves()
    assert rapidpro.asked() == without.store.queries - before


def test_a_chat_that_starts_has_lost_nothing_and_nobody_is_asked(rapidpro, monkeypatch):
    monkeypatch.setattr(rapidpro.store, "wired", None)
    visitor = rapidpro.chip.visitor()
    visitor.says({"type": "start_chat"})
    assert kinds(visitor) == ["chat_started"]


def test_without_a_database_of_rapidpros_nobody_is_asked():
    chip = MemoryChip()
    chip.store.wired = None
    chip.queues.lose()
    assert kinds(chip.bob_again()) == ["chat_resumed"]


def test_several_tabs_and_processes_fill_once(rapidpro):
    rapidpro.wires(10, 11)
    rapidpro.loses_everything()
    elsewhere = rapidpro.chip.process()
    tabs = [rapidpro.chip.bob_again(server) for server in (None, None, elsewhere)]
    for tab in tabs:
        assert kinds(tab) == ["chat_resumed", 10, 11]
    assert rapidpro.observer.messages == [2]


def test_whoever_waits_is_told_to_fetch_what_another_tab_acknowledges_meanwhile(rapidpro):
    first = rapidpro.chip.visitor()
    first.says({"type": "start_chat"})
    rapidpro.chip.queues.lose()
    second = rapidpro.chip.visitor()
    second.says({"type": "start_chat", "chat_id": first.chat_id})
    rapidpro.chip.send(10, chat_id=first.chat_id)
    first.says(ack(10))
    rapidpro.chip.later(3)
    assert kinds(second) == ["chat_resumed", "resync"]


def test_commands_do_not_wait_for_it(rapidpro):
    rapidpro.chip.queues.lose()
    visitor = rapidpro.chip.bob_again()
    visitor.says({"type": "send_msg", "text": "Hi", "ref": "c1"})
    assert kinds(visitor) == ["chat_resumed", "msg_accepted"]


# Who is connected.


def test_after_an_interruption_what_was_lost_is_shown_and_nothing_twice(rapidpro):
    visitor = rapidpro.chip.bob()
    rapidpro.wires(10, 11)
    visitor.says(ack(10))
    assert visitor.is_shown() == [10, 11]
    rapidpro.chip.queue.subscribed.clear()  # news gets lost
    rapidpro.wires(12)
    rapidpro.loses_everything()
    rapidpro.chip.queue.subscribed.add(visitor.chat)
    rapidpro.chip.queues.come_back()
    # 10 was acknowledged, but the report was lost, too.
    assert visitor.is_shown() == [10, 12]


def test_what_a_wiped_outbox_had_not_sent_yet_is_sent_as_acks_make_room():
    rapidpro = Rapidpro(window_messages=2)
    visitor = rapidpro.chip.bob()
    rapidpro.wires(10, 11, 12, 13)
    assert visitor.is_shown() == [10, 11]
    rapidpro.loses_everything()
    visitor.says(ack(10))
    # The outbox that knew 10 is gone, and is filled before the acknowledgement comes to it.
    assert visitor.is_shown() == [12]
    visitor.says(ack(11), ack(12))
    assert visitor.is_shown() == [13]


def test_what_is_being_acknowledged_does_not_come_again_with_what_was_lost():
    rapidpro = Rapidpro(window_messages=2)
    visitor = rapidpro.chip.bob()
    rapidpro.wires(10, 11)
    kept = copy.deepcopy(dict(rapidpro.chip.queues.chats))
    rapidpro.wires(12)
    assert visitor.is_shown() == [10, 11]
    rapidpro.loses_everything(but=kept)
    slow = Slow(rapidpro.chip.queue.outbox, "ack")
    visitor.says(ack(10), ack(11))
    assert visitor.is_shown() == [12]
    slow.answers_all()
    rapidpro.chip.queues.come_back()
    assert visitor.is_shown() == []
    visitor.leaves()
    assert rapidpro.chip.bob_again().is_shown() == [12]


def test_what_another_tab_acknowledges_meanwhile_does_not_come_again_either():
    rapidpro = Rapidpro(window_messages=2)
    here, there = rapidpro.chip.bob(), rapidpro.chip.bob()
    rapidpro.wires(10, 11)
    kept = copy.deepcopy(dict(rapidpro.chip.queues.chats))
    rapidpro.wires(12)
    assert here.is_shown() == there.is_shown() == [10, 11]
    rapidpro.loses_everything(but=kept)
    slow = Slow(rapidpro.chip.queue.outbox, "read", works_first=True)
    here.says(ack(11))
    slow.answers()  # so the outbox is filled, and read from its beginning
    there.says(ack(10))
    slow.answers_all()
    assert here.is_shown() == there.is_shown() == [12]


def test_an_acknowledgement_that_was_lost_is_asked_for_again(rapidpro):
    visitor = rapidpro.chip.bob()
    rapidpro.wires(10, 11)
    kept = copy.deepcopy(dict(rapidpro.chip.queues.chats))
    visitor.says(ack(10))
    assert visitor.is_shown() == [10, 11]
    rapidpro.loses_everything(but=kept)
    rapidpro.chip.queues.come_back()
    # 11 is in flight.
    assert visitor.is_shown() == [10]
    visitor.says(ack(10), ack(11))
    rapidpro.chip.later(2)
    assert len(rapidpro.chip.gateway.take().reports) == 2


def test_news_after_a_loss_comes_behind_what_was_lost(rapidpro):
    visitor = rapidpro.chip.bob()
    rapidpro.chip.queue.subscribed.clear()
    rapidpro.wires(10)
    rapidpro.chip.queue.subscribed.add(visitor.chat)
    rapidpro.loses_everything()
    rapidpro.wires(11)
    assert visitor.is_shown() == [10, 11]


# When.


def test_rows_are_believed_once_courier_has_had_time_to_write_them(rapidpro):
    visitor = rapidpro.chip.bob()
    visitor.leaves()
    rapidpro.chip.queues.lose()
    again = rapidpro.chip.bob()
    rapidpro.row(10, ago=1)  # handed over before the loss, and noted only now
    rapidpro.chip.later(1)
    assert again.is_shown() == []
    rapidpro.chip.later(1.5)
    assert again.is_shown() == [10]


def test_while_the_database_is_away_what_waits_is_shown_and_the_rest_comes_later(rapidpro):
    rapidpro.wires(10)
    rapidpro.loses_everything()
    rapidpro.wires(11)
    rapidpro.store.away = True
    visitor = rapidpro.chip.bob_again()
    assert kinds(visitor) == ["chat_resumed", 11]
    rapidpro.store.away = False
    rapidpro.chip.later(reconciler.LOOK_UP_AGAIN_AFTER)
    # 11 is in flight, so it need not be shown again.
    assert visitor.is_shown() == [10]


def test_a_full_outbox_takes_the_rest_as_it_gets_room():
    rapidpro = Rapidpro(outbox_messages=2)
    for number in (10, 11, 12, 13):
        rapidpro.row(number)
    rapidpro.loses_everything()
    visitor = rapidpro.chip.bob_again()
    assert kinds(visitor) == ["chat_resumed", 10, 11]
    visitor.says(ack(10), ack(11))
    rapidpro.chip.later(reconciler.LOOK_UP_AGAIN_AFTER)
    assert visitor.is_shown() == [12, 13]


def contacts(rapidpro, count: int) -> list[Contact]:
    """More visitors."""
    made = [Contact(id=n, urn_id=n, chat_id=f"{n:024}") for n in range(1000, 1000 + count)]
    rapidpro.store.contacts |= {(CHANNEL.org_id, contact.chat_id): contact for contact in made}
    return made


def resume(rapidpro, contact: Contact):
    visitor = rapidpro.chip.visitor(address=f"198.51.100.{contact.id % 200}")
    visitor.says({"type": "start_chat", "chat_id": contact.chat_id})
    return visitor


def test_however_many_come_back_a_few_are_looked_up_at_a_time(rapidpro, monkeypatch):
    everybody = contacts(rapidpro, 20)
    for contact in everybody:
        rapidpro.row(contact.id * 10, contact=contact)
    rapidpro.loses_everything()
    slow = Slow(rapidpro.store, "wired")
    visitors = [resume(rapidpro, contact) for contact in everybody]
    rounds = 0
    while slow.waiting:
        assert len(slow.waiting) <= reconciler.AT_ONCE
        slow.answers()
        rounds += 1
    assert rounds == 20 / reconciler.AT_ONCE
    for contact, visitor in zip(everybody, visitors, strict=True):
        assert kinds(visitor) == ["chat_resumed", contact.id * 10]


def test_nobody_waits_long_for_his_turn_and_what_was_shown_too_early_is_not_lost(
    rapidpro, monkeypatch
):
    rapidpro.wires(10)
    rapidpro.loses_everything()
    rapidpro.wires(11)
    slow = Slow(rapidpro.store, "wired")
    visitor = rapidpro.chip.bob()
    assert visitor.is_shown() == []
    rapidpro.chip.later(reconciler.PATIENCE)
    assert visitor.is_shown() == [11]
    slow.answers()
    assert visitor.is_shown() == [10]
    visitor.says(ack(10), ack(11))
    rapidpro.wires(12)
    assert visitor.is_shown() == [12]


def test_thousands_who_have_left_are_passed_over(rapidpro, monkeypatch):
    first, second, *others, last = contacts(rapidpro, 2003)
    rapidpro.loses_everything()
    slow = Slow(rapidpro.store, "wired")
    resume(rapidpro, first)
    resume(rapidpro, second)
    for other in others:
        resume(rapidpro, other).leaves()
    resume(rapidpro, last)
    slow.answers()
    assert len(slow.waiting) == 1


def test_when_chip_stops_nobody_waits_any_more(rapidpro, monkeypatch):
    slow = Slow(rapidpro.store, "wired")
    visitors = [resume(rapidpro, contact) for contact in contacts(rapidpro, 5)]
    rapidpro.chip.server.stop_taking_up()
    slow.answers()
    assert slow.waiting == []
    for visitor in visitors:
        visitor.leaves()
    rapidpro.chip.stop()


# What is told.


def test_one_line_tells_how_many_messages_were_put_back(rapidpro, log):
    everybody = contacts(rapidpro, 3)
    for contact in everybody:
        rapidpro.row(contact.id * 10, contact=contact)
        rapidpro.row(contact.id * 10 + 1, contact=contact)
    rapidpro.loses_everything()
    for contact in everybody:
        resume(rapidpro, contact)
    rapidpro.chip.later(reconciler.TELL_AFTER + 1)
    assert len(log.about("put back")) == 1
    assert (log.fields("messages"), log.fields("chats")) == ([6], [3])
    assert rapidpro.observer.messages == [2, 2, 2]


def test_what_a_contact_has_of_another_time_is_left_alone(rapidpro):
    rapidpro.row(10, ago=timedelta(days=15).total_seconds())
    rapidpro.loses_everything()
    assert kinds(rapidpro.chip.bob_again()) == ["chat_resumed"]
