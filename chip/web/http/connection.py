"""One HTTP connection: twisted.web's, with limits it does not have.

Owns what a peer may send before it has said what it wants, and how long it may take. A complete
request goes to the connection's owner. A connection that becomes a WebSocket is handed over and
leaves nothing behind.

    connected ──head──▶ (body) ──▶ answering ──▶ taken ──▶ idle ──head──▶ …
              5 s        10 s      no limit       15 s     2 min
"""

from typing import Any, Final, Protocol

from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from chip.limits import Limits
from chip.web.http.addresses import Addresses
from chip.web.http.request import Request, Successor
from chip.web.http.waiting import ConnectionWaits

SERVER: Final = b"Chip"
"""What the Server header says; its version is nobody's business."""

MAX_PIPELINED: Final = 16
"""Requests that are answered out of one packet before the connection is closed. Nobody sends so
many ahead of their answers, and each takes a turn from everybody else."""

_BAD_REQUEST: Final = (
    b"HTTP/1.1 400 Bad Request\r\nServer: %b\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: 23\r\n\r\n"
    b'{"error":"bad request"}' % SERVER
)
# Everything below a space but the tab, and DEL. They have no business in a header, and programs
# that split lines at some of them would see headers where there are none.
_CONTROLS: Final = bytes(range(9)) + bytes(range(10, 32)) + b"\x7f"


class Owner(Protocol):
    """Whoever has accepted a connection: `chip.web.http.server.HttpServer`."""

    limits: Limits
    waiting: ConnectionWaits
    addresses: Addresses
    is_draining: bool

    def received(self, request: Request, /) -> None:
        """Answer a complete request."""

    def gone(self, connection: "HttpConnection", /) -> None:
        """The connection is gone, or no HTTP any more."""


class HttpConnection(HTTPChannel):
    """A connection before it has become something else, or for ever."""

    # Twisted's own time-outs start anew with every byte; a peer that sends one now and then would
    # never be late.
    timeOut = None
    requestFactory: Any = Request
    transport: Any
    _networkProducer: Any

    def __init__(self, owner: Owner) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.owner = owner
        self.maxHeaders = owner.limits.handshake_headers
        self.totalHeadersSize = self.MAX_LENGTH = owner.limits.handshake_bytes
        self.address = ""
        """Whose connection this is, or whose request is on the way."""
        self._peer_address = ""
        self._has_spoken = False
        self._successor: Successor | None = None
        self._pipelined = 0

    def connectionMade(self) -> None:
        """Somebody has come."""
        super().connectionMade()  # type: ignore[no-untyped-call]
        self.address = self._peer_address = self._whose()
        self.owner.waiting.request_begins(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer."""
        if not self._busyReceiving:
            self._pipelined = 0
        waiting = self.owner.waiting
        if not self._has_spoken:
            self._has_spoken = True
            if isinstance(self.transport, ProtocolWrapper):
                # By the PROXY protocol, it has been told only now who the peer is.
                self._peer_address = self._whose()
                waiting.is_from(self, self._peer_address)
        elif waiting.idle.stop(self):
            waiting.request_begins(self)
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def headerReceived(self, line: bytes) -> bool:
        """A header line, continuation lines included."""
        if len(line.translate(None, _CONTROLS)) != len(line):
            self._respondToBadRequestAndDisconnect()
            return False
        return bool(super().headerReceived(line))  # type: ignore[no-untyped-call]

    def lineLengthExceeded(self, line: bytes) -> None:
        """One line is longer than a whole head may be."""
        self._respondToBadRequestAndDisconnect()

    def allHeadersReceived(self) -> None:
        """The head is complete."""
        super().allHeadersReceived()  # type: ignore[no-untyped-call]
        waiting = self.owner.waiting
        # A chain of bad headers ends here too, with a connection that is closing already.
        if waiting.head.stop(self) and self.length != 0:
            waiting.body.start(self)
            waiting.is_from(self, self.requests[-1].address)

    def allContentReceived(self) -> None:
        """The request is complete."""
        waiting = self.owner.waiting
        waiting.request_is_whole(self)
        waiting.is_from(self, self._peer_address)
        super().allContentReceived()  # type: ignore[no-untyped-call]

    def rawDataReceived(self, data: bytes) -> None:
        """Bytes of a body, or behind the request that is being answered."""
        if self._successor is not None:
            self._successor.dataReceived(data)
        else:
            super().rawDataReceived(data)

    def requestDone(self, request: Request) -> None:
        """The answer is written."""
        self._pipelined += 1
        if self.owner.is_draining or self._pipelined > MAX_PIPELINED:
            self.persistent = False
        if self.persistent:
            self.owner.waiting.idle.start(self)
        super().requestDone(request)  # type: ignore[no-untyped-call]
        if self._waitingForTransport:
            # Twisted forgets to stop reading when it is an answer that has filled the transport.
            self._networkProducer.pauseProducing()

    def leave(self) -> None:
        """Close as soon as no request is in hand, nor on its way."""
        if self in self.owner.waiting.idle:
            self.loseConnection()
        else:
            self.owner.waiting.last_words.start(self)

    def leave_if_silent(self) -> None:
        """Close, unless a request has begun."""
        if not (self.requests or self._buffer):
            self.loseConnection()

    def pauseProducing(self) -> None:
        """The transport is full of answers that the peer does not take."""
        self.owner.waiting.taking.start(self)
        super().pauseProducing()  # type: ignore[no-untyped-call]

    def resumeProducing(self) -> None:
        """The transport is empty again."""
        self.owner.waiting.taking.stop(self)
        super().resumeProducing()  # type: ignore[no-untyped-call]

    def loseConnection(self) -> None:
        """Close when all is written. A peer that does not take it is not waited for for ever."""
        self.owner.waiting.forget(self)
        self.owner.waiting.closing.start(self)
        super().loseConnection()  # type: ignore[no-untyped-call]

    def _whose(self) -> str:
        return self.owner.addresses.of(self.transport.getPeer(), ())

    def _respondToBadRequestAndDisconnect(self) -> None:
        # Twisted's own is a status line without a body.
        self.transport.write(_BAD_REQUEST)
        self.loseConnection()

    def abort(self) -> None:
        """Drop the connection."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The peer, or we, have gone. Cycles are cut, so that nothing has to be collected."""
        self.owner.gone(self)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self.requests.clear()
        self._transferDecoder = None

    def hand_over(self, successor: Successor, greeting: bytes) -> None:
        """Let `successor` have the transport, and with it all bytes that come from now on."""
        transport = self.transport
        behind = b"".join(self._dataBuffer)
        self._dataBuffer.clear()
        self._networkProducer.unregisterProducer()
        # TLS and the PROXY protocol stand between the socket and us as protocols of their own.
        wrapped = isinstance(transport, ProtocolWrapper)
        setattr(transport, "wrappedProtocol" if wrapped else "protocol", successor)
        self._successor = successor
        self.requests.clear()
        self.owner.gone(self)
        successor.attach(transport, greeting)
        # Reading was paused if the peer has sent much while it had no answer.
        self._networkProducer.resumeProducing()
        if behind:
            successor.dataReceived(behind)
