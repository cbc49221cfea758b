"""The listener's HTTP side: routes, answers, limits and deadlines, in memory and on a clock."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.web.resource import Resource

import chip
from chip.limits import Limits
from chip.web.site import MAX_CONNECTIONS
from tests.support.web import CHANNEL, Answer, FakeHeart, Wire, build_site, masked, request


class Listener:
    """A site, its clock, and whoever connects."""

    def __init__(self, limits: dict[str, Any] | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.heart = FakeHeart()
        self.site = build_site(
            self.heart,
            self.clock,
            msgspec.structs.replace(Limits(), **(limits or {})),
            **options,
        )

    def connects(self) -> Wire:
        return Wire(self.site)

    def asked(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """The answer to one request on a connection of its own."""
        wire = self.connects()
        wire.says(request(path, method, **headers))
        return wire.answer()


class Echo(Resource):
    """Says what it was asked."""

    isLeaf = True

    def render(self, asked: Any) -> bytes:
        return b"|".join([asked.method, *asked.prepath, b"*", *asked.postpath])


class Broken(Resource):
    isLeaf = True

    def render(self, asked: Any) -> bytes:
        raise RuntimeError("broken")


# Routes.


def test_the_root_tells_the_version():
    answer = Listener().asked("/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == b'{"version":"%s"}' % chip.__version__.encode()


def test_a_head_of_the_root_has_no_body():
    wire = Listener().connects()
    wire.says(request("/", "HEAD"))
    assert wire.out.startswith(b"HTTP/1.1 200 OK\r\n")
    assert wire.out.endswith(b"\r\n\r\n")


def test_the_root_takes_nothing_else():
    answer = Listener().asked("/", "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "get, head")
    assert answer.json == {"error": "method not allowed"}


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "/wc",
        "/wc/connect/",
        f"/wc/connect/{CHANNEL}//",
        f"/wc/connect/{CHANNEL.upper()}",
        f"/wc/connect/{CHANNEL[:-1]}",
        f"/wc/connect/{CHANNEL.replace('-', '')}",
        f"/wc/connect/{CHANNEL}/x",
        f"/wc//connect/{CHANNEL}",
        f"/wc/connect/%37{CHANNEL[1:]}",
        f"/wc/receive/{CHANNEL}",
        f"/wc/send/{CHANNEL}//",
        "/favicon.ico",
        "*",
    ],
)
def test_everything_else_is_not_found(path):
    answer = Listener().asked(path)
    assert (answer.status, answer.json) == (404, {"error": "not found"})


@pytest.mark.parametrize("end", ["", "/", "?a=b", "/?a=b"])
def test_one_slash_and_a_query_at_the_end_change_nothing(end):
    assert Listener().asked(f"/wc/connect/{CHANNEL}{end}").status == 426
    assert Listener().asked(f"/wc/send/{CHANNEL}{end}", "POST").status == 200


def test_the_server_does_not_tell_its_version():
    answer = Listener().asked("/")
    assert answer.headers["server"] == "chip"
    assert answer.headers["date"] == "thu, 01 jan 1970 00:00:00 gmt"


def test_a_mount_sees_what_follows_its_prefix():
    listener = Listener(mounts={"/desk": Echo(), "/wc/widget.js": Echo()})
    assert listener.asked("/desk").body == b"GET|desk|*"
    assert listener.asked("/desk/").body == b"GET|desk|*|"
    assert listener.asked("/desk/a%2Fb/c?d").body == b"GET|desk|*|a/b|c"
    assert listener.asked("/wc/widget.js").body == b"GET|wc|widget.js|*"
    assert listener.asked("/desktop").status == 404


def test_a_mount_may_lie_below_another():
    listener = Listener(mounts={"/a": Broken(), "/a/b": Echo()})
    assert listener.asked("/a/b").body == b"GET|a|b|*"


def test_a_mount_that_fails_hurts_nobody_else(expected_failures):
    listener = Listener(mounts={"/broken": Broken()})
    answer = listener.asked("/broken")
    assert (answer.status, answer.json) == (500, {"error": "something went wrong here"})
    assert listener.asked("/").status == 200
    expected_failures.take(RuntimeError)


def test_browsers_may_get_a_front_page_and_probes_the_version():
    listener = Listener(front=Echo())
    browser = listener.asked("/", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert browser.body == b"GET|*"
    assert browser.headers["vary"] == "accept"
    assert "version" in listener.asked("/", Accept="*/*").json
    assert "version" in listener.asked("/").json


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
    listener.heart.lookups.wait = Deferred()
    wire = listener.connects()
    wire.says(request(f"/wc/connect/{CHANNEL}"))
    listener.clock.advance(1000)
    listener.heart.lookups.wait.callback(None)
    assert wire.answer().status == 426


def test_a_peer_that_does_not_take_the_last_answer_is_dropped():
    listener = Listener()
    wire = listener.connects()
    wire.fill()
    wire.says(request("/", Connection="close"))
    assert wire.is_open
    listener.clock.advance(3.1)
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


def test_when_there_are_too_many_connections_the_longest_idle_goes():
    listener = Listener()
    wires = [listener.connects() for _ in range(MAX_CONNECTIONS)]
    assert not listener.connects().is_open
    wires[7].says(request("/"))
    wires[3].says(request("/"))
    assert listener.connects().is_open
    assert not wires[7].is_open
    assert wires[3].is_open


# Heads.


def bad_request(wire: Wire) -> bool:
    answer = wire.answer()
    assert answer.json == {"error": "bad request"}
    return answer.status == 400 and not wire.is_open


def test_a_head_may_have_8_kib():
    wire = Listener().connects()
    wire.says(request("/", X_Long="x" * 8000))
    assert wire.answer().status == 200
    wire.says(request("/", X_Long="x" * 8200))
    assert bad_request(wire)


def test_a_head_without_an_end_is_cut_at_8_kib():
    wire = Listener().connects()
    sent = 0
    while wire.is_open:
        wire.says(b"x" * 1000)
        sent += 1
    assert sent <= 9
    assert bad_request(wire)


def test_a_head_of_short_lines_is_cut_at_8_kib_too():
    wire = Listener(limits={"handshake_headers": 10_000}).connects()
    wire.says(b"GET / HTTP/1.1\r\n")
    sent = 0
    while wire.is_open:
        wire.says(b"X-Short: x\r\n")
        sent += 1
    assert sent <= 8 * 1024 / len(b"X-Short: x")
    assert bad_request(wire)


def test_a_head_may_have_64_headers():
    wire = Listener().connects()
    wire.says(request("/", **{f"X_{number}": "x" for number in range(63)}))
    assert wire.answer().status == 200
    wire.says(request("/", **{f"X_{number}": "x" for number in range(64)}))
    assert bad_request(wire)


@pytest.mark.parametrize("byte", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x00", "\x7f"])
def test_a_control_byte_in_a_header_is_a_bad_request(byte):
    wire = Listener(trusted=("192.0.2.7",)).connects()
    wire.says(request("/", X_A=f"a{byte}X-Forwarded-For: 203.0.113.9"))
    assert bad_request(wire)


def test_a_byte_85_does_not_end_a_header():
    listener = Listener(allowed_origins=("https://good.example",))
    headers = {"Origin": "https://bad.example\x85Origin: https://good.example"}
    assert listener.connects().upgrades(**headers).status == 403
    assert listener.connects().upgrades(X_A="a\x85Origin: https://bad.example").status == 101


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1 x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    ],
)
def test_what_is_no_http_is_a_bad_request(head):
    wire = Listener().connects()
    wire.says(head)
    assert bad_request(wire)


def test_after_a_bad_request_nothing_more_is_read():
    wire = Listener().connects()
    wire.says(b"GET / HTTP/1.1\r\nno colon\r\nalso none\r\n\r\n" + request("/"))
    assert bad_request(wire)
    assert wire.out == b""


# Bodies.


def test_a_body_of_unknown_length_is_taken():
    listener = Listener()
    wire = listener.connects()
    head = request(f"/wc/send/{CHANNEL}", "POST", Transfer_Encoding="chunked")
    wire.says(head + b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
    assert wire.answer().status == 200
    assert listener.heart.sends == [(CHANNEL, b"abcde")]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_1_mib_is_taken_and_a_larger_one_is_refused_with_a_word(chunked):
    listener = Listener()
    for size, status in ((1024 * 1024, 200), (1024 * 1024 + 1, 400), (5 * 1024 * 1024, 400)):
        wire = listener.connects()
        body = bytes(size)
        if chunked:
            head = request(f"/wc/send/{CHANNEL}", "POST", Transfer_Encoding="chunked")
            wire.says(head + b"%x\r\n" % size + body + b"\r\n0\r\n\r\n")
        else:
            wire.says(request(f"/wc/send/{CHANNEL}", "POST", body))
        answer = wire.answer()
        assert answer.status == status
        if status == 400:
            assert "error reading request" in answer.json["error"]
        assert wire.is_open


def test_a_body_that_never_ends_is_cut():
    wire = Listener().connects()
    wire.says(request(f"/wc/send/{CHANNEL}", "POST", Content_Length=str(10**15)))
    sent = 0
    while wire.is_open:
        wire.says(bytes(64 * 1024))
        sent += 1
    assert sent <= 8 * 16 + 1


def test_a_mount_does_not_see_a_body_that_is_too_large():
    wire = Listener(mounts={"/desk": Echo()}).connects()
    wire.says(request("/desk", "POST", bytes(1024 * 1024 + 1)))
    assert wire.answer().status == 413


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
    listener.heart.lookups.wait = Deferred()
    wire = listener.connects()
    wire.says(request(f"/wc/connect/{CHANNEL}"))
    wire.leaves()
    listener.heart.lookups.wait.callback(None)
    assert wire.out == b""


def drain(listener: Listener, deadline: float = 10) -> Deferred[None]:
    return ensureDeferred(listener.site.drain(deadline))


def test_stopping_lets_requests_in_hand_finish_and_idle_connections_go():
    listener = Listener()
    listener.heart.lookups.wait = Deferred()
    idle, busy = listener.connects(), listener.connects()
    idle.says(request("/"))
    busy.says(request(f"/wc/connect/{CHANNEL}"))
    done = drain(listener)
    assert not idle.is_open
    assert not done.called
    listener.heart.lookups.wait.callback(None)
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


def test_stopping_waits_no_longer_than_it_may():
    listener = Listener()
    listener.heart.lookups.wait = Deferred()
    wire = listener.connects()
    wire.says(request(f"/wc/connect/{CHANNEL}"))
    done = drain(listener, 5)
    listener.clock.advance(4.9)
    assert not done.called
    listener.clock.advance(0.1)
    assert done.called
    assert wire.was_reset


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
