"""Acknowledgements while the queue is away: kept, tried again, never lost, never without bounds."""

from __future__ import annotations

import pytest

from chip.chat.outbound import acknowledger
from chip.chat.outbound.acknowledger import RETRY_EVERY
from chip.models import Report
from tests.support.scene import Scene


def ack(*msg_ids):
    return [{"type": "ack_chat", "msg_id": msg_id} for msg_id in msg_ids]


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def bob(scene):
    return scene.bob()


def waiting(scene, bob):
    return [one.name.id for one in scene.queues.chats[bob.chat].items]


def reported(scene):
    """What Courier hears, each request answered as it comes."""
    found = []
    scene.later(3)
    while scene.gateway.requests:
        request = scene.gateway.take()
        found += request.reports
        request.handle()
        scene.later(3)
    return found


def test_acks_of_a_full_window_that_cannot_be_stored_are_stored_when_the_queue_is_back(scene, bob):
    for msg_id in range(1, 41):
        scene.send(msg_id)
    assert bob.is_shown() == list(range(1, 33))
    scene.queues.away = True
    bob.says(*ack(*range(1, 33)))
    scene.later(2)
    assert bob.hears() == []

    scene.queues.come_back()
    scene.later(3)
    assert bob.is_shown() == list(range(33, 41))
    assert waiting(scene, bob) == list(range(33, 41))
    scene.send(41)
    assert bob.is_shown() == [41]
    assert reported(scene) == [Report("delivered", msg_id) for msg_id in range(1, 33)]


def test_what_was_seen_is_shown_again_on_no_open_connection_while_its_ack_is_kept(scene, bob):
    scene.send(1)
    assert bob.is_shown() == [1]
    scene.queues.away = True
    bob.says(*ack(1))
    scene.queues.away = False
    scene.heart.hub.interrupted()
    assert bob.is_shown() == []


def test_a_kept_ack_outlives_its_visitor(scene, bob):
    scene.send(1)
    chat = bob.chat
    scene.queues.away = True
    bob.says(*ack(1))
    bob.leaves()
    scene.queues.come_back()
    scene.later(RETRY_EVERY)
    assert scene.queues.chats[chat].items == []


def test_a_stop_tries_once_more_to_store_what_is_kept(scene, bob):
    scene.send(1)
    scene.queues.away = True
    bob.says(*ack(1))
    scene.queues.away = False
    scene.stop()
    assert waiting(scene, bob) == []


def test_when_too_much_is_kept_the_visitor_is_told_which_ack_failed(scene, bob, monkeypatch):
    monkeypatch.setattr(acknowledger, "MOST_KEPT", 1)
    scene.send(1)
    scene.send(2, msg={"id": None, "uuid": "u2"})
    bob.hears()
    scene.queues.away = True
    bob.says(*ack(1, "u2"))
    error = bob.hears_one()
    assert (error["code"], error["command"], error["msg_id"]) == ("unavailable", "ack_chat", "u2")


def test_an_ack_that_can_never_be_stored_keeps_no_other_waiting(scene, bob, expected_failures):
    scene.send(1)
    scene.send(2)
    scene.queues.away = True
    bob.says(*ack(1, 2))
    scene.queues.away = False
    store, calls = scene.queue.outbox.ack, []

    async def fails_once(*args, **named):
        calls.append(args)
        if len(calls) == 1:
            raise ZeroDivisionError
        return await store(*args, **named)

    scene.queue.outbox.ack = fails_once
    scene.later(RETRY_EVERY)
    expected_failures.take(ZeroDivisionError)
    assert waiting(scene, bob) == [1]
