"""Frames that try the decoder of commands: each is answered, counted, and ends nothing."""

from __future__ import annotations

import pytest

from chip.protocol.commands import CommandError, Ping, SendMsg, decode_command
from tests.support.memory_chip import MemoryChip

DEEP = b'{"a":' * 450 + b'"\\u0000"' + b"}" * 450
NEST = b"[" * 8000 + b"]" * 8000
LONG = b"1" * 9000

BAD_FRAMES = {
    "a type that is a list": (b'{"type":[]}', "unknown_command"),
    "a type that is an object": (b'{"type":{"type":"ping"}}', "unknown_command"),
    "a type that is a number beyond all": (b'{"type":1e999}', "invalid_json"),
    "U+0000 far down": (b'{"type":"ping","x":' + DEEP + b"}", "invalid_command"),
    "U+0000 far down, and no text": (b'{"type":"send_msg","x":' + DEEP + b"}", "invalid_command"),
    "U+0000 beside a number beyond all": (
        b'{"type":"ping","x":1e999,"y":"\\u0000"}',
        "invalid_command",
    ),
    "U+0000 in the name of a field": (b'{"type":"ping","\\u0000":1}', "invalid_command"),
    "U+0000 behind a backslash": (b'{"type":"ping","x":"\\\\\\u0000"}', "invalid_command"),
    "bad UTF-8 beside U+0000": (b'{"type":"ping","x":"\xff\\u0000"}', "invalid_json"),
    "bad UTF-8 in a field that nobody reads": (b'{"type":"ping","x":"\xff"}', "invalid_json"),
    "half a surrogate pair": (b'{"type":"send_msg","text":"\\ud800"}', "invalid_json"),
    "a nest without an end": (b"[" * 16_000, "invalid_json"),
    "a number of many digits": (b'{"type":"ack_chat","msg_id":' + LONG + b"}", "invalid_json"),
}


@pytest.mark.parametrize(("frame", "code"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_frame_that_is_no_good_command_is_refused(frame, code):
    with pytest.raises(CommandError) as caught:
        decode_command(frame)
    assert caught.value.code == code


@pytest.mark.parametrize(("frame", "code"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_it_is_answered_and_counts_as_a_bad_command(frame, code):
    visitor = MemoryChip().bob()
    visitor.says(*[frame] * 10)
    assert [event["code"] for event in visitor.hears()] == [code] * 10
    assert visitor.closed_with is None
    visitor.says(frame)
    assert visitor.closed_with == (4400, "too many bad commands")


def test_what_is_wrong_with_a_command_is_said_without_what_was_in_it():
    with pytest.raises(CommandError) as caught:
        decode_command(b'{"type":"all that I have to say","type":"ping"}')
    assert str(caught.value) == "unknown value - at `$.type`"


@pytest.mark.parametrize("backslashes", [2, 4, 200])
def test_a_backslash_that_is_meant_does_not_make_u0000_of_what_follows(backslashes):
    frame = b'{"type":"send_msg","text":"%bu0000"}' % (b"\\" * backslashes)
    assert decode_command(frame) == SendMsg("\\" * (backslashes // 2) + "u0000")


def test_a_command_around_a_deep_nest_is_carried_out_or_refused():
    """How deep JSON may be is Python's own: 3.13 reads this, 3.11 does not."""
    visitor = MemoryChip().bob()
    visitor.says(b'{"type":"ping","x":' + NEST + b"}")
    event = visitor.hears_one()
    assert event["type"] == "pong" or event["code"] == "invalid_json"
    assert visitor.closed_with is None


def test_fields_that_nobody_reads_may_hold_anything():
    assert decode_command(b'{"type":"ping","x":[1e999,{"y":"\xc3\xa9"}]}') == Ping()
