"""Peers of a WebSocket that break the protocol or flood it: what they are told, and when cut."""

from __future__ import annotations

import pytest

from tests.support.web import masked
from tests.support.websocket import CLOSE, KIB, PING, PONG, Chat

pytestmark = pytest.mark.private_parts

# Mistakes, and what they cost.


@pytest.mark.parametrize(
    ("bytes_sent", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (masked(b"x", opcode=3), 1002),  # no such opcode
        (masked(b"x", opcode=11), 1002),
        (b"\xc1" + masked(b"x")[1:], 1002),  # a bit of an extension that was not agreed on
        (masked(b"x", opcode=0), 1002),  # continues nothing
        (masked(b"x", fin=False) + masked(b"y"), 1002),  # begins another within one
        (masked(b"x", opcode=PING, fin=False), 1002),
        (b"\x89\xfe\x00\x7emask" + bytes(126), 1002),  # a ping of 126 bytes
        (b"\x81\xfe\x00\x05mask" + bytes(5), 1002),  # a length that could be shorter
        (b"\x81\xff" + (70).to_bytes(8, "big") + b"mask", 1002),
        (b"\x81\xff" + (2**64 - 1).to_bytes(8, "big") + b"mask", 1002),
        (masked(b"\x03", opcode=CLOSE), 1002),
        (masked((999).to_bytes(2, "big"), opcode=CLOSE), 1002),
        (masked(b"\x03\xe8\xff", opcode=CLOSE), 1007),
        (masked(b"caf\xe9"), 1007),
        (masked("é".encode()[:1], fin=False) + masked(b"", opcode=0), 1007),
        (masked(b"\xed\xa0\x80"), 1007),  # a surrogate
        (masked(b"x" * (16 * KIB + 1)), 1009),
        (masked(b"x" * 9000, fin=False) + masked(b"x" * 9000, opcode=0), 1009),
        (b"\x81\xff" + (2**31).to_bytes(8, "big") + b"mask", 1009),
        (b"\x81\xff" + (2**63 - 1).to_bytes(8, "big") + b"mask", 1009),
    ],
)
def test_a_violation_is_told_and_then_the_connection_ends(bytes_sent, code):
    chat = Chat()
    chat.wire.says(bytes_sent)
    assert chat.wire.close_code() == code
    assert chat.heard == []
    chat.wire.says(masked(b"never heard"))
    chat.passes(0.6)
    assert not chat.wire.is_open
    assert chat.heard == []
    assert chat.session.closes == 1


def test_text_in_pieces_that_split_a_character_is_fine():
    chat = Chat()
    chat.wire.says(masked(b"\xc3", fin=False), masked(b"\xa9", opcode=0))
    assert chat.heard == ["é".encode()]


def test_a_peer_that_was_told_off_and_sends_on_is_not_even_read():
    chat = Chat()
    chat.wire.says(b"\x81\xff" + (2**40).to_bytes(8, "big") + b"mask")
    sent = 0
    while chat.wire.reading and sent < 100:
        chat.wire.says(bytes(64 * KIB))
        sent += 1
    assert 8 <= sent <= 17


def flood(chat: Chat, frame: bytes) -> int | None:
    """Send a frame over and over, many in a packet. Returns the close code."""
    for _ in range(50):
        if not chat.wire.reading:
            break
        chat.wire.says(frame * 100)
    code = chat.wire.close_code()
    chat.passes(0.6)
    assert not chat.wire.is_open
    return code


# Floods. Each is cut at once, whatever else it may be.


def test_a_flood_of_pings_is_cut_after_20():
    chat = Chat()
    chat.wire.says(masked(b"x", opcode=PING) * 20)
    assert chat.wire.frames() == [(PONG, b"x")] * 20
    assert flood(chat, masked(b"x", opcode=PING)) == 4029


def test_a_flood_of_pings_in_json_is_cut_after_20():
    chat = Chat()
    assert flood(chat, masked(b'{"type":"ping"}')) == 4029
    assert len(chat.heard) == 20


def test_one_ping_a_second_goes_on_for_ever():
    chat = Chat()
    for _ in range(100):
        chat.wire.says(masked(b"x", opcode=PING), masked(b'{"type":"pong"}'))
        chat.passes(1)
    assert chat.wire.is_open


def test_a_flood_of_pongs_is_cut():
    assert flood(Chat(), masked(opcode=PONG)) == 4029
    assert flood(Chat(), masked(b"x", opcode=PONG)) == 4029


def test_a_flood_of_messages_is_cut():
    chat = Chat()
    assert flood(chat, masked(b'{"type":"nonsense"}')) == 4029
    assert len(chat.heard) == 1100


def test_a_visitor_may_acknowledge_a_whole_outbox_at_once():
    chat = Chat()
    chat.wire.says(masked(b'{"type":"ack_chat","msg_id":1}') * 1000)
    assert chat.wire.is_open
    assert len(chat.heard) == 1000


@pytest.mark.parametrize("piece", [b"", b"x"])
def test_a_message_in_more_than_64_pieces_is_cut(piece):
    chat = Chat()
    chat.wire.says(masked(piece, fin=False) + masked(piece, opcode=0, fin=False) * 63)
    assert chat.wire.frames() == []
    assert flood(chat, masked(piece, opcode=0, fin=False)) == 1009


def test_a_peer_that_does_not_read_gets_no_pongs():
    chat = Chat()
    chat.wire.fill()
    chat.session.client.send(b"x")
    chat.wire.frames()
    chat.wire.says(masked(b"x", opcode=PING) * 5)
    chat.wire.drain()
    assert chat.wire.frames() == []
