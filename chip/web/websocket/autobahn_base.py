"""Autobahn's WebSocket server protocol with everything turned off that Chip does not use.

Owns what an idle connection costs. It changes no behaviour that matters: what is read and written,
and when a peer is cut, is `chip.web.websocket.protocol`'.

What is turned off, and why:

- the handshake, which reads headers a second time and splits them where it should not (see
  `chip.web.websocket.handshake`): a connection begins here when it is open;
- options, futures, timers, a validator and statistics for each connection: 4 KB and 0.3 ms, and
  reference cycles that only the garbage collector would find;
- automatic pings, which cost ten times what `chip.web.websocket.keepalive` does.
"""

from typing import Any, Final

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.protocol import TrafficStats

STATE_OPEN: Final = WebSocketServerProtocol.STATE_OPEN
STATE_CLOSED: Final = WebSocketServerProtocol.STATE_CLOSED

# What Autobahn counts for each connection, in one object for all: nobody reads it.
_NOBODY_COUNTS: Final = TrafficStats()  # type: ignore[no-untyped-call]


class AutobahnBase(WebSocketServerProtocol):
    """Frames, fragments and closing handshakes by RFC 6455, and nothing else."""

    # Autobahn's options, as class attributes: with nothing to copy, it copies nothing.
    CONFIG_ATTRS: Any = ()
    logOctets = logFrames = trackTimings = False
    utf8validateIncoming = False
    requireMaskedClientFrames = applyMask = True
    maskServerFrames = echoCloseCodeReason = False
    maxFramePayloadSize = autoFragmentSize = 0
    autoPingInterval = autoPingTimeout = closeHandshakeTimeout = 0
    autoPingRestartOnAnyTraffic = False
    # With this on, Autobahn stops reading a frame at the first violation. What
    # happens then is for `_fail_connection` to decide.
    failByDrop = True

    # Autobahn's state as it begins, shared until it changes: an idle connection has few
    # attributes of its own, and few enough that Python keeps them in one compact table.
    state = STATE_OPEN
    websocket_version = 13
    current_frame: Any = None
    inside_message = False
    data = b""
    send_queue: Any = ()
    _perMessageCompress = None
    trackedTimings: Any = None
    trafficStats: Any = _NOBODY_COUNTS
    failedByMe = closedByMe = droppedByMe = wasClean = False
    wasNotCleanReason: Any = None
    wasMaxFramePayloadSizeExceeded = wasMaxMessagePayloadSizeExceeded = False
    localCloseCode: Any = None
    localCloseReason = None
    remoteCloseCode: Any = None
    remoteCloseReason = None
    closeHandshakeTimeoutCall = autoPingTimeoutCall = autoPingPending = None
    peer: Any = ""
    _transport_details: Any = None

    def __init__(self, factory: Any) -> None:
        # Autobahn's own would make two futures that refer back to this object.
        self.factory = factory

    def message_ended(self, payload: bytes, is_binary: bool) -> None:
        """Take a message that was fragmented or large."""
        raise NotImplementedError

    def onMessageEnd(self) -> None:
        """A whole message is there. Autobahn's own would make a future to tell listeners."""
        payload = b"".join(self.message_data)
        self.message_data = []
        if not self.failedByMe:
            self.message_ended(payload, self.message_is_binary)
