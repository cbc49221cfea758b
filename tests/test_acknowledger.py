"""Acknowledgements while the queue is away: kept, tried again, never lost, never without bounds."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from chip.chat.outbound import acknowledger
from chip.chat.outbound.acknowledger import RETRY_EVERY
from chip.errors import Unavailable
from chip.models import Report
from chip.tasks import pause
from tests.support.memory_chip import MemoryChip


def ack(*msg_ids):
    return [{"type": "ack_chat", "msg_id": msg_id} for msg_id in msg_ids]


@pytest.fixture
def chip():
    return MemoryChip()


@pytest.fixture
def bob(chip):
    return chip.bob()


def waiting(chip, bob):
    return [one.name.id for one in chip.queues.chats[bob.chat].items]


def reported(chip):
    """What Courier hears, each request answered as it comes."""
    found = []
    chip.later(3)
    while chip.gateway.requests:
        request = chip.gateway.take()
        found += request.reports
        request.handle()
        chip.later(3)
    return found


def test_acks_of_a_full_window_that_cannot_be_stored_are_stored_when_the_queue_is_back(chip, bob):
    for msg_id in range(1, 41):
        chip.send(msg_id)
    assert bob.is_shown() == list(range(1, 33))
    chip.queues.away = True
    bob.says(*ack(*range(1, 33)))
    chip.later(2)
    assert bob.hears() == []

    chip.queues.come_back()
    chip.later(3)
    assert bob.is_shown() == list(range(33, 41))
    assert waiting(chip, bob) == list(range(33, 41))
    chip.send(41)
    assert bob.is_shown() == [41]
    assert reported(chip) == [Report("delivered", msg_id) for msg_id in range(1, 33)]


def test_what_was_seen_is_shown_again_on_no_open_connection_while_its_ack_is_kept(chip, bob):
    chip.send(1)
    assert bob.is_shown() == [1]
    chip.queues.away = True
    bob.says(*ack(1))
    chip.queues.away = False
    chip.server.hub.interrupted()
    assert bob.is_shown() == []


def test_a_kept_ack_outlives_its_visitor(chip, bob):
    chip.send(1)
    chat = bob.chat
    chip.queues.away = True
    bob.says(*ack(1))
    bob.leaves()
    chip.queues.come_back()
    chip.later(RETRY_EVERY)
    assert chip.queues.chats[chat].items == []


def test_a_stop_tries_once_more_to_store_what_is_kept(chip, bob):
    chip.send(1)
    chip.queues.away = True
    bob.says(*ack(1))
    chip.queues.away = False
    chip.stop()
    assert waiting(chip, bob) == []


def test_when_too_much_is_kept_the_visitor_is_told_which_ack_failed(chip, bob, monkeypatch):
    monkeypatch.setattr(acknowledger, "MOST_KEPT", 1)
    chip.send(1)
    chip.send(2, msg={"id": None, "uuid": "u2"})
    bob.hears()
    chip.queues.away = True
    bob.says(*ack(1, "u2"))
    error = bob.hears_one()
    assert (error["code"], error["command"], error["msg_id"]) == ("unavailable", "ack_chat", "u2")


def test_of_an_address_no_more_is_kept_than_its_sockets_can_have_under_way():
    chip = MemoryChip(sockets_per_address=2, window_messages=3)
    bob, elsewhere = chip.bob(), chip.visitor(address="198.51.100.4")
    elsewhere.says({"type": "start_chat", "chat_id": bob.chat_id})
    elsewhere.hears()
    chip.queues.away = True
    bob.says(*ack(*range(1, 8)))
    (error,) = bob.hears()
    assert (error["code"], error["msg_id"]) == ("unavailable", 7)
    bob.says(*ack(1))
    assert bob.hears() == []
    elsewhere.says(*ack(*range(11, 17)))
    assert elsewhere.hears() == []
    chip.queues.come_back()
    chip.later(RETRY_EVERY)
    chip.queues.away = True
    bob.says(*ack(*range(21, 27)))
    assert bob.hears() == []


def test_an_ack_that_can_never_be_stored_keeps_no_other_waiting(chip, bob, expected_failures):
    chip.send(1)
    chip.send(2)
    chip.queues.away = True
    bob.says(*ack(1, 2))
    chip.queues.away = False
    store, calls = chip.queue.outbox.ack, []

    async def fails_once(*args, **named):
        calls.append(args)
        if len(calls) == 1:
            raise ZeroDivisionError
        return await store(*args, **named)

    chip.queue.outbox.ack = fails_once
    chip.later(RETRY_EVERY)
    expected_failures.take(ZeroDivisionError)
    assert waiting(chip, bob) == [1]


# A queue that refuses some chats, and takes others.


@pytest.fixture
def alice(chip):
    alice = chip.visitor(address="198.51.100.4")
    alice.says({"type": "start_chat"})
    alice.hears()
    return alice


class Refuses:
    """The outbox stores nothing for some chats. It counts what it is asked."""

    def __init__(self, chip, *chats):
        self._store = chip.queue.outbox.ack
        self.chats = chats
        self.asked = []
        chip.queue.outbox.ack = self._ack

    async def _ack(self, chat, name):
        self.asked.append(chat)
        if chat in self.chats:
            raise Unavailable("refused")
        return await self._store(chat, name)


@pytest.fixture
def both_kept(chip, bob, alice, monkeypatch):
    """Bob's acknowledgements are kept, and so is Alice's, which came later. Few are tried at once,
    and Bob's are still refused."""
    monkeypatch.setattr(acknowledger, "ACKS_TRIED_TOGETHER", 2)
    for msg_id in (1, 2, 3, 4, 5):
        chip.send(msg_id)
    chip.send(6, chat_id=alice.chat_id)
    chip.queues.away = True
    bob.says(*ack(1, 2, 3, 4, 5))
    alice.says(*ack(6))
    chip.queues.away = False
    return Refuses(chip, bob.chat)


def test_acks_that_are_always_refused_keep_no_others_waiting(chip, bob, alice, both_kept):
    chip.later(3 * RETRY_EVERY)
    assert waiting(chip, alice) == []
    both_kept.chats = ()
    chip.later(3 * RETRY_EVERY)
    assert waiting(chip, bob) == []


def test_at_a_stop_all_others_are_stored_and_those_are_told(chip, alice, both_kept, log):
    chip.stop()
    assert waiting(chip, alice) == []
    assert log.fields("count") == [5]


def test_while_none_are_taken_no_more_are_tried_than_so_many_each_time(chip, bob, alice, both_kept):
    both_kept.chats = (bob.chat, alice.chat)
    chip.later(4 * RETRY_EVERY)
    assert len(both_kept.asked) == 8


def test_one_round_of_tries_ends_before_the_next_one_begins(chip, bob, both_kept):
    """Also where each takes long, some are taken, and more come meanwhile."""
    store, under_way, most = chip.queue.outbox.ack, 0, 0

    async def takes_long(chat, name):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await pause(chip.clock, 1.5)
        under_way -= 1
        if name.id % 2:
            raise Unavailable("refused")
        both_kept.chats = ()
        return await store(chat, name)

    chip.queue.outbox.ack = takes_long
    for msg_id in (7, 9, 11, 13):
        chip.send(msg_id)
        bob.says(*ack(msg_id))
        chip.later(2)
    assert most == 3


def test_a_stop_begins_no_more_tries_where_they_take_long(chip, both_kept, log):
    asked = []

    async def takes_long(chat, name):
        asked.append(chat)
        await pause(chip.clock, 3)
        raise Unavailable("refused")

    chip.queue.outbox.ack = takes_long
    chip.server.stop_taking_up()
    stopping = Deferred.fromCoroutine(chip.server.finish(10))
    chip.later(4)
    assert stopping.called
    assert len(asked) == 2
    assert log.fields("count") == [6]
