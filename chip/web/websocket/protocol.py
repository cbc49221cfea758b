"""What a hostile, mistaken or slow peer may do on a WebSocket before it is cut.

Owns one connection's frames in both directions. It knows neither chats nor sessions nor HTTP: it
begins where the handshake has ended, hands whole messages to `message_received`, and says `ended`
once. Autobahn does what the protocol demands (see `chip.web.websocket.autobahn_base`) and leaves
these holes: continuations and pings without end, pongs and data without end for a peer that does
not read, and a reset, or parsing on, for a peer that has done wrong.

    bytes → whole plain frames are read here, everything else by Autobahn → message_received
    send, close → the transport, or a backlog of ours when the transport is full
"""

from typing import Any, Final

from autobahn.util import encode_truncate
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from chip.limits import Limits, TokenBucket
from chip.tasks import Clock
from chip.web.http.deadlines import Deadlines
from chip.web.websocket.autobahn_base import CLOSED, OPEN, AutobahnBase
from chip.web.websocket.frames import (
    BINARY,
    EMPTY_PONG,
    PING,
    PONG_LENGTH,
    TEXT,
    text_frame,
    whole_frame,
)
from chip.web.websocket.keepalive import Keepalive
from chip.web.websocket.writer import BoundedWriter

PROTOCOL_ERROR: Final = 1002
NO_CODE: Final = 1005
GONE: Final = 1006
NOT_UTF8: Final = 1007
TOO_BIG: Final = 1009
SLOW_READER: Final = 4008
TOO_MANY_REQUESTS: Final = 4029

CLOSE_TIMEOUT: Final = 3.0
"""Seconds that a peer has to answer a close frame, and to take what was written before it."""
LINGER: Final = 0.5
"""Seconds in which a peer that was told off can read why, before its connection is dropped."""
DEAF_BYTES: Final = 1024 * 1024
"""What a peer that was told off may still send before it is not even read any more."""
SLOWEST_LINE: Final = 2 * 1024
"""Bytes a second that a peer is trusted to take, before it counts as dead."""

# Why a connection is not read from at the moment.
_SESSION_BUSY: Final = 1
_PEER_SLOW: Final = 2


class WebSocketFactory:
    """What all connections have in common. Autobahn calls it the factory."""

    isServer = True

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self.clock = clock
        self.limits = limits
        self.keepalive = Keepalive(clock, limits.ping_interval, limits.ping_timeout)
        self.closing = Deadlines[WebSocketProtocol](clock, CLOSE_TIMEOUT, WebSocketProtocol.abort)
        self.lingering = Deadlines[WebSocketProtocol](clock, LINGER, WebSocketProtocol.abort)
        # A visitor who comes back may acknowledge a whole outbox as fast as he can.
        self.frames_burst = limits.frames_per_second + limits.outbox_messages

    def close(self) -> None:
        """Stop all timers."""
        self.closing.close()
        self.lingering.close()


class WebSocketProtocol(BoundedWriter, AutobahnBase):
    """One open WebSocket. `attach` gives it its transport."""

    bytes_in = 0
    _alive = True
    _consuming = False
    _deaf = False
    _unheard = 0
    _holds = 0
    _fragments = 0
    _pings: TokenBucket | None = None
    _sent_at_ping = 0
    _ahead_of_pong = 0
    _lost = False

    def __init__(self, factory: WebSocketFactory) -> None:
        super().__init__(factory)
        self._slot = -1
        self._frames = TokenBucket(factory.limits.frames_per_second, factory.frames_burst)

    @property
    def maxMessagePayloadSize(self) -> int:
        """Bytes that one message may have."""
        limits: Limits = self.factory.limits
        return limits.message_bytes

    # For the subclass.

    def message_received(self, payload: bytes) -> None:
        """Take a whole message; a text one is UTF-8."""
        raise NotImplementedError

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
        return bool(self.state == OPEN)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye with a WebSocket close code; the peer has a moment to answer.

        Any code goes: `sendClose` would refuse 1012. Does nothing when closing already.
        """
        if self.state == OPEN:
            self.sendCloseFrame(code=code, reasonUtf8=encode_truncate(reason, 123))
            self.factory.closing.start(self)

    def fail(self, code: int, reason: str) -> None:
        """Tell the peer what it did wrong, and hear no more of it."""
        if self.state == OPEN:
            self.sendCloseFrame(code=code, reasonUtf8=encode_truncate(reason, 123))
        self._deaf = True
        self.data = b""
        # It is read, and what it says dropped, for a moment: a connection that is closed with
        # bytes unread is reset, and takes the close frame with it.
        self.factory.closing.stop(self)
        self.factory.lingering.start(self)

    def abort(self) -> None:
        """Drop the connection with whatever is still unsent."""
        self.state = CLOSED
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone. Autobahn's own would log, and resolve futures."""
        if self._lost:
            return
        self._lost = True
        self.state = CLOSED
        self.forget_unsent()
        self.data = b""
        self.factory.closing.stop(self)
        self.factory.lingering.stop(self)
        if self._slot >= 0:
            self.factory.keepalive.remove(self, self._slot)
        code = self.localCloseCode if self.closedByMe else self.remoteCloseCode
        self.ended(code or (NO_CODE if self.wasClean else GONE))

    def _fail_connection(self, code: int = PROTOCOL_ERROR, reason: str = "") -> None:
        # Autobahn comes here with every violation it finds.
        self.failedByMe = True
        self.fail(code, reason)

    def dropConnection(self, abort: bool = False) -> None:
        """End the connection after a closing handshake, whoever began it.

        Autobahn comes here when both close frames have been seen. A reset, as it would have it
        when we were first, could overtake ours.
        """
        self.state = CLOSED
        self.droppedByMe = True
        self.flush()
        # Twisted keeps a connection open for as long as it has a producer, and for ever when the
        # peer does not take what is left.
        self.factory.closing.start(self)
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    # Reading.

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer."""
        was_asked, self._alive = not self._alive, True
        self.bytes_in += len(data)
        if (
            was_asked
            and len(data) == PONG_LENGTH
            and data.startswith(EMPTY_PONG)
            and self.current_frame is None
            and not self.data
        ):
            return  # nearly all that an idle peer ever says
        if self._deaf:
            self._unheard += len(data)
            if self._unheard > DEAF_BYTES:
                self.transport.pauseProducing()
            return
        self.data = self.data + data if self.data else data
        self._consume()

    def _consume(self) -> None:
        if self._consuming:
            return
        self._consuming = True
        try:
            # One round takes all plain frames at hand and then one step of Autobahn's, which
            # looks again at what remains; it returns False when more bytes are needed.
            more = True
            while more and not (self._deaf or self._holds & _SESSION_BUSY or self.state == CLOSED):
                if self.current_frame is None and not self.inside_message:
                    self._take_whole_frames()
                    if not self.data:
                        break
                    if self._deaf or self._holds & _SESSION_BUSY:
                        continue
                more = bool(self.processData())
        finally:
            self._consuming = False
        if self._deaf or self.state == CLOSED:
            self.data = b""

    def _take_whole_frames(self) -> None:
        data, at = self.data, 0
        max_payload = self.factory.limits.message_bytes
        while frame := whole_frame(data, at, max_payload):
            at = frame.end
            if not self._may_go_on():
                return
            if frame.opcode in (TEXT, BINARY):
                self.message_ended(frame.payload, frame.opcode == BINARY)
                if self._deaf or self._holds & _SESSION_BUSY:
                    break
        if at:
            self.data = data[at:]

    def _may_go_on(self) -> bool:
        """Count a frame against its rate."""
        if self._frames.take(self.factory.clock.seconds()):
            self.fail(TOO_MANY_REQUESTS, "too many frames")
            return False
        return True

    def message_ended(self, payload: bytes, is_binary: bool) -> None:
        """A message is complete, whoever has read it."""
        if self.state != OPEN:
            return
        if not (is_binary or payload.isascii()):
            try:
                payload.decode()
            except UnicodeDecodeError:
                self.fail(NOT_UTF8, "text must be UTF-8")
                return
        self.message_received(payload)

    def onFrameBegin(self) -> None:
        """Autobahn has read a frame's header."""
        # Also of control frames and empty continuations, each of which costs as much as any.
        if self._may_go_on():
            super().onFrameBegin()

    def onMessageBegin(self, isBinary: bool) -> None:
        """Autobahn has begun a message."""
        self._fragments = 0
        super().onMessageBegin(isBinary)

    def onMessageFrameBegin(self, length: int) -> None:
        """Autobahn has begun a fragment of a message."""
        self._fragments += 1
        if self._fragments > self.factory.limits.fragments_per_message:
            self.fail(TOO_BIG, "too many fragments")
        super().onMessageFrameBegin(length)

    def onPing(self, payload: bytes) -> None:
        """The peer asks for life."""
        limits = self.factory.limits
        self._pings = self._pings or TokenBucket(limits.pings_per_second, limits.pings_burst)
        if self._pings.take(self.factory.clock.seconds()):
            self.fail(TOO_MANY_REQUESTS, "too many pings")
        elif not self.is_blocked:
            # A peer that does not read would only collect pongs here.
            super().onPing(payload)

    def pause(self) -> None:
        """Read no more from the peer; frames that are here already wait."""
        self._hold(_SESSION_BUSY)

    def resume(self) -> None:
        """Read on."""
        if self._holds & _SESSION_BUSY:
            self._release(_SESSION_BUSY)
            self._consume()

    def _hold(self, why: int) -> None:
        if not self._holds:
            self.transport.pauseProducing()
        self._holds |= why

    def _release(self, why: int) -> None:
        self._holds &= ~why
        if not self._holds and not self._lost:
            # What the peer said meanwhile has not been read: nothing speaks against its life.
            self._alive = True
            self.transport.resumeProducing()

    # Writing.

    def send(self, frame: bytes) -> None:
        """Send a text frame with this payload. Does nothing once the connection is closing."""
        if self.state == OPEN:
            self.sendData(text_frame(frame))

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Everything that is sent goes through here, Autobahn's frames too, so all in order."""
        self.write(data)

    def peer_is_slow(self) -> None:
        """Too much is unsent to hear what the peer wants next."""
        self._hold(_PEER_SLOW)

    def peer_has_caught_up(self) -> None:
        """Nothing is unsent any more."""
        if self._holds & _PEER_SLOW:
            self._release(_PEER_SLOW)

    def peer_is_stuck(self) -> None:
        """The peer does not read. It cannot be told, since that would have to be read too."""
        self.closedByMe = True
        self.localCloseCode = SLOW_READER
        self.abort()

    # Keepalive.

    def ping(self) -> None:
        """Ask the peer for a sign of life."""
        # Where nothing can be sent, the stall runs; where nothing is read, no sign can be seen.
        if self.state == OPEN and not (self.is_blocked or self._holds):
            sent = self.bytes_out - self._sent_at_ping
            self._ahead_of_pong = sent if self._alive else self._ahead_of_pong + sent
            self._sent_at_ping = self.bytes_out
            self._alive = False
            self.write_now(PING)

    def expect_life(self) -> None:
        """Drop the peer if it was asked and has not answered with anything.

        On a slow line its answer comes behind all that was sent lately, maybe a page of history.
        """
        if self._alive or self._holds:
            return
        limits = self.factory.limits
        if self._ahead_of_pong > limits.ping_timeout * SLOWEST_LINE:
            self._ahead_of_pong -= limits.ping_interval * SLOWEST_LINE
        else:
            self.abort()
