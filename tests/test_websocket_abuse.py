"""Peers of a WebSocket that break the protocol or flood it: what they are told, and when cut."""

from __future__ import annotations

import pytest

from tests.support.web import masked
from tests.support.websocket import CLOSE, KIB, NOT_UTF8, PING, PONG, VIOLATIONS, Chat

pytestmark = pytest.mark.private_parts

# Mistakes, and what they cost.


@pytest.mark.parametrize(("bytes_sent", "code"), VIOLATIONS)
def test_a_violation_is_told_and_then_the_connection_ends(bytes_sent, code):
    chat = Chat()
    chat.wire.says(bytes_sent)
    assert chat.wire.close_code() == code
    assert chat.wire.has_ended
    assert chat.heard == []
    chat.wire.says(masked(b"never heard"), masked(code.to_bytes(2, "big"), opcode=CLOSE))
    assert chat.wire.frames() == []
    assert not chat.wire.was_reset
    chat.wire.leaves()
    assert chat.heard == []
    assert chat.session.closes == 1


@pytest.mark.parametrize(("bytes_sent", "code"), VIOLATIONS)
def test_who_does_not_end_a_connection_after_a_violation_is_dropped(bytes_sent, code):
    chat = Chat()
    chat.wire.says(bytes_sent)
    chat.passes(0.4)
    assert chat.wire.is_open
    chat.passes(0.2)
    assert chat.wire.was_reset
    assert chat.session.closes == 1


@pytest.mark.parametrize("text", NOT_UTF8)
def test_text_that_is_not_utf8_is_told_wherever_it_is_cut(text):
    for at in range(len(text) + 1):
        chat = Chat()
        chat.wire.says(masked(text[:at], fin=False), masked(text[at:], opcode=0))
        assert chat.wire.close_code() == 1007
        assert chat.wire.has_ended
    chat = Chat()
    chat.wire.says(masked(b"", fin=False))
    chat.wire.says(*(masked(text[at : at + 1], opcode=0, fin=False) for at in range(len(text))))
    chat.wire.says(masked(b"", opcode=0))
    assert chat.wire.close_code() == 1007
    assert chat.heard == []


def test_text_in_pieces_that_split_a_character_is_fine():
    chat = Chat()
    chat.wire.says(masked(b"\xc3", fin=False), masked(b"\xa9", opcode=0))
    assert chat.heard == ["é".encode()]


def test_a_peer_that_was_refused_and_sends_on_is_not_even_read():
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
        chat.clock.advance(0)
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
    chat.clock.advance(0)
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
