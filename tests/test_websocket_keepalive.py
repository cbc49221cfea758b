"""Peers of a WebSocket that read slowly or show no life: who is kept, and who is dropped when."""

from __future__ import annotations

import tracemalloc

import pytest
from twisted.internet.task import Clock

from chip.web.websocket.keepalive import Keepalive
from chip.web.websocket.writer import TRANSPORT_BUFFER
from tests.support.web import CHAT, Wire, masked
from tests.support.websocket import KIB, PING, PONG, Chat

pytestmark = pytest.mark.private_parts

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


class Peer:
    """A connection that notes when it is asked, and when an answer is expected of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.times: list[tuple[str, float]] = []

    def ping(self) -> None:
        self.times.append(("ping", self._clock.seconds()))

    def check_alive(self) -> None:
        self.times.append(("check", self._clock.seconds()))


def test_a_day_between_pings_is_kept_to_and_takes_little_memory():
    clock, day = Clock(), 86_400
    tracemalloc.start()
    keepalive = Keepalive(clock, day, 10)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000
    peer = Peer(clock)
    slot = keepalive.add(peer)
    clock.pump([6] * (2 * day // 6))
    keepalive.remove(peer, slot)
    (_, pinged), (_, checked), (_, pinged_again) = peer.times[-3:]
    assert [what for what, _ in peer.times[-3:]] == ["ping", "check", "ping"]
    assert pinged_again - pinged == pytest.approx(day, abs=6)
    assert 10 <= checked - pinged < 60


@pytest.mark.parametrize("timeout", [30, 31, 3600])
def test_a_time_to_answer_ends_with_the_next_ping_at_the_latest(timeout):
    clock = Clock()
    keepalive = Keepalive(clock, 30, timeout)
    peer = Peer(clock)
    slot = keepalive.add(peer)
    clock.pump([1 / 8] * (8 * 70))
    keepalive.remove(peer, slot)
    assert [what for what, _ in peer.times][-3:] == ["ping", "check", "ping"]
    (_, pinged), (_, checked), _ = peer.times[-3:]
    assert checked - pinged == pytest.approx(30, abs=0.5)


def test_the_pulse_stops_with_the_last_connection():
    chat = Chat()
    chat.wire.leaves()
    chat.site.connections.starting.close()
    chat.site.waiting.close()
    assert chat.clock.getDelayedCalls() == []
