"""Acknowledgements while the queue is away: kept, tried again, never lost, never without bounds."""

from __future__ import annotations

import pytest

from chip.chat.outbound import acknowledger
from chip.chat.outbound.acknowledger import RETRY_EVERY
from chip.models import Report
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
