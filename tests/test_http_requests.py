"""Heads and bodies of HTTP requests: their limits, and what is refused as malformed."""

from __future__ import annotations

import pytest

from chip.web.http.answers import Answer
from chip.web.http.request import Request
from tests.support.web import CHANNEL, Counts, Listener, Wire, is_refused, request

pytestmark = pytest.mark.private_parts


def is_too_large(wire: Wire) -> bool:
    return is_refused(wire, 431, "the head of the request is too large")


# Heads.


def test_a_head_may_have_32_kib():
    wire = Listener().connects()
    wire.says(request("/", Cookie="x" * 32_000))
    assert wire.answer().status == 200
    wire.says(request("/", Cookie="x" * 32_768))
    assert is_too_large(wire)


def test_a_visitor_with_many_cookies_chats():
    cookies = "; ".join(f"consent{number}=" + "x" * 500 for number in range(50))
    assert Listener().connects().upgrades(Cookie=cookies).status == 101


def test_a_head_without_an_end_is_cut_at_32_kib():
    wire = Listener().connects()
    sent = 0
    while not wire.out:
        wire.says(b"x" * 1000)
        sent += 1
    assert sent <= 33
    assert is_too_large(wire)


def test_a_head_of_short_lines_is_cut_at_32_kib_too():
    wire = Listener(limits={"handshake_headers": 10_000}).connects()
    wire.says(b"GET / HTTP/1.1\r\n")
    sent = 0
    while not wire.out:
        wire.says(b"X-Short: x\r\n")
        sent += 1
    assert sent <= 32 * 1024 / len(b"X-Short: x")
    assert is_too_large(wire)


def test_a_head_may_have_100_headers():
    wire = Listener().connects()
    wire.says(request("/", **{f"X_{number}": "x" for number in range(99)}))
    assert wire.answer().status == 200
    wire.says(request("/", **{f"X_{number}": "x" for number in range(100)}))
    assert is_too_large(wire)


def test_a_head_that_is_too_large_is_counted_and_logged_once_a_minute(log):
    counts = Counts()
    listener = Listener(observer=counts)
    for _ in range(3):
        listener.connects().says(b"x" * 40_000)
    assert counts.cuts == ["head_too_large"] * 3
    assert log.about() == [
        "warn: 1 connections were cut: a head had more than handshake_bytes or handshake_headers"
        " (the last one from 192.0.2.7)"
    ]


def test_who_is_refused_can_finish_and_read_why():
    listener = Listener()
    wire = listener.connects()
    wire.says(*[b"x" * 10_000] * 8)
    listener.clock.advance(0.4)
    assert wire.answer().status == 431
    assert wire.is_open
    listener.clock.advance(0.2)
    assert not wire.is_open
    assert not wire.was_reset


def test_who_is_refused_and_sends_on_is_not_even_read():
    wire = Listener().connects()
    sent = 0
    while wire.reading:
        wire.says(bytes(64 * 1024))
        sent += 1
    assert 16 <= sent <= 18
    wire.protocol.owner.clock.advance(0.6)
    assert not wire.is_open


@pytest.mark.parametrize("byte", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x00", "\x7f"])
def test_a_control_byte_in_a_header_is_a_bad_request(byte):
    wire = Listener(trusted=("192.0.2.7",)).connects()
    wire.says(request("/", X_A=f"a{byte}X-Forwarded-For: 203.0.113.9"))
    assert is_refused(wire)


def test_a_byte_85_does_not_end_a_header():
    listener = Listener(allowed_origins=("https://good.example",))
    headers = {"Origin": "https://bad.example\x85Origin: https://good.example"}
    assert listener.connects().upgrades(**headers).status == 403
    assert listener.connects().upgrades(X_A="a\x85Origin: https://bad.example").status == 101


def test_after_a_bad_request_nothing_more_is_read():
    wire = Listener().connects()
    wire.says(b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\nalso none\r\n\r\n" + request("/"))
    assert is_refused(wire)


# Bodies.


def test_a_body_of_unknown_length_is_taken():
    listener = Listener()
    wire = listener.connects()
    head = request(f"/wc/send/{CHANNEL}", "POST", Transfer_Encoding="chunked")
    wire.says(head + b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
    assert wire.answer().status == 200
    assert listener.server.sends == [(CHANNEL, b"abcde")]


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


def test_a_handler_is_spared_a_body_that_is_too_large():
    async def reads(asked: Request) -> Answer:
        return Answer(200, b"%d" % len(asked.body(1000)))

    listener = Listener(mounts={"/desk": reads})
    for size, status in ((1000, 200), (1001, 413), (1024 * 1024 + 1, 413)):
        wire = listener.connects()
        wire.says(request("/desk", "POST", bytes(size)))
        answer = wire.answer()
        assert answer.status == status
        if status == 413:
            assert answer.json == {"error": "the body is too large"}
