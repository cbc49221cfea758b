"""One WebSocket against peers that are fast, slow, mistaken or hostile, on a clock, in memory."""

from __future__ import annotations

import gc
import random
import socket
import weakref
from typing import Any

import msgspec
import pytest
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection as TcpConnection
from twisted.internet.testing import StringTransport

from chip.limits import Limits
from chip.web.websocket.protocol import WebSocketProtocol
from chip.web.websocket.writer import TRANSPORT_BUFFER
from tests.support.web import (
    CHANNEL,
    CHAT,
    UPGRADE,
    FakeChatServer,
    FakeSession,
    Wire,
    build_site,
    masked,
    request,
)

PING, PONG, CLOSE = 9, 10, 8
pytestmark = pytest.mark.private_parts

KIB = 1024


class Chat:
    """One open connection: the peer's wire, the server's session, and time."""

    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.server = FakeChatServer()
        self.site = build_site(
            self.server, self.clock, msgspec.structs.replace(Limits(), **limits), trusted=()
        )
        self.wire = Wire(self.site)
        assert self.wire.upgrades().status == 101
        self.session.chat = CHAT

    @property
    def session(self) -> FakeSession:
        return self.server.sessions[0]

    @property
    def heard(self) -> list[bytes]:
        return self.session.frames

    def passes(self, seconds: float) -> None:
        """Let time pass in small steps, as a reactor does."""
        for _ in range(round(seconds * 16)):
            self.clock.advance(1 / 16)

    def answers_pings(self, seconds: float) -> int:
        """Let time pass, with a peer that is there. Returns how often it was asked."""
        asked = 0
        for _ in range(round(seconds * 16)):
            self.clock.advance(1 / 16)
            for opcode, _payload in self.wire.frames():
                if opcode == PING:
                    asked += 1
                    self.wire.says(masked(opcode=PONG))
        return asked


# What comes in.


def test_text_and_binary_messages_arrive_whole():
    chat = Chat()
    chat.wire.says(masked(b'{"a":1}'), masked(b"\xff\xfe", opcode=2), masked("é".encode()))
    assert chat.heard == [b'{"a":1}', b"\xff\xfe", "é".encode()]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 4000, 16 * KIB])
def test_a_message_of_any_length_arrives_however_its_bytes_are_cut(length):
    payload = random.Random(length).randbytes(length).hex().encode()[:length]
    whole = masked(payload)
    for step in {1, 2, 3, 7, 1000, len(whole)} if length < 1000 else {999, len(whole)}:
        chat = Chat()
        chat.wire.says(*(whole[at : at + step] for at in range(0, len(whole), step)))
        assert chat.heard == [payload]


def test_many_messages_in_one_packet_arrive_in_order():
    chat = Chat()
    said = [b"%d" % number for number in range(50)]
    packet = b"".join(map(masked, said))
    chat.wire.says(packet[:77], packet[77:])
    assert chat.heard == said


def test_a_fragmented_message_is_put_together_with_pings_between_its_pieces():
    chat = Chat()
    chat.wire.says(
        masked(b"one ", fin=False),
        masked(b"!", opcode=PING),
        masked(b"two ", opcode=0, fin=False) + masked(b"three", opcode=0),
        masked(b"next"),
    )
    assert chat.heard == [b"one two three", b"next"]
    assert chat.wire.frames() == [(PONG, b"!")]


def test_a_message_in_the_very_packet_of_the_handshake_is_not_lost():
    chat = Chat()
    wire = Wire(chat.site)
    wire.says(request(f"/wc/connect/{CHANNEL}", **UPGRADE) + masked(b"early"))
    assert wire.answer().status == 101
    assert chat.server.sessions[1].frames == [b"early"]


def test_while_its_session_is_busy_nothing_is_read_and_nothing_is_lost():
    chat = Chat()
    client = chat.session.client
    chat.session.received = lambda frame: (chat.heard.append(frame), client.pause())
    chat.wire.says(masked(b"1") + masked(b"2") + masked(b"3")[:5])
    assert chat.heard == [b"1"]
    assert not chat.wire.reading
    client.resume()
    assert chat.heard == [b"1", b"2"]
    assert not chat.wire.reading
    client.resume()
    assert chat.wire.reading
    chat.wire.says(masked(b"3")[5:])
    assert chat.heard == [b"1", b"2", b"3"]


def test_a_session_that_pauses_and_resumes_within_a_message_changes_nothing():
    chat = Chat()
    client = chat.session.client
    chat.session.received = lambda frame: (
        client.pause(),
        client.resume(),
        chat.heard.append(frame),
    )
    chat.wire.says(masked(b"1") + masked(b"2") + masked(b"3"))
    assert chat.heard == [b"1", b"2", b"3"]
    assert chat.wire.reading


# What goes out.


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536, 100_000])
def test_an_event_of_any_length_goes_out_as_one_text_frame(length):
    chat = Chat()
    chat.session.client.send(b"x" * length)
    assert chat.wire.frames() == [(1, b"x" * length)]


def test_events_for_a_slow_peer_come_later_and_in_order():
    chat = Chat()
    chat.wire.fill()
    said = [b"%d" % number * 5000 for number in range(8)]
    for event in said:
        chat.session.client.send(event)
    taken = chat.wire.frames()
    chat.wire.drain()
    assert [payload for _, payload in taken + chat.wire.frames()] == said


def test_a_close_waits_its_turn_behind_what_is_unsent():
    chat = Chat()
    chat.wire.fill()
    chat.session.client.send(b"a" * 30_000)
    chat.session.client.send(b"b" * 30_000)
    chat.session.client.close(4409, "replaced")
    chat.wire.drain()
    assert [opcode for opcode, _ in chat.wire.frames()] == [1, 1, CLOSE]


def test_after_the_close_nothing_more_is_sent():
    chat = Chat()
    client = chat.session.client
    client.close(4409, "replaced by a newer connection")
    client.close(4400, "and again")
    client.send(b"late")
    assert chat.wire.frames() == [(CLOSE, b"\x11\x39replaced by a newer connection")]


# Slow readers.


def test_a_peer_with_256_kib_unsent_is_read_again_when_it_has_taken_them():
    chat = Chat()
    chat.wire.fill()
    client = chat.session.client
    client.send(b"fills the transport")
    client.send(b"x" * (256 * KIB - TRANSPORT_BUFFER - 10))
    assert chat.wire.reading
    client.send(b"x" * 10)
    assert not chat.wire.reading
    chat.wire.drain()
    assert chat.wire.reading


def test_a_peer_with_1_mib_unsent_is_dropped_as_a_slow_reader():
    chat = Chat()
    chat.wire.fill()
    client = chat.session.client
    client.send(b"fills the transport")
    for _ in range(15):
        client.send(b"x" * (63 * KIB))
    assert chat.wire.is_open
    client.send(b"x" * (63 * KIB))
    assert chat.wire.was_reset
    assert chat.session.closes == 1


def test_a_peer_that_takes_nothing_for_15_seconds_is_dropped():
    chat = Chat()
    chat.wire.fill()
    chat.session.client.send(b"x")
    chat.passes(14.9)
    assert chat.wire.is_open
    chat.passes(0.2)
    assert chat.wire.was_reset


def test_a_slow_peer_that_makes_progress_is_kept():
    chat = Chat()
    chat.wire.fill()
    chat.session.client.send(b"x")
    for _ in range(5):
        chat.session.client.send(b"x" * (20 * KIB))
        chat.passes(10)
        chat.wire._producer_paused = False
        chat.wire.producer.resumeProducing()
    assert chat.wire.is_open


def test_what_a_busy_session_leaves_unread_is_not_read_because_the_peer_has_caught_up():
    chat = Chat()
    client = chat.session.client
    chat.wire.fill()
    client.send(b"fills the transport")
    client.send(b"x" * (300 * KIB))
    client.pause()
    chat.wire.drain()
    assert not chat.wire.reading
    client.resume()
    assert chat.wire.reading


# Life.


def test_a_peer_is_asked_every_30_seconds_and_kept_while_it_answers():
    chat = Chat()
    assert chat.answers_pings(300) == 10
    assert chat.wire.is_open


def test_a_peer_that_shows_no_life_is_dropped_within_40_seconds():
    chat = Chat()
    chat.passes(40.5)
    assert chat.wire.was_reset
    assert chat.session.closes == 1


def page_sent_just_before_a_ping(size: int) -> Chat:
    """A chat whose peer, which has answered so far, is asked right behind so many bytes."""
    chat = Chat()
    while not chat.answers_pings(1 / 16):
        pass
    chat.passes(29.9)
    chat.session.client.send(b"x" * size)
    chat.passes(0.2)
    assert [opcode for opcode, _ in chat.wire.frames()] == [1, PING]
    return chat


def test_a_line_of_2_kib_a_second_has_the_time_that_its_pong_takes_behind_a_page_of_history():
    chat = page_sent_just_before_a_ping(76 * KIB)
    chat.passes(38)
    chat.wire.says(masked(opcode=PONG))
    chat.answers_pings(60)
    assert chat.wire.is_open


def test_a_peer_that_is_gone_is_not_taken_for_a_slow_line_for_long():
    chat = page_sent_just_before_a_ping(76 * KIB)
    chat.passes(41)
    assert chat.wire.was_reset


def test_a_few_messages_are_no_excuse_for_a_late_answer():
    chat = page_sent_just_before_a_ping(16 * KIB)
    chat.passes(10.5)
    assert chat.wire.was_reset


def test_what_only_looks_like_a_pong_is_part_of_its_message():
    chat = Chat()
    whole = masked(b"ab\x8a\x80cdefgh", opcode=2, mask=b"\0\0\0\0")
    chat.wire.says(whole[:8])
    chat.session.client.ping()
    chat.wire.says(whole[8:14], whole[14:])
    assert chat.heard == [b"ab\x8a\x80cdefgh"]


def test_any_frame_is_a_sign_of_life():
    chat = Chat()
    for _ in range(20):
        chat.passes(5)
        chat.wire.says(masked(b"hello"))
    assert chat.wire.is_open


def test_a_peer_that_is_not_read_cannot_be_late():
    chat = Chat()
    chat.session.client.pause()
    chat.passes(120)
    assert chat.wire.is_open
    chat.session.client.resume()
    assert chat.answers_pings(30) == 1
    assert chat.wire.is_open


def test_a_peer_that_was_asked_before_it_was_paused_gets_its_time_again():
    chat = Chat()
    while not any(opcode == PING for opcode, _ in chat.wire.frames()):
        chat.passes(1 / 16)
    chat.session.client.pause()
    chat.passes(9)
    chat.session.client.resume()
    chat.passes(2)
    assert chat.wire.is_open


def test_pings_of_many_connections_are_spread_over_the_whole_interval():
    chat = Chat(sockets_per_address=1000, connects_burst=1000)
    wires = [chat.wire, *(Wire(chat.site) for _ in range(239))]
    for wire in wires[1:]:
        assert wire.upgrades().status == 101
        chat.server.sessions[-1].chat = CHAT
    most = 0
    for _ in range(240):
        chat.clock.advance(1 / 8)
        asked = 0
        for wire in wires:
            if any(opcode == PING for opcode, _ in wire.frames()):
                asked += 1
                wire.says(masked(opcode=PONG))
        most = max(most, asked)
    assert most <= 2


def test_the_pulse_stops_with_the_last_connection():
    chat = Chat()
    chat.wire.leaves()
    chat.site.connections.starting.close()
    chat.site.deadlines.close()
    assert chat.clock.getDelayedCalls() == []


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


# Floods. Each is cut at once, whatever else it may be.


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


# Goodbyes.


def test_a_peer_that_says_goodbye_is_answered_and_let_go():
    chat = Chat()
    chat.wire.says(masked(b"\x03\xe8bye", opcode=CLOSE))
    assert chat.wire.close_code() == 1000
    assert not chat.wire.is_open
    assert not chat.wire.was_reset
    assert chat.session.closes == 1


def test_a_peer_that_answers_our_goodbye_is_let_go_without_a_reset():
    chat = Chat()
    chat.session.client.close(1012, "restart")
    assert chat.wire.close_code() == 1012
    assert chat.wire.is_open
    chat.wire.says(masked(b"too late"), masked(b"\x03\xf4", opcode=CLOSE))
    assert not chat.wire.is_open
    assert not chat.wire.was_reset
    assert chat.heard == []


def test_a_peer_that_does_not_answer_our_goodbye_is_dropped_after_3_seconds():
    chat = Chat()
    chat.session.client.close(4409, "replaced")
    chat.passes(2.9)
    assert chat.wire.is_open
    chat.passes(0.2)
    assert chat.wire.was_reset


def test_a_peer_that_says_goodbye_and_does_not_read_ours_is_dropped():
    chat = Chat()
    chat.wire.fill()
    chat.session.client.send(b"never read")
    chat.wire.says(masked(b"\x03\xe8", opcode=CLOSE))
    assert chat.wire.is_open
    chat.passes(3.1)
    assert chat.wire.was_reset


def test_a_peer_that_vanishes_is_told_to_its_session_once():
    chat = Chat()
    client = chat.session.client
    chat.wire.leaves()
    client.send(b"late")
    client.close(4400, "late")
    client.pause()
    client.resume()
    chat.passes(60)
    assert chat.session.closes == 1


# What it costs.


def test_a_closed_connection_leaves_nothing_to_collect():
    chat = Chat()
    refs = []
    for wire in [Wire(chat.site) for _ in range(3)]:
        wire.upgrades()
        refs.append(weakref.ref(wire.protocol))
        wire.says(masked(b"a"), masked(b"b", fin=False), masked(b"c", opcode=0))
        wire.fill()
        chat.server.sessions[-1].client.send(b"x")
        chat.server.sessions[-1].client.send(b"x")
        chat.server.sessions.clear()
        gc.disable()
        try:
            wire.leaves()
            assert refs[-1]() is None
        finally:
            gc.enable()


def test_autobahns_state_has_a_default_for_everything_that_autobahn_would_set_up():
    stock = WebSocketServerProtocol()
    stock.factory = WebSocketServerFactory()
    stock.factory.openHandshakeTimeout = 0
    stock.makeConnection(StringTransport())
    # These belong to the handshake, automatic pings and UTF-8 validation, which are turned off.
    unused = {
        *("is_closed", "is_open", "_valid_events", "_results", "triggered", "send_state"),
        *("utf8validator", "openHandshakeTimeoutCall", "connected", "wasOpenHandshakeTimeout"),
        *("wasCloseHandshakeTimeout", "wasServerConnectionDropTimeout", "versions", "webStatus"),
        *("wasServingFlashSocketPolicyFile", "serveFlashSocketPolicy", "flashSocketPolicy"),
        *("autoPingPendingCall", "autoPingPendingSeq", "autoPingPendingSent", "autoPingSize"),
        *("allowedOrigins", "allowedOriginsPatterns", "allowNullOrigin", "maxConnections"),
        *("trustXForwardedFor", "perMessageCompressionAccept", "openHandshakeTimeout"),
        *("tcpNoDelay", "transport", "factory"),
    }
    assert {name for name in vars(stock) if name not in unused} <= {*dir(WebSocketProtocol)}


def test_an_idle_connection_has_few_attributes_of_its_own():
    chat = Chat()
    assert len(vars(chat.session.client)) <= 12


def test_what_tells_that_a_socket_has_nothing_to_send_is_still_there():
    # `write_now` looks at these of Twisted's, and one of them is not public.
    idle = TcpConnection(socket.socket(), None, Clock())
    assert (idle.dataBuffer, idle._tempDataBuffer) == (b"", [])
    idle.socket.close()
