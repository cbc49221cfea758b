"""One HTTP connection and its requests: twisted.web's, with limits it does not have.

Owns what a peer may send before it has said what it wants, and how long it may take. Knows no
route: a complete request goes to the site's `dispatch`. A connection that becomes a WebSocket is
handed over and leaves nothing behind.

    connected ──head──▶ (body) ──▶ answering ──▶ taken ──▶ idle ──head──▶ …
              5 s        10 s      no limit       15 s     2 min
"""

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Protocol

from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http import HTTPChannel

from chip.limits import Limits
from chip.tasks import Clock
from chip.web.http.answers import SERVER
from chip.web.http.deadlines import Deadlines

if TYPE_CHECKING:
    from chip.web.site import Site

IDLE: Final = 120.0
"""Seconds that a connection may wait for its next request: longer than Courier's client, which
keeps its connections for 90 s and must never find one closed that it has just chosen."""
LAST_WORDS: Final = 1.0
"""Seconds that a connection on which nobody has asked yet may still ask in when Chip stops: its
request may be on the way, and Chip has accepted it."""
CLOSE_TIMEOUT: Final = 3.0
"""Seconds that a peer has to take the rest of an answer after which it is to be gone."""
TOO_MUCH: Final = 8
"""A body may be so many times its limit and is still read, so that its sender hears why it is
refused. Beyond that the connection is dropped."""

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


class Successor(Protocol):
    """What takes over a connection: a protocol that is attached to a transport in use."""

    def attach(self, transport: Any, greeting: bytes, /) -> None:
        """Take over the transport; `greeting` is the answer to the request that led here."""

    def dataReceived(self, data: bytes, /) -> None:
        """Bytes from the peer."""


class ConnectionDeadlines:
    """How long connections may take, whatever they are at."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        abort = HttpConnection.abort
        self.head = Deadlines[HttpConnection](clock, limits.handshake_deadline, abort)
        self.body = Deadlines[HttpConnection](clock, limits.post_deadline, abort)
        self.idle = Deadlines[HttpConnection](clock, IDLE, abort)
        self.taking = Deadlines[HttpConnection](clock, limits.write_stall, abort)
        self.closing = Deadlines[HttpConnection](clock, CLOSE_TIMEOUT, abort)
        leave = HttpConnection.leave_if_silent
        self.last_words = Deadlines[HttpConnection](clock, LAST_WORDS, leave)
        self._all = (
            *(self.head, self.body, self.idle, self.taking, self.closing),
            self.last_words,
        )

    def forget(self, connection: "HttpConnection") -> None:
        """This connection is gone, or no HTTP any more."""
        for deadlines in self._all:
            deadlines.stop(connection)

    def close(self) -> None:
        """Stop all timers."""
        for deadlines in self._all:
            deadlines.close()


class HttpConnection(HTTPChannel):
    """A connection before it has become something else, or for ever."""

    # Twisted's own time-outs start anew with every byte; a peer that sends one now and then would
    # never be late.
    timeOut = None
    site: "Site"
    transport: Any
    _networkProducer: Any

    def __init__(self, site: "Site") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.site = site
        self.requestFactory = Request
        self.maxHeaders = site.limits.handshake_headers
        self.totalHeadersSize = self.MAX_LENGTH = site.limits.handshake_bytes
        self._successor: Successor | None = None
        self._pipelined = 0

    def connectionMade(self) -> None:
        """Somebody has come."""
        super().connectionMade()  # type: ignore[no-untyped-call]
        self.site.patience.head.start(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer."""
        if not self._busyReceiving:
            self._pipelined = 0
        patience = self.site.patience
        if patience.idle.stop(self):
            patience.head.start(self)
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
        patience = self.site.patience
        # A chain of bad headers ends here too, with a connection that is closing already.
        if patience.head.stop(self) and self.length != 0:
            patience.body.start(self)
        super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def allContentReceived(self) -> None:
        """The request is complete."""
        self.site.patience.body.stop(self)
        super().allContentReceived()  # type: ignore[no-untyped-call]

    def rawDataReceived(self, data: bytes) -> None:
        """Bytes of a body, or behind the request that is being answered."""
        if self._successor is not None:
            self._successor.dataReceived(data)
        else:
            super().rawDataReceived(data)

    def requestDone(self, request: server.Request) -> None:
        """The answer is written."""
        self._pipelined += 1
        if self.site.is_draining or self._pipelined > MAX_PIPELINED:
            self.persistent = False
        if self.persistent:
            self.site.patience.idle.start(self)
        super().requestDone(request)  # type: ignore[no-untyped-call]
        if self._waitingForTransport:
            # Twisted forgets to stop reading when it is an answer that has filled the transport.
            self._networkProducer.pauseProducing()

    def leave(self) -> None:
        """Close as soon as no request is in hand, nor on its way."""
        if self in self.site.patience.idle:
            self.loseConnection()
        else:
            self.site.patience.last_words.start(self)

    def leave_if_silent(self) -> None:
        """Close, unless a request has begun."""
        if not (self.requests or self._buffer):
            self.loseConnection()

    def pauseProducing(self) -> None:
        """The transport is full of answers that the peer does not take."""
        self.site.patience.taking.start(self)
        super().pauseProducing()  # type: ignore[no-untyped-call]

    def resumeProducing(self) -> None:
        """The transport is empty again."""
        self.site.patience.taking.stop(self)
        super().resumeProducing()  # type: ignore[no-untyped-call]

    def loseConnection(self) -> None:
        """Close when all is written. A peer that does not take it is not waited for for ever."""
        self.site.patience.forget(self)
        self.site.patience.closing.start(self)
        super().loseConnection()  # type: ignore[no-untyped-call]

    def _respondToBadRequestAndDisconnect(self) -> None:
        # Twisted's own is a status line without a body.
        self.transport.write(_BAD_REQUEST)
        self.loseConnection()

    def abort(self) -> None:
        """Drop the connection."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The peer, or we, have gone. Cycles are cut, so that nothing has to be collected."""
        self.site.gone(self)
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
        self.site.gone(self)
        successor.attach(transport, greeting)
        # Reading was paused if the peer has sent much while it had no answer.
        self._networkProducer.resumeProducing()
        if behind:
            successor.dataReceived(behind)


class Request(server.Request):
    """A request with a bounded body in memory."""

    channel: Any
    content: Any
    sitepath: list[bytes]
    oversized = False
    """Whether the body was larger than allowed; what there was of it is dropped."""

    _received = 0

    @property
    def peer_is_there(self) -> bool:
        """Whether an answer would still reach anybody."""
        return not self.finished and self.channel is not None

    def gotLength(self, length: int | None) -> None:
        """The body begins. Twisted's own goes to a file when it is large or of unknown size."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Some of the body."""
        self._received += len(data)
        limit = self.channel.site.limits.post_bytes
        if self._received <= limit:
            self.content.write(data)
        elif self._received > TOO_MUCH * limit:
            self.channel.abort()
        else:
            self.oversized = True
            self.content.truncate(0)

    def process(self) -> None:
        """The request is complete."""
        site: Site = self.channel.site
        self.site = site
        self.responseHeaders.setRawHeaders(b"Server", [SERVER])
        self.responseHeaders.setRawHeaders(b"Date", [site.date()])
        site.dispatch(self)

    def hand_over(self, successor: Successor, greeting: bytes) -> None:
        """Let this request's connection go on as another protocol."""
        connection, self.channel = self.channel, None
        connection.hand_over(successor, greeting)
