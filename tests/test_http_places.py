"""Who has a place among the HTTP connections, and who makes way when there is none."""

from __future__ import annotations

import tracemalloc
from typing import Any, NamedTuple

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory

from chip.ops.proxy_protocol import ProxiedFactory
from chip.web.http.memory import MemoryBudget
from chip.web.http.server import MAX_HTTP_CONNECTIONS
from tests.support.web import CHANNEL, Counts, Listener, Wire, request

pytestmark = pytest.mark.private_parts

STRANGER, COURIER, VISITOR = "198.51.100.66", "192.0.2.10", "203.0.113.9"
POST = request(f"/wc/send/{CHANNEL}", "POST", b'{"msg":{}}')
HALF_A_HEAD, HALF_A_BODY = b"GET / HTTP/1.1\r\nHost: x\r\n", POST[:-5]


@pytest.fixture
def counts():
    return Counts()


@pytest.fixture
def listener(counts):
    return Listener(observer=counts)


def begins(listener: Listener, host: str, said: bytes = b"") -> Wire:
    """Somebody from an address comes, and says something."""
    wire = listener.connects(host)
    if said:
        wire.says(said)
    return wire


def is_served(wire: Wire) -> bool:
    wire.says(POST)
    return wire.answer().status == 200


def open_ones(wires: list[Wire]) -> list[Wire]:
    return [wire for wire in wires if wire.is_open]


# All places are taken.


def takes_no_answer(listener: Listener) -> Wire:
    wire = listener.connects(STRANGER)
    wire.fill()
    wire.says(request("/"))
    return wire


GREEDY = {
    "says nothing": lambda listener: begins(listener, STRANGER),
    "half a head": lambda listener: begins(listener, STRANGER, HALF_A_HEAD),
    "half a body": lambda listener: begins(listener, STRANGER, HALF_A_BODY),
    "one request and no other": lambda listener: begins(listener, STRANGER, request("/")),
    "takes no answer": takes_no_answer,
}


@pytest.mark.parametrize("another", GREEDY.values(), ids=GREEDY)
def test_a_stranger_who_takes_all_places_keeps_nobody_out(listener, counts, another):
    kept = begins(listener, COURIER)
    held: list[Wire] = []
    for _ in range(6):
        held = open_ones(held)
        held += [another(listener) for _ in range(4200 - len(held))]
        assert is_served(kept)
        assert is_served(listener.connects(COURIER))
        assert listener.connects(VISITOR).upgrades().status == 101
        assert begins(listener, VISITOR, request("/")).answer().status == 200
        listener.clock.advance(0.9)
    assert len(open_ones(held)) <= MAX_HTTP_CONNECTIONS
    assert set(counts.cuts) <= {"made_way", "unfinished"}


def test_a_stranger_with_all_addresses_of_a_site_counts_as_one(listener):
    kept = begins(listener, COURIER)
    for number in range(4200):
        begins(listener, f"2001:db8:7:{number:x}::1", HALF_A_HEAD)
    assert is_served(kept)
    assert listener.connects("2001:db8:8::1").upgrades().status == 101


def test_places_are_counted_over_all_that_is_waited_for(listener):
    visitors = [
        begins(listener, VISITOR, request("/")) for _ in range(MAX_HTTP_CONNECTIONS // 2 - 500)
    ]
    halves = [HALF_A_HEAD, HALF_A_BODY, request("/")]
    strangers = [
        begins(listener, STRANGER, halves[number % 3])
        for number in range(MAX_HTTP_CONNECTIONS // 2 + 500)
    ]
    for _ in range(100):
        listener.connects(COURIER)
    assert open_ones(visitors) == visitors
    assert open_ones(strangers) == strangers[100:]


def test_a_request_in_hand_never_makes_way(listener, counts):
    listener.server.lookups.wait = Deferred()
    in_hand = [
        begins(listener, STRANGER, request(f"/wc/connect/{CHANNEL}"))
        for _ in range(MAX_HTTP_CONNECTIONS)
    ]
    assert not listener.connects(VISITOR).is_open
    assert counts.cuts == ["no_place"]
    listener.server.lookups.wait.callback(None)
    assert {wire.answer().status for wire in in_hand} == {426, 429}
    assert listener.connects(VISITOR).is_open


WRAPPED = {
    "PROXY protocol": ProxiedFactory,
    "TLS": lambda site: TLSMemoryBIOFactory(
        CertificateOptions(), isClient=False, wrappedFactory=site
    ),
}


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED)
def test_who_finds_no_place_behind_a_wrapper_is_let_go_too(listener, counts, wrapped):
    listener.server.lookups.wait = Deferred()
    for _ in range(MAX_HTTP_CONNECTIONS):
        begins(listener, STRANGER, request(f"/wc/connect/{CHANNEL}"))
    assert not Wire(wrapped(listener.site), VISITOR).is_open
    assert counts.cuts == ["no_place"]


def test_a_request_that_came_behind_another_is_in_hand_too(listener):
    listener.server.lookups.wait = Deferred()
    wire = begins(listener, STRANGER, request("/") + request(f"/wc/connect/{CHANNEL}"))
    assert wire.answer().status == 200
    for _ in range(MAX_HTTP_CONNECTIONS):
        listener.connects(VISITOR)
    assert wire.is_open


# An address keeps many requests unfinished.


@pytest.mark.parametrize("half", [b"", HALF_A_HEAD, HALF_A_BODY], ids=["nothing", "head", "body"])
def test_of_the_unfinished_requests_of_an_address_the_newest_50_stay(listener, counts, half):
    wires = [begins(listener, STRANGER, half) for _ in range(60)]
    neighbour = begins(listener, VISITOR, half)
    listener.clock.advance(0.9)
    assert len(open_ones(wires)) == 60
    listener.clock.advance(0.2)
    assert open_ones(wires) == wires[10:]
    assert neighbour.is_open
    assert counts.cuts == ["unfinished"] * 10


def test_a_crowd_behind_one_address_is_served(listener, counts):
    wires = [begins(listener, STRANGER, HALF_A_BODY) for _ in range(500)]
    listener.clock.advance(0.9)
    for wire in wires:
        wire.says(POST[len(HALF_A_BODY) :])
        assert wire.answer().status == 200
    listener.clock.advance(10)
    assert len(open_ones(wires)) == 500
    assert counts.cuts == []


def test_a_kept_connection_counts_again_once_it_begins_a_request(listener):
    wires = [begins(listener, STRANGER, request("/")) for _ in range(60)]
    listener.clock.advance(5)
    for wire in wires:
        wire.says(HALF_A_HEAD)
    listener.clock.advance(1.1)
    assert len(open_ones(wires)) == 50


def test_behind_a_proxy_it_is_its_visitors_bodies_that_count(counts):
    listener = Listener(observer=counts, trusted=("192.0.2.0/24",))
    heads = [begins(listener, COURIER, HALF_A_HEAD) for _ in range(100)]
    bodies = [
        begins(
            listener, COURIER, HALF_A_BODY.replace(b"\r\n", b"\r\nX-Forwarded-For: %b\r\n" % of, 1)
        )
        for of in [b"198.51.100.66", b"203.0.113.9"] * 60
    ]
    listener.clock.advance(1.1)
    assert len(open_ones(heads)) == 100
    assert open_ones(bodies) == bodies[20:]
    for wire in open_ones(bodies):
        wire.says(POST[len(HALF_A_BODY) :])
        assert wire.answer().status == 200


def test_by_the_proxy_protocol_it_is_the_peer_that_counts_of_which_it_tells(listener):
    def comes(host: bytes) -> Wire:
        wire = Wire(ProxiedFactory(listener.site, listener.clock.seconds), COURIER)
        wire.says(b"PROXY TCP4 %b 192.0.2.1 4242 8070\r\n" % host, HALF_A_HEAD)
        return wire

    strangers = [comes(b"198.51.100.66") for _ in range(60)]
    others = [comes(b"203.0.113.%d" % number) for number in range(60)]
    listener.clock.advance(1.1)
    assert open_ones(strangers) == strangers[10:]
    assert len(open_ones(others)) == 60


# Unfinished requests hold memory.

MIB = 1024 * 1024
LARGE = request(f"/wc/send/{CHANNEL}", "POST", bytes(MIB))[:-1]
LONG = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 31_000


@pytest.mark.parametrize("half", [LARGE, LONG, LONG + b"\r\n"], ids=["body", "line", "head"])
def test_all_unfinished_requests_hold_no_more_than_64_mib(listener, counts, half):
    strangers = [begins(listener, STRANGER, half) for _ in range(70 * MIB // len(half))]
    held = len(open_ones(strangers)) * len(half)
    assert 55 * MIB < held <= 64 * MIB
    assert set(counts.cuts) == {"memory"}
    for wire in open_ones(strangers):
        wire.leaves()
    assert len(open_ones([begins(listener, VISITOR, LARGE) for _ in range(60)])) == 60


def test_who_holds_little_memory_keeps_it_and_is_served(listener):
    courier = begins(listener, COURIER, LARGE)
    small = begins(listener, VISITOR, HALF_A_BODY)
    for _ in range(200):
        begins(listener, STRANGER, LARGE)
    assert courier.is_open
    courier.says(b"\0")
    small.says(POST[len(HALF_A_BODY) :])
    assert courier.answer().status == small.answer().status == 200


class Size(int):
    """A number of bytes that counts how often sizes are added up."""

    added = 0

    def __radd__(self, other: int) -> int:
        Size.added += 1
        return int(self) + other


class Holder(NamedTuple):
    address: str
    number: int


def test_making_room_adds_up_each_size_once_and_once_more_when_it_is_dropped():
    dropped = []

    def drop(holder: Holder) -> None:
        dropped.append(holder)
        budget.release(holder)

    budget = MemoryBudget[Any](1999, drop)
    for number in range(2000):
        budget.hold(Holder(STRANGER, number), Size(1))
    assert len(dropped) == 201
    assert 0 < Size.added <= 2000 + len(dropped)


def test_what_is_whole_holds_nothing(listener, counts):
    for _ in range(100):
        wire = begins(listener, COURIER)
        wire.says(LARGE, b"\0")
        assert wire.answer().status == 200
    assert counts.cuts == []


@pytest.mark.parametrize("path", [f"/wc/connect/{CHANNEL}", f"/wc/availability/{CHANNEL}"])
def test_a_request_in_hand_keeps_no_body_that_nobody_reads(listener, path):
    listener.server.lookups.wait = Deferred()
    tracemalloc.start()
    in_hand = [begins(listener, STRANGER, request(path, "GET", bytes(MIB))) for _ in range(20)]
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2 * MIB
    assert len(open_ones(in_hand)) == 20


# What operators hear of it.


def test_a_minute_of_cuts_is_one_log_line(listener, log):
    for _ in range(3):
        for _ in range(52):
            begins(listener, STRANGER, HALF_A_HEAD)
        listener.clock.advance(20)
    assert log.about() == [
        "warn: 1 connections were cut: an address had too many unfinished requests"
        " (the last one from 198.51.100.66)"
    ]
    listener.clock.advance(30)
    for _ in range(52):
        begins(listener, STRANGER, HALF_A_HEAD)
    listener.clock.advance(1.1)
    assert log.about()[1].startswith("warn: 6 connections were cut")
