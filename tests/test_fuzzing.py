"""Whatever bytes come in from strangers: nothing raises, nothing is logged as a mistake, and what
comes out does not depend on how the bytes were cut into packets.

Every run tries the same bytes; `pytest --hypothesis-profile=long` tries many others.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chip.protocol.commands import COMMAND_NAMES, Command, CommandError, decode_command
from chip.protocol.courier_send import SendRequest, decode_send
from chip.protocol.events import ErrorCode
from tests.support.web import CHANNEL, UPGRADE, Answer, Listener, Wire, masked, request

pytestmark = pytest.mark.private_parts

# JSON: commands and sends.

TEXT = st.text(max_size=9)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
FIELDS = ["x", "text", "ref", "chat_id", "msg_id", "msg_uuid", "before", "email", "secret", "msg"]
NASTY = [
    *(b'"\\u0000"', b'"\xff"', b'"\\ud800"', b'"\\\\u0000"', b"1e999", b"9" * 5000, b"-0", b"NaN"),
    *(b"[" * 900 + b"]" * 900, b'{"a":' * 450 + b'"\\u0000"' + b"}" * 450, b"[" * 9000, b'"', b""),
    *(b'{"id":1e999}', b'{"id":1,"user_id":1.5}', b'{"text":"\xc3"}', b'"2024-02-30T25:61:61Z"'),
]
NASTY_VALUES = st.sampled_from(NASTY)
VALUES = NASTY_VALUES | NASTY_VALUES | JSON.map(lambda value: json.dumps(value).encode())
NAMES = st.sampled_from([b'"%b"' % name.encode() for name in COMMAND_NAMES])


@st.composite
def json_bytes(draw):
    """An object with known fields and nasty values, or anything; then perhaps a byte is wrong."""
    name = draw(NAMES | NAMES | NAMES | VALUES)
    fields = draw(st.lists(st.tuples(st.sampled_from(FIELDS), VALUES), max_size=4))
    pairs = [(b"type", name), *((field.encode(), value) for field, value in fields)]
    text = b"{%b}" % b",".join(b'"%b":%b' % pair for pair in pairs)
    text = draw(st.sampled_from([text] * 9 + [b"", b"null", *NASTY]))
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from([b""] * 9) | st.binary(max_size=2)) + text[at:]


@given(json_bytes())
def test_any_bytes_are_a_command_or_an_error_that_can_be_told(frame):
    try:
        assert isinstance(decode_command(frame), get_args(Command))
    except CommandError as error:
        assert error.code in get_args(ErrorCode)
        assert error.command in ("", *COMMAND_NAMES)
        assert len(error.ref) <= 64


@given(json_bytes())
def test_any_bytes_are_a_send_or_wrong_in_a_way_that_can_be_told(body):
    try:
        assert isinstance(decode_send(body), SendRequest)
    except ValueError as error:
        json.dumps(str(error)).encode()


# Bytes in packets.


def cut(data, at):
    """The packets of which `data` consists when it is cut at these places."""
    places = [0, *sorted(at), len(data)]
    return [data[begin:end] for begin, end in pairwise(places)]


def cuts(data):
    """Some ways to cut `data` into packets."""
    return st.lists(st.integers(0, len(data)), max_size=5) | st.just(list(range(len(data))))


def hears(wire: Wire, packets) -> None:
    """Send packets for as long as they are read."""
    for packet in packets:
        if wire.reading and packet:
            wire.says(packet)


# HTTP heads.

HEADS = st.lists(
    st.sampled_from(
        [
            *(b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\nHost:\r\n", b"GET"),
            b"HEAD / HTTP/1.0\r\n",
            *(b"Host: x\r\n", b"Connection: close\r\n", b"X: y\r\n", b"\r\n", b"\n", b"\r", b" "),
            *(b"Content-Length: 3\r\n", b"Content-Length: -1\r\n", b"Content-Length: 3, 3\r\n"),
            *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Expect: x\r\n"),
            *(b"abc", b"0\r\n\r\n", b"3\r\nabc\r\n", b"3;x=y\r\n", b":", b"\t", b"\0", b"\x85"),
            *(b"Upgrade: websocket\r\n", b"\xff" * 9, b"/" + b"%00" * 9, b"?" + b"&" * 99),
            request("/"),
            request(f"/wc/send/{CHANNEL}", "POST", b"{}"),
            request(f"/wc/connect/{CHANNEL}"),
        ]
    )
    | st.binary(max_size=9),
    max_size=12,
).map(b"".join)


def answers(packets) -> tuple[list[Answer], bool]:
    """What a peer that sends these is answered, and whether its connection is kept."""
    wire = Listener().connects()
    hears(wire, packets)
    found = []
    while wire.out:
        found.append(wire.answer())
        # The time of day goes on.
        del found[-1].headers["date"]
    return found, wire.is_open


@given(HEADS, st.data())
def test_any_bytes_have_the_same_answers_however_they_are_cut(data, more):
    found, is_open = answers([data])
    for answer in found:
        assert answer.status in (200, 400, 404, 405, 426)
        assert answer.json or b"HEAD" in data
    assert (found, is_open) == answers(cut(data, more.draw(cuts(data))))


# WebSocket frames.

FRAMES = st.lists(
    st.builds(
        masked,
        st.binary(max_size=9) | st.sampled_from([b"\x03\xe8", b"x" * 126, b'{"type":"ping"}']),
        opcode=st.sampled_from([0, 1, 1, 1, 2, 8, 9, 10, 3]),
        fin=st.sampled_from([True, True, False]),
    )
    | st.binary(max_size=4),
    max_size=8,
).map(b"".join)


def heard(packets) -> tuple[list[bytes], list[tuple[int, bytes]]]:
    """The messages that a peer who sends these is heard to say, and the frames that answer."""
    listener = Listener()
    wire = listener.connects()
    wire.says(request(f"/wc/connect/{CHANNEL}", **UPGRADE))
    assert wire.answer().status == 101
    hears(wire, packets)
    return listener.server.sessions[0].frames, wire.frames()


@given(FRAMES, st.data())
def test_any_frames_say_the_same_however_they_are_cut(data, more):
    said, told = heard([data])
    for opcode, payload in told:
        assert opcode in (8, 10)
        assert opcode != 8 or int.from_bytes(payload[:2], "big") in (0, 1000, 1002, 1007, 1009)
    assert (said, told) == heard(cut(data, more.draw(cuts(data))))
