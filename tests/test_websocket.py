"""One WebSocket, in memory and on a clock: what comes in, what goes out, and how it closes."""

from __future__ import annotations

import gc
import random
import socket
import weakref

import pytest
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection as TcpConnection
from twisted.internet.testing import StringTransport

from chip.web.websocket.protocol import WebSocketProtocol
from tests.support.web import CHANNEL, UPGRADE, Wire, masked, request
from tests.support.websocket import CLOSE, KIB, PING, PONG, Chat

pytestmark = pytest.mark.private_parts

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
    chat.clock.advance(0)
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
    # `BoundedWriter.write` looks at these of Twisted's, and one of them is not public.
    idle = TcpConnection(socket.socket(), None, Clock())
    assert (idle.dataBuffer, idle._tempDataBuffer) == (b"", [])
    idle.socket.close()
