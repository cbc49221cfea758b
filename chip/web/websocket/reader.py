"""What a peer that may be hostile or mistaken is heard to say, and when it is not even read.

Owns the reading side of one connection. Autobahn reads frames as RFC 6455 wants it (see
`chip.web.websocket.autobahn_base`) and leaves these holes, which are closed here: frames,
continuations and pings without end, pongs for a peer that does not read them, and parsing on, or a
reset, for a peer that has done wrong.

    bytes → Autobahn → each frame counts against a rate → `message_received`, whole messages only
    a violation      → `fail`: the peer is told, and nothing more is heard
    `hold`, `release`: not read from, while what it said is worked on or what it is sent piles up
"""

from typing import Any, Final

from autobahn.util import encode_truncate

from chip.buckets import TokenBucket
from chip.limits import Limits
from chip.web.http.half_close import ignore
from chip.web.websocket.autobahn_base import STATE_CLOSED, STATE_OPEN, AutobahnBase
from chip.web.websocket.frames import EMPTY_PONG, PONG_LENGTH

PROTOCOL_ERROR: Final = 1002
NOT_UTF8: Final = 1007
TOO_BIG: Final = 1009
TOO_MANY_REQUESTS: Final = 4029


# Why a connection is not read from at the moment.
SESSION_BUSY: Final = 1
PEER_SLOW: Final = 2
OTHERS_FIRST: Final = 4
_UNTIL_LATER: Final = SESSION_BUSY | OTHERS_FIRST
"""For what is here already and waits, too."""


class GuardedReader(AutobahnBase):
    """The reading side of an open WebSocket. `factory` has `clock`, `limits` and `frames_burst`."""

    transport: Any

    bytes_in = 0
    is_blocked = False
    """Whether the peer does not read what it is sent."""
    alive = True
    """Whether the peer has said anything since this was made False."""
    holds = 0
    """Why nothing is read, as bits of the constants above."""
    is_lost = False
    """Whether the transport is gone."""
    _consuming = False
    _ignores_input = False
    _ignored = 0
    _fragments = 0
    _pings: TokenBucket | None = None

    def __init__(self, factory: Any) -> None:
        super().__init__(factory)
        self._frames = TokenBucket(factory.limits.frames_per_second, factory.frames_burst)

    @property
    def maxMessagePayloadSize(self) -> int:
        """Bytes that one message may have."""
        limits: Limits = self.factory.limits
        return limits.message_bytes

    def message_received(self, payload: bytes) -> None:
        """Take a whole message; a text one is UTF-8."""
        raise NotImplementedError

    def fail(self, code: int, reason: str) -> None:
        """Tell the peer what it did wrong, and hear no more of it."""
        if self.state == STATE_OPEN:
            self.sendCloseFrame(code=code, reasonUtf8=encode_truncate(reason, 123))
        self._ignores_input = True
        self.data = b""

    def pause(self) -> None:
        """Read no more from the peer; frames that are here already wait."""
        self.hold(SESSION_BUSY)

    def resume(self) -> None:
        """Read on."""
        self.read_on(SESSION_BUSY)

    def read_on(self, why: int) -> None:
        """Read again, what is here already first, unless there is another reason not to."""
        if self.holds & why:
            self.release(why)
            self._consume()

    def hold(self, why: int) -> None:
        """Do not read from the transport, for this reason."""
        if not self.holds:
            self.transport.pauseProducing()
        self.holds |= why

    def release(self, why: int) -> None:
        """Read again, unless there is another reason not to."""
        self.holds &= ~why
        if not self.holds and not self.is_lost:
            # What the peer said meanwhile has not been read: nothing speaks against its life.
            self.alive = True
            self.transport.resumeProducing()

    # From the transport.

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer."""
        was_asked, self.alive = not self.alive, True
        self.bytes_in += len(data)
        if (
            was_asked
            and len(data) == PONG_LENGTH
            and data.startswith(EMPTY_PONG)
            and self.current_frame is None
            and not self.data
        ):
            # Nearly all that an idle peer ever says: by Autobahn, idle chats took a sixth more CPU
            # when it was measured (`bench`: "idle CPU").
            return
        if self._ignores_input:
            self._ignored = ignore(self.transport, self._ignored, data)
            return
        self.data = self.data + data if self.data else data
        self._consume()

    def _consume(self) -> None:
        if self._consuming:
            return
        self._consuming = True
        try:
            # Autobahn takes a step, such as a frame, and returns False when it needs more bytes.
            more = True
            while more and not (
                self._ignores_input or self.holds & _UNTIL_LATER or self.state == STATE_CLOSED
            ):
                more = bool(self.processData())
        finally:
            self._consuming = False
        if self._ignores_input or self.state == STATE_CLOSED:
            self.data = b""

    # From Autobahn.

    def _fail_connection(self, code: int = PROTOCOL_ERROR, reason: str = "") -> None:
        # Autobahn comes here with every violation it finds.
        self.failedByMe = True
        self.fail(code, reason)

    def message_ended(self, payload: bytes, is_binary: bool) -> None:
        """A message is complete."""
        if self.state != STATE_OPEN:
            return
        if not (is_binary or payload.isascii()):
            try:
                payload.decode()
            except UnicodeDecodeError:
                self.fail(NOT_UTF8, "text must be UTF-8")
                return
        self.message_received(payload)

    def onFrameBegin(self) -> None:
        """A frame's header has been read."""
        # Also of control frames and empty continuations, each of which costs as much as any.
        if self._frames.take(self.factory.clock.seconds()):
            self.fail(TOO_MANY_REQUESTS, "too many frames")
        else:
            super().onFrameBegin()

    def onMessageBegin(self, isBinary: bool) -> None:
        """A message has begun."""
        self._fragments = 0
        super().onMessageBegin(isBinary)

    def onMessageFrameBegin(self, length: int) -> None:
        """A fragment of a message has begun."""
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
