"""How bytes go out to a peer that may be slow, or may never read.

Owns what is unsent of one connection: the transport is given only as much as it says it can take,
the rest waits here. So it can be seen how much is waiting, and whether the peer takes any of it.

    the transport has room      write → transport
    it is full                  write → backlog;  much of it: `peer_is_slow`, then `peer_is_stuck`
    it has room for a part      write → backlog → transport, in pieces
    it is empty again           backlog → transport, in pieces;  all gone: `peer_has_caught_up`
    it stays full for long      `peer_is_stuck`
"""

from typing import Any, Final, Protocol

from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer

from chip.limits import Limits
from chip.tasks import Clock

PIECE: Final = 16 * 1024
"""How much of a backlog is given to the transport at a time. A slow peer is making progress if it
takes some five of these, which fill the transport, within the time of a stall."""
TRANSPORT_BUFFER: Final = 64 * 1024
"""How much Twisted holds before it calls a transport full."""


class Terms(Protocol):
    """What a writer goes by."""

    clock: Clock
    limits: Limits


@implementer(IPushProducer)
class BoundedWriter:
    """The writing side of a connection: the transport's producer. Once the transport is there,
    `transport.registerProducer(self, True)`."""

    transport: Any
    factory: Any

    bytes_out = 0
    is_blocked = False
    """Whether the transport is full."""
    _backlog: bytearray | None = None
    _stall: Any = None

    def peer_is_slow(self) -> None:
        """Called when much is unsent."""
        raise NotImplementedError

    def peer_has_caught_up(self) -> None:
        """Called when nothing is unsent any more."""
        raise NotImplementedError

    def peer_is_stuck(self) -> None:
        """Called when too much is unsent, or none of it can be sent for too long."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Send `data` after everything that was written before."""
        self.bytes_out += len(data)
        if self._backlog is None:
            if not self.is_blocked:
                rest = self._give(data)
                if len(rest) > PIECE:
                    self._backlog = bytearray(rest)
                    self._fill()
                elif rest:
                    self.transport.write(rest)
                return
            self._backlog = bytearray()
        self._backlog += data
        unsent = len(self._backlog) + TRANSPORT_BUFFER
        limits = self._terms.limits
        if unsent > limits.unsent_close_bytes:
            self.peer_is_stuck()
        elif unsent > limits.unsent_pause_bytes:
            self.peer_is_slow()

    def _give(self, data: bytes) -> bytes:
        """Hand `data` to the kernel, and return what it does not take.

        Without a round through the reactor: with one, idle chats took 70 % more CPU when it was
        measured, and a delivery 4 % (`bench`: "idle CPU", "delivery").
        A transport that is no plain socket, or has something to send first, takes nothing here.
        """
        transport = self.transport
        if (
            isinstance(transport, Connection)
            and not transport.dataBuffer
            and not transport._tempDataBuffer
        ):
            sent = transport.writeSomeData(data)
            if isinstance(sent, int):
                return data[sent:]
        return data

    def _fill(self) -> None:
        """Give the transport of the backlog what it has room for."""
        backlog = self._backlog
        while backlog and not self.is_blocked:
            self.transport.write(bytes(backlog[:PIECE]))
            del backlog[:PIECE]
        if not backlog:
            self._backlog = None

    def flush(self) -> None:
        """Leave everything to the transport: nothing more will be written."""
        if self._backlog:
            self.transport.write(bytes(self._backlog))
        self._backlog = None

    def forget_unsent(self) -> None:
        """The connection is gone."""
        self._backlog = None
        self._cancel_stall()

    # From the transport.

    def pauseProducing(self) -> None:
        """The transport is full."""
        self.is_blocked = True
        if self._stall is None:
            terms = self._terms
            self._stall = terms.clock.callLater(terms.limits.write_stall, self.peer_is_stuck)

    def resumeProducing(self) -> None:
        """The transport is empty."""
        self.is_blocked = False
        self._cancel_stall()
        self._fill()
        if self._backlog is None:
            self.peer_has_caught_up()

    def stopProducing(self) -> None:
        """The transport is gone, and says so by itself."""

    @property
    def _terms(self) -> Terms:
        terms: Terms = self.factory
        return terms

    def _cancel_stall(self) -> None:
        if self._stall is not None:
            if self._stall.active():
                self._stall.cancel()
            self._stall = None
