"""One open WebSocket: how it is begun, written to, kept alive and ended.

It knows neither chats nor sessions nor HTTP: it begins where the handshake has ended, hands whole
messages to `message_received`, and says `ended` once. What a peer may say is
`chip.web.websocket.reader`'s; how bytes go out to one that is slow, `chip.web.websocket.writer`'s.

    bytes → reader → message_received
    send, close → writer → the transport, or a backlog of ours when that is full
"""

from typing import Any, Final, Generic, TypeVar

from autobahn.util import encode_truncate
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from chip.limits import Limits
from chip.tasks import Clock
from chip.web.http.deadlines import Deadlines
from chip.web.http.half_close import LINGER, end_writing
from chip.web.http.request import Request
from chip.web.websocket.autobahn_base import STATE_CLOSED, STATE_OPEN
from chip.web.websocket.frames import PING, text_frame
from chip.web.websocket.keepalive import Keepalive
from chip.web.websocket.reader import PEER_SLOW, GuardedReader
from chip.web.websocket.writer import BoundedWriter

SERVICE_RESTART: Final = 1012
"""The close code by which a page comes back later: this process is being restarted."""
NO_CODE: Final = 1005
GONE: Final = 1006
SLOW_READER: Final = 4008

CLOSE_HANDSHAKE_TIMEOUT: Final = 3.0
"""Seconds that a peer has to answer a close frame, and to take what was written before it."""
SLOWEST_LINE: Final = 2 * 1024
"""Bytes a second that a peer is trusted to take, before it counts as dead."""

P = TypeVar("P", bound="WebSocketProtocol")


class WebSocketFactory(Generic[P]):
    """What all connections have in common, and which are open. Autobahn calls it the factory."""

    isServer = True

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self.clock = clock
        self.limits = limits
        self.keepalive = Keepalive(clock, limits.ping_interval, limits.ping_timeout)
        self.closing = Deadlines[WebSocketProtocol](
            clock, CLOSE_HANDSHAKE_TIMEOUT, WebSocketProtocol.abort
        )
        self.lingering = Deadlines[WebSocketProtocol](clock, LINGER, WebSocketProtocol.abort)
        # A visitor who comes back may acknowledge a whole outbox as fast as he can.
        self.frames_burst = limits.frames_per_second + limits.outbox_messages
        self._open: set[P] = set()
        self._all_gone: Deferred[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, request: Request, connection: P, greeting: bytes) -> None:
        """Make a connection of the request; `greeting` is the answer to it."""
        self._open.add(connection)
        request.hand_over(connection, greeting)

    def gone(self, connection: P) -> None:
        """A connection has ended."""
        self._open.discard(connection)
        if self._all_gone is not None and not self._open:
            all_gone, self._all_gone = self._all_gone, None
            all_gone.callback(None)

    async def all_gone(self) -> None:
        """Returns when no connection is left."""
        if self._open:
            self._all_gone = Deferred()
            await self._all_gone

    def close(self) -> None:
        """Stop all timers."""
        self.closing.close()
        self.lingering.close()


class WebSocketProtocol(BoundedWriter, GuardedReader):
    """One open WebSocket. `attach` gives it its transport."""

    _slot = -1
    _sent_at_ping = 0
    _ahead_of_pong = 0

    # For the subclass, beside `message_received`.

    def ended(self, code: int) -> None:
        """The connection is gone; called once. `code` is our close code, else the peer's."""
        raise NotImplementedError

    # Coming and going.

    def attach(self, transport: Any, greeting: bytes) -> None:
        """Take over `transport`, which no other protocol reads from any more."""
        self.transport = transport
        transport.write(greeting)
        # The transport's full buffer is all the back-pressure there is.
        transport.registerProducer(self, True)
        self._slot = self.factory.keepalive.add(self)

    @property
    def is_open(self) -> bool:
        """Whether messages still go both ways."""
        return bool(self.state == STATE_OPEN)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye with a WebSocket close code; the peer has a moment to answer.

        Any code goes: `sendClose` would refuse 1012. Does nothing when closing already.
        """
        if self.state == STATE_OPEN:
            self.sendCloseFrame(code=code, reasonUtf8=encode_truncate(reason, 123))
            self.factory.closing.start(self)

    def fail(self, code: int, reason: str) -> None:
        """Tell the peer what it did wrong, and hear no more of it.

        The end follows the close frame at once, as RFC 6455 has it in section 7.1.1: what the peer
        answers cannot be told from the rest of what it does wrong. It is read from for a moment.
        """
        super().fail(code, reason)
        self.factory.closing.stop(self)
        self.factory.lingering.start(self)
        self.flush()
        end_writing(self.transport)

    def abort(self) -> None:
        """Drop the connection with whatever is still unsent."""
        self.state = STATE_CLOSED
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone. Autobahn's own would log, and resolve futures."""
        if self.is_lost:
            return
        self.is_lost = True
        self.state = STATE_CLOSED
        self.forget_unsent()
        self.data = b""
        self.factory.closing.stop(self)
        self.factory.lingering.stop(self)
        if self._slot >= 0:
            self.factory.keepalive.remove(self, self._slot)
        code = self.localCloseCode if self.closedByMe else self.remoteCloseCode
        self.ended(code or (NO_CODE if self.wasClean else GONE))

    def dropConnection(self, abort: bool = False) -> None:
        """End the connection after a closing handshake, whoever began it.

        Autobahn comes here when both close frames have been seen. A reset, as it would have it
        when we were first, could overtake ours.
        """
        self.state = STATE_CLOSED
        self.droppedByMe = True
        self.flush()
        # Twisted keeps a connection open for as long as it has a producer, and for ever when the
        # peer does not take what is left.
        self.factory.closing.start(self)
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    # Writing.

    def send(self, frame: bytes) -> None:
        """Send a text frame with this payload. Does nothing once the connection is closing."""
        if self.state == STATE_OPEN:
            self.sendData(text_frame(frame))

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Everything that is sent goes through here, Autobahn's frames too, so all in order."""
        self.write(data)

    def peer_is_slow(self) -> None:
        """Too much is unsent to hear what the peer wants next."""
        self.hold(PEER_SLOW)

    def peer_has_caught_up(self) -> None:
        """Nothing is unsent any more."""
        if self.holds & PEER_SLOW:
            self.release(PEER_SLOW)

    def peer_is_stuck(self) -> None:
        """The peer does not read. It cannot be told, since that would have to be read too."""
        self.closedByMe = True
        self.localCloseCode = SLOW_READER
        self.abort()

    # Keepalive.

    def ping(self) -> None:
        """Ask the peer for a sign of life."""
        # Where nothing can be sent, the stall runs; where nothing is read, no sign can be seen.
        if self.state == STATE_OPEN and not (self.is_blocked or self.holds):
            sent = self.bytes_out - self._sent_at_ping
            self._ahead_of_pong = sent if self.alive else self._ahead_of_pong + sent
            self._sent_at_ping = self.bytes_out
            self.alive = False
            self.write(PING)

    def check_alive(self) -> None:
        """Drop the peer if it was asked and has not answered with anything.

        On a slow line its answer comes behind all that was sent lately, maybe a page of history.
        """
        if self.alive or self.holds:
            return
        limits = self.factory.limits
        if self._ahead_of_pong > limits.ping_timeout * SLOWEST_LINE:
            self._ahead_of_pong -= limits.ping_interval * SLOWEST_LINE
        else:
            self.abort()
