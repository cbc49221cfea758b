"""What RFC 9112 does not allow in a request, and what it does: a proxy must read the same bytes as
Chip in the same way."""

from __future__ import annotations

import json

import pytest

from chip.web.http.answers import Answer
from chip.web.http.request import Request
from tests.support.web import CHANNEL, Counts, Listener, is_refused, request

pytestmark = pytest.mark.private_parts

GET, HOST, CHUNKED = b"GET / HTTP/1.1\r\n", b"Host: x\r\n", b"Transfer-Encoding: chunked\r\n"
POST = b"POST /wc/send/%b HTTP/1.1\r\nHost: x\r\n" % CHANNEL.encode()

REQUEST_LINES = [
    b"nonsense\r\n",
    b"GET /\r\n",
    b"GET / HTTP/1.1 x\r\n",
    b"GET  / HTTP/1.1\r\n",
    b" GET / HTTP/1.1\r\n",
    b"GET / HTTP/1.1 \r\n",
    b"GET\t/\tHTTP/1.1\r\n",
    b"GET / http/1.1\r\n",
    b"GET / HTTP/1.10\r\n",
    b"GET / HTTP/2.0\r\n",
    b"PRI * HTTP/2.0\r\n",
    b"G(T / HTTP/1.1\r\n",
    b"G\xc9T / HTTP/1.1\r\n",
    b"GET nowhere HTTP/1.1\r\n",
    b"GET /caf\xc3\xa9 HTTP/1.1\r\n",
    b"GET /#here HTTP/1.1\r\n",
    b"GET /\x7f HTTP/1.1\r\n",
    b"GET http://user@x/ HTTP/1.1\r\n",
    b"CONNECT x:443 HTTP/1.1\r\n",
    b"\r\n\r\n",
]
LINE_ENDS = [
    b"GET / HTTP/1.1\n",
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"GET / HTTP/1.1\rHost: x\r\r",
    GET + b"Host: x\n",
    GET + HOST + b"\n",
    GET + HOST + b"A: b\nC: d\r\n",
    GET + HOST + b"A: b\rC: d\r\n",
    GET + HOST + b"A: b\r\r\n",
]
HEADERS = [
    b"no colon\r\n",
    b": no name\r\n",
    b"bad name: x\r\n",
    b"n\xc3\xa4me: x\r\n",
    b"A : x\r\n",
    b"A\t: x\r\n",
    b"A: b\r\n c: folded\r\n",
    b"A: b\r\n\tfolded\r\n",
    b"A: b\x00\r\n",
    b"A: b\x7f\r\n",
    b"A: \x1b[31m\r\n",
    b"Content-Length: x\r\n",
    b"Content-Length: \r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: +1\r\n",
    b"Content-Length: 1, 1\r\n",
    b"Content-Length: 0x1\r\n",
    b"Content-Length: %b\r\n" % (b"9" * 5000),
    b"Content-Length: 1\r\nContent-Length: 1\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n",
    b"Transfer-Encoding: \r\n",
    CHUNKED + CHUNKED,
    CHUNKED + b"Content-Length: 1\r\n\r\n",
    b"Content-Length: 1\r\n" + CHUNKED + b"\r\n",
]
HEADS = [
    *REQUEST_LINES,
    *LINE_ENDS,
    *(POST + line for line in HEADERS),
    GET + b" Host: x\r\n",
    GET + b"\r\n",
    GET + HOST + HOST,
    GET + b"Host: x, y\r\n",
    GET + b"Host: x y\r\n",
    GET + b"Host: x/y\r\n",
    GET + b"Host: user@x\r\n",
    GET + b"Host: x:80:80\r\n",
    GET + b"Host: x:http\r\n",
    GET + b"Host: [x]\r\n",
    GET + b"Host: caf\xc3\xa9\r\n",
    b"GET / HTTP/1.0\r\n" + HOST + HOST,
    b"POST / HTTP/1.0\r\n" + CHUNKED + b"\r\n",
]
CHUNKS = [
    b"nonsense\r\n",
    b"\r\n",
    b"-1\r\n",
    b"0x1\r\nx",
    b" 1\r\nx",
    b"1 1\r\nx",
    b"%b\r\n" % (b"f" * 16),
    b"1\n",
    b"1\nx\n0\n\n",
    b"1\rx",
    b"1;\x00\r\n",
    b"1;%b" % (b"x" * 1025),
    b"1\r\nxy",
    b"1\r\nx\n",
    b"1\r\nx\ry",
    b"0\r\n\n",
    b"0\r\nA: b\nC: d\r\n",
    b"0\r\nno colon\r\n",
    b"0\r\nA : b\r\n",
    b"0\r\n%b" % (b"A: b\r\n" * 2000),
]


@pytest.mark.parametrize("head", HEADS)
def test_what_is_no_http_is_answered_at_once(head):
    wire = Listener().connects()
    wire.says(head)
    assert is_refused(wire)


@pytest.mark.parametrize("body", CHUNKS)
def test_what_is_no_chunked_body_is_answered_at_once(body):
    listener = Listener()
    wire = listener.connects()
    wire.says(POST + CHUNKED + b"\r\n" + body)
    assert is_refused(wire)
    assert listener.server.sends == []


@pytest.mark.parametrize("sent", [*HEADS, *(POST + CHUNKED + b"\r\n" + body for body in CHUNKS)])
def test_it_is_no_http_byte_by_byte_either(sent):
    wire = Listener().connects()
    for at in range(len(sent)):
        if not wire.out:
            wire.says(sent[at : at + 1])
    assert is_refused(wire)


@pytest.mark.parametrize(
    "head",
    [
        request("/"),
        b"\r\n" + request("/"),
        b"GET / HTTP/1.0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
        GET + b"hOsT:chat.example.org:8070\r\n\r\n",
        GET + b"Host: [2001:db8::1]:8070 \t\r\n\r\n",
        GET + b"Host: chip_1\r\nX-Empty:\r\nX-Latin: caf\xe9\r\n\r\n",
        GET + HOST + b"Content-Length: 0\r\nAccept: a\r\nAccept: b\r\n\r\n",
        b"GET HTTP://chat.example.org HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET https://chat.example.org:443/?x HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_http_is_served(head):
    wire = Listener().connects()
    wire.says(head)
    assert wire.answer().status in (200, 404)
    assert wire.out == b""


def test_a_chunked_body_may_have_extensions_and_trailers():
    listener = Listener()
    wire = listener.connects()
    wire.says(
        POST + b"Transfer-Encoding: Chunked\r\n\r\n",
        b"2;a=b\r\n{}\r\n00A ; c\r\n          \r\n000\r\nX-Sum: 1\r\n\r\n" + request("/"),
    )
    assert [wire.answer().status, wire.answer().status] == [200, 200]
    assert listener.server.sends == [(CHANNEL, b"{}          ")]


def of_chunks(*sizes: int) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (size, bytes(size)) for size in sizes)


def test_a_body_of_a_thousand_chunks_and_of_larger_ones_beyond_is_served():
    wire = Listener().connects()
    wire.says(POST + CHUNKED + b"\r\n" + of_chunks(*[1] * 1000, *[256] * 3000) + b"0\r\n\r\n")
    assert wire.answer().status == 200


@pytest.mark.parametrize("before", [b"", of_chunks(100_000)], ids=["none", "a large one"])
def test_a_body_of_tiny_chunks_is_refused_before_it_costs_much(before):
    listener = Listener()
    wire = listener.connects()
    wire.says(POST + CHUNKED + b"\r\n" + before)
    wire.says(of_chunks(*[1] * 1000))
    assert wire.out == b""
    wire.says(of_chunks(*[1] * 1000))
    assert is_refused(wire)
    assert listener.server.sends == []


def test_the_host_of_a_whole_url_counts_and_not_the_header():
    async def tells(asked: Request) -> Answer:
        told = (asked.requestHeaders.getRawHeaders(b"Host"), asked.uri)
        return Answer(200, json.dumps(str(told)).encode())

    wire = Listener(mounts={"/x": tells}).connects()
    wire.says(b"GET http://one.example:80/x?y HTTP/1.1\r\nHost: two.example\r\n\r\n")
    assert wire.answer().json == "([b'one.example:80'], b'/x?y')"


def test_a_request_without_a_good_head_is_counted_and_logged_once_a_minute(log):
    counts = Counts()
    listener = Listener(observer=counts)
    for _ in range(3):
        listener.connects().says(b"nonsense\r\n")
    assert counts.cuts == ["bad_request"] * 3
    assert log.about() == [
        "warn: 1 connections were cut: what was sent is no HTTP (the last one from 192.0.2.7)"
    ]


def test_what_is_no_http_behind_a_request_is_refused_after_its_answer():
    wire = Listener().connects()
    wire.says(request("/") + b"nonsense\r\n")
    assert wire.answer().status == 200
    assert is_refused(wire)
