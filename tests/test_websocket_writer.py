"""How bytes go out, on a real socket that the reactor does not look at unless the test says so."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection

from chip.limits import Limits
from chip.web.websocket.writer import BoundedWriter

pytestmark = pytest.mark.private_parts

LINE = 10_000
"""Bytes a second that a slow peer takes."""
KERNEL = 100_000
"""Bytes that the kernel is asked to hold; Linux doubles that. Unasked, hosts differ."""
PIECES = [bytes([number]) * 20_000 for number in range(40)]


class Reactor(Clock):
    """Knows who wants to write, and lets nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.writers: set[Connection] = set()

    def addWriter(self, writer: Connection) -> None:
        self.writers.add(writer)

    def removeWriter(self, writer: Connection) -> None:
        self.writers.discard(writer)


class Wire(BoundedWriter):
    """A writer and its peer, who has read nothing yet."""

    def __init__(self) -> None:
        self.clock = self.reactor = Reactor()
        self.limits = Limits()
        self.factory = self
        ours, self.peer = socket.socketpair()
        self.is_stuck = False
        for end in (ours, self.peer):
            end.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL)
        self.transport = Connection(ours, None, self.reactor)
        self.transport.connected = True
        self.transport.registerProducer(self, True)

    def peer_is_slow(self) -> None:
        pass

    def peer_has_caught_up(self) -> None:
        pass

    def peer_is_stuck(self) -> None:
        self.is_stuck = True

    def reads(self, most: int = 10_000_000) -> bytes:
        """What the peer finds there."""
        found = b""
        try:
            while data := self.peer.recv(min(65536, most - len(found))):
                found += data
        except BlockingIOError:
            pass
        return found

    def reads_slowly(self, size: int) -> bytes:
        """What the peer has after as many seconds as its line takes for so much."""
        found = b""
        for _ in range(-(-size // LINE)):
            found += self.reads(LINE)
            self.turn()
            self.clock.advance(1)
        return found

    def turn(self) -> None:
        """Whoever wants to write may do so, once."""
        for writer in set(self.reactor.writers):
            writer.doWrite()

    def close(self) -> None:
        self.transport.socket.close()
        self.peer.close()
        self.forget_unsent()


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


def test_what_is_written_is_with_the_peer_before_the_reactor_turns(wire):
    wire.write(b"one ")
    wire.write(b"two")
    assert wire.reads() == b"one two"
    assert wire.reactor.writers == set()
    assert wire.bytes_out == 7


def test_what_the_kernel_does_not_take_follows_and_nothing_overtakes_it(wire):
    for piece in PIECES:
        wire.write(piece)
    assert wire.is_blocked
    read = wire.reads()
    wire.write(b"the end")
    while wire.reactor.writers:
        wire.turn()
        read += wire.reads()
    assert read == b"".join([*PIECES, b"the end"])
    assert wire.bytes_out == len(read)


def test_nothing_overtakes_what_was_begun(wire):
    while not wire.reactor.writers:
        wire.write(b"x" * 1000)
    wire.turn()
    read = wire.reads()
    wire.write(b"the end")
    wire.turn()
    read += wire.reads()
    assert read == b"x" * (wire.bytes_out - 7) + b"the end"


def test_behind_what_the_transport_holds_nothing_goes_out_at_once(wire):
    wire.transport.write(b"HTTP/1.1 101\r\n\r\n")
    wire.write(b"frame")
    assert wire.reads() == b""
    wire.turn()
    assert wire.reads() == b"HTTP/1.1 101\r\n\r\nframe"


def test_a_peer_that_reads_slowly_but_steadily_is_not_cut_however_large_one_frame_is(wire):
    frame = b"x" * 900_000
    wire.write(frame)
    assert wire.reads_slowly(len(frame)) == frame
    assert not wire.is_stuck


def test_a_peer_that_stops_reading_a_large_frame_is(wire):
    wire.write(b"x" * 900_000)
    wire.reads_slowly(450_000)
    assert not wire.is_stuck
    wire.clock.advance(wire.limits.write_stall)
    assert wire.is_stuck
