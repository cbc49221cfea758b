"""Connections of the HTTP server, in memory and on a clock: deadlines, answers and the end."""

from __future__ import annotations

import gc
import weakref

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from chip.errors import NotFound, Unavailable
from chip.web.http.answers import Answer
from chip.web.http.request import Request
from tests.support.web import CHANNEL, Listener, masked, request

pytestmark = pytest.mark.private_parts

# Connections.


def test_a_connection_takes_one_request_after_the_other():
    wire = Listener().connects()
    for _ in range(3):
        wire.says(request("/"))
        assert wire.answer().status == 200


def test_requests_in_one_packet_are_answered_in_order():
    wire = Listener().connects()
    wire.says(request("/") + request("/nowhere") + request("/"))
    assert [wire.answer().status for _ in range(3)] == [200, 404, 200]


def test_a_connection_may_become_a_websocket_after_other_requests():
    wire = Listener().connects()
    wire.says(request("/"))
    assert wire.answer().status == 200
    assert wire.upgrades().status == 101


def test_a_connection_that_should_close_is_closed():
    wire = Listener().connects()
    wire.says(request("/", Connection="close"))
    assert wire.answer().status == 200
    assert not wire.is_open


def test_a_peer_that_says_nothing_is_dropped_after_5_seconds():
    listener = Listener()
    wire = listener.connects()
    listener.clock.advance(4.9)
    assert wire.is_open
    listener.clock.advance(0.1)
    assert wire.was_reset


def test_a_peer_that_says_a_little_now_and_then_is_dropped_after_5_seconds():
    listener = Listener()
    wire = listener.connects()
    wire.says(b"GET / HTTP/1.1\r\n")
    for number in range(49):
        listener.clock.advance(0.1)
        wire.says(b"X-Slow-%d: x\r\n" % number)
    listener.clock.advance(0.11)
    assert wire.was_reset


def test_a_second_request_has_5_seconds_from_its_first_byte():
    listener = Listener()
    wire = listener.connects()
    wire.says(request("/"))
    listener.clock.advance(60)
    wire.says(b"GET")
    listener.clock.advance(4.9)
    assert wire.is_open
    listener.clock.advance(0.2)
    assert wire.was_reset


@pytest.mark.parametrize("part", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x"])
def test_a_part_of_a_second_request_behind_the_first_has_5_seconds_too(part):
    listener = Listener()
    wire = listener.connects()
    wire.says(request("/") + part)
    assert wire.answer().status == 200
    listener.clock.advance(4.9)
    assert wire.is_open
    listener.clock.advance(0.2)
    assert wire.was_reset


def test_an_idle_connection_is_kept_longer_than_courier_keeps_it():
    listener = Listener()
    wire = listener.connects()
    wire.says(request("/"))
    listener.clock.advance(110)
    assert wire.is_open
    listener.clock.advance(11)
    assert not wire.is_open


def test_a_body_has_10_seconds():
    listener = Listener()
    wire = listener.connects()
    wire.says(request(f"/wc/send/{CHANNEL}", "POST", b"x" * 100)[:-50])
    for _ in range(10):
        assert wire.is_open
        listener.clock.advance(1)
        if wire.reading:
            wire.says(b"x")
    assert wire.was_reset


def test_a_request_in_hand_may_take_as_long_as_it_takes():
    listener = Listener()
    listener.server.lookups.wait = Deferred()
    wire = listener.connects()
    wire.says(request(f"/wc/connect/{CHANNEL}"))
    listener.clock.advance(1000)
    listener.server.lookups.wait.callback(None)
    assert wire.answer().status == 426


def test_a_peer_that_does_not_take_the_last_answer_is_dropped_after_15_seconds():
    listener = Listener()
    wire = listener.connects()
    wire.fill()
    wire.says(request("/", Connection="close"))
    listener.clock.advance(14.9)
    assert wire.is_open
    listener.clock.advance(0.2)
    assert wire.was_reset


def test_a_peer_that_takes_no_answer_is_not_read_and_dropped_after_15_seconds():
    listener = Listener()
    wire = listener.connects()
    wire.fill()
    wire.says(request("/"))
    assert not wire.reading
    listener.clock.advance(14.9)
    assert wire.is_open
    listener.clock.advance(0.2)
    assert wire.was_reset


def test_a_peer_that_takes_its_answers_late_is_kept():
    listener = Listener()
    wire = listener.connects()
    for _ in range(5):
        wire.fill()
        wire.says(request("/"))
        listener.clock.advance(10)
        wire.drain()
    assert wire.is_open


def test_a_flood_of_requests_in_one_packet_is_cut():
    wire = Listener().connects()
    wire.says(request("/") * 500)
    assert wire.out.count(b"HTTP/1.1 200 OK") == 17
    assert not wire.is_open


# Answers.


@pytest.mark.parametrize(
    ("raised", "status", "told"),
    [
        (NotFound("no such thing"), 404, {"error": "no such thing"}),
        (Unavailable("away", retry_after=7), 503, {"error": "away", "retry_after": 7}),
        (RuntimeError("SELECT 1"), 500, {"error": "something went wrong here"}),
    ],
)
def test_what_a_handler_raises_is_its_answer(raised, status, told, expected_failures):
    async def raises(asked: Request) -> Answer:
        raise raised

    answer = Listener(mounts={"/x": raises}).asked("/x")
    assert (answer.status, answer.json) == (status, told)
    assert answer.headers.get("retry-after") == ("7" if status == 503 else None)
    if status == 500:
        expected_failures.take(RuntimeError)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (200, "OK"),
        (426, "Upgrade Required"),
        (429, "Too Many Requests"),
        (503, "Service Unavailable"),
    ],
)
def test_a_status_has_its_name(status, name):
    async def answers(asked: Request) -> Answer:
        return Answer(status, b"")

    wire = Listener(mounts={"/x": answers}).connects()
    wire.says(request("/x"))
    assert wire.out.startswith(f"HTTP/1.1 {status} {name}\r\n".encode())


def test_a_handler_that_takes_a_request_over_answers_by_itself():
    taken: list[Request] = []

    async def takes(asked: Request) -> None:
        asked.write(b"one")
        taken.append(asked)

    wire = Listener(mounts={"/x": takes}).connects()
    wire.says(request("/x"))
    taken[0].write(b"two")
    taken[0].finish()
    assert wire.out.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert b"\r\nServer: Chip\r\n" in wire.out


# What it costs, and the end.


@pytest.mark.parametrize(
    "said", [b"", b"GET / HT", request("/"), request("/", "POST", b"x" * 9)[:-3], request("/x")]
)
def test_a_connection_that_is_gone_leaves_nothing_to_collect(said):
    listener = Listener()
    wire = listener.connects()
    ref = weakref.ref(wire.protocol)
    if said:
        wire.says(said)
    gc.disable()
    try:
        wire.leaves()
        assert ref() is None
    finally:
        gc.enable()


def test_a_connection_that_became_a_websocket_leaves_no_http_behind():
    listener = Listener()
    wire = listener.connects()
    ref = weakref.ref(wire.protocol)
    gc.disable()
    try:
        assert wire.upgrades().status == 101
        assert ref() is None
    finally:
        gc.enable()


def test_a_peer_that_leaves_while_it_waits_for_an_answer_is_forgotten():
    listener = Listener()
    listener.server.lookups.wait = Deferred()
    wire = listener.connects()
    wire.says(request(f"/wc/connect/{CHANNEL}"))
    wire.leaves()
    listener.server.lookups.wait.callback(None)
    assert wire.out == b""


def drain(listener: Listener, deadline: float = 10) -> Deferred[None]:
    return ensureDeferred(listener.site.drain(deadline))


def test_stopping_lets_requests_in_hand_finish_and_idle_connections_go():
    listener = Listener()
    listener.server.lookups.wait = Deferred()
    idle, busy = listener.connects(), listener.connects()
    idle.says(request("/"))
    busy.says(request(f"/wc/connect/{CHANNEL}"))
    done = drain(listener)
    assert not idle.is_open
    assert not done.called
    listener.server.lookups.wait.callback(None)
    assert busy.answer().status == 503
    assert not busy.is_open
    assert done.called


def test_stopping_still_answers_who_was_let_in_and_is_about_to_ask():
    listener = Listener()
    asks, is_silent = listener.connects(), listener.connects()
    done = drain(listener)
    listener.clock.advance(0.5)
    asks.says(request("/"))
    assert asks.answer().status == 200
    assert not asks.is_open
    assert is_silent.is_open
    assert not done.called
    listener.clock.advance(0.5)
    assert not is_silent.is_open
    assert done.called


def test_stopping_waits_for_what_somebody_who_has_gone_had_asked_for():
    listener = Listener()
    listener.server.lookups.wait = Deferred()
    wire = listener.connects()
    wire.says(request(f"/wc/connect/{CHANNEL}"))
    wire.leaves()
    done = drain(listener)
    assert not done.called
    listener.server.lookups.wait.callback(None)
    assert done.called


def test_stopping_waits_no_longer_than_it_may():
    listener = Listener()
    listener.server.lookups.wait = Deferred()
    wire = listener.connects()
    wire.says(request(f"/wc/connect/{CHANNEL}"))
    done = drain(listener, 5)
    listener.clock.advance(4.9)
    assert not done.called
    listener.clock.advance(0.1)
    assert done.called
    assert wire.was_reset


def test_stopping_drops_whoever_has_not_taken_the_last_answer_by_then():
    listener = Listener()
    wire = listener.connects()
    wire.fill()
    done = drain(listener, 10)
    wire.says(request("/"))
    listener.clock.advance(9.9)
    assert wire.is_open
    listener.clock.advance(0.1)
    assert wire.was_reset
    assert done.called


def test_after_stopping_no_timer_is_left():
    listener = Listener()
    wire = listener.connects()
    assert wire.upgrades().status == 101
    done = drain(listener)
    listener.clock.advance(0.1)
    assert wire.close_code() == 1012
    wire.says(masked(b"\x03\xf4", opcode=8))
    assert done.called
    assert listener.clock.getDelayedCalls() == []
