"""One HTTP connection: twisted.web's, with limits it does not have.

Owns what a peer may send before it has said what it wants, and how long it may take. A complete
request goes to the connection's owner, and so does what is no request: it is answered, and nothing
more is heard. A connection that becomes a WebSocket is handed over and leaves nothing behind.

    connected ──head──▶ (body) ──▶ answering ──▶ taken ──▶ idle ──head──▶ …
              5 s        10 s      no limit       15 s     2 min
                  └────────┴──▶ refused ──▶ closed
                                 0.5 s
"""

import math
from typing import Any, Final, Protocol, cast

from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from chip.errors import Refused
from chip.limits import Limits
from chip.web.http.addresses import Addresses
from chip.web.http.chunks import Chunks
from chip.web.http.half_close import end_writing, ignore
from chip.web.http.head import BadRequest, Head
from chip.web.http.request import Request, Successor
from chip.web.http.waiting import ConnectionWaits

SERVER_NAME: Final = b"Chip"
"""What the Server header says; its version is nobody's business."""

MAX_PIPELINED: Final = 16
"""Requests that are answered out of one packet before the connection is closed. Nobody sends so
many ahead of their answers, and each takes a turn from everybody else."""


class Owner(Protocol):
    """Whoever has accepted a connection: `chip.web.http.server.HttpServer`."""

    limits: Limits
    waiting: ConnectionWaits
    addresses: Addresses
    is_draining: bool

    def received(self, request: Request, /) -> None:
        """Answer a complete request."""

    def refused(self, request: Request, error: Refused, /) -> None:
        """Answer what is no request."""

    def gone(self, connection: "HttpConnection", /) -> None:
        """The connection is gone, or no HTTP any more."""


class HttpConnection(HTTPChannel):
    """An HTTP connection, until it ends or is handed over to a WebSocket or a stream."""

    # Twisted's own time-outs start anew with every byte; a peer that sends one now and then would
    # never be late.
    timeOut = None
    # `Head` limits these.
    maxHeaders = totalHeadersSize = MAX_LENGTH = cast(int, math.inf)
    requestFactory: Any = Request
    transport: Any
    _networkProducer: Any

    def __init__(self, owner: Owner) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.owner = owner
        self.address = ""
        """Whose connection this is, or whose request is on the way."""
        self._peer_address = ""
        self._has_spoken = False
        self._successor: Successor | None = None
        self._pipelined = 0
        self._head = Head(owner.limits.handshake_bytes, owner.limits.handshake_headers)
        self._is_refused = False
        self._ignored = 0

    def connectionMade(self) -> None:
        """Somebody has come."""
        super().connectionMade()  # type: ignore[no-untyped-call]
        self.address = self._peer_address = self._whose()
        self.owner.waiting.request_begins(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer."""
        if self._is_refused:
            self._ignored = ignore(self.transport, self._ignored, data)
        elif self._busyReceiving:
            # What came behind a request that is answered by now.
            super().dataReceived(data)  # type: ignore[no-untyped-call]
        else:
            self._pipelined = 0
            self._note_speech()
            try:
                super().dataReceived(data)  # type: ignore[no-untyped-call]
                if self.line_mode:
                    self._head.unfinished_line(self._buffer)
                    if self._buffer or self._head.has_begun:
                        self._request_has_begun()
            except Refused as error:
                self._refuse(error)
            if self.owner.waiting.is_unfinished(self):
                body = self.requests[-1].held if self.requests else 0
                held = len(self._buffer) + self._head.size + body
                self.owner.waiting.memory.hold(self, held)

    def _note_speech(self) -> None:
        waiting = self.owner.waiting
        if not self._has_spoken:
            self._has_spoken = True
            if isinstance(self.transport, ProtocolWrapper):
                # By the PROXY protocol, it has been told only now who the peer is.
                self._peer_address = self._whose()
                waiting.is_from(self, self._peer_address)
        else:
            self._request_has_begun()

    def _request_has_begun(self) -> None:
        # Also behind one that was answered at once, in the same packet.
        if self.owner.waiting.idle.stop(self):
            self.owner.waiting.request_begins(self)

    def lineReceived(self, line: bytes) -> None:
        """A line of a head."""
        self._head.line(line)
        super().lineReceived(line)  # type: ignore[no-untyped-call]

    def allHeadersReceived(self) -> None:
        """The head is complete."""
        super().allHeadersReceived()  # type: ignore[no-untyped-call]
        request = self.requests[-1]
        if self.length is None:
            self._transferDecoder = Chunks(request.handleContentChunk, self._finishRequestBody)
        waiting = self.owner.waiting
        waiting.head.stop(self)
        if self.length != 0:
            waiting.body.start(self)
            waiting.is_from(self, request.address)

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
        if self._is_refused:
            self.requests.clear()
            self.owner.waiting.lingering.start(self)
            end_writing(self.transport)
            return
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
        # Twisted comes here with what it refuses itself. Its own is a status line without a body.
        raise BadRequest

    def _refuse(self, error: Refused) -> None:
        self._is_refused = True
        self._buffer = b""
        self._transferDecoder = None
        self.owner.waiting.forget(self)
        if not self.requests:
            self.requests.append(Request(self))
        request = self.requests[0]
        request.clientproto = b"HTTP/1.1"
        self.owner.refused(request, error)

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
