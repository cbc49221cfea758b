"""One connection of the gateways' HTTP client: a request, its answer, the next request.

Owns when a request may be sent, and what becomes of it when the connection ends. It knows neither
other connections nor what is said over this one.
"""

from collections.abc import Callable
from typing import Any

from httptools import HttpParserError
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from chip.gateway.http_answer import AnswerReader, Response


@implementer(IHandshakeListener)
class ClientConnection(Protocol):
    """A connection to a server, with which it speaks TLS if `secure`.

    `keep` is told when it is free for another request. An answer may have `max_answer` bytes, head
    and body together.
    """

    transport: Any

    def __init__(
        self, keep: Callable[["ClientConnection"], None], *, secure: bool, max_answer: int
    ) -> None:
        self.ready: Deferred[None] = Deferred(lambda _: self.abort())
        """Fires when a request can be sent: with TLS, when the server has shown who it is."""
        self.lost: Deferred[None] = Deferred()
        """Fires when the connection has ended."""
        self.usable = True
        """Whether another request may be sent."""
        self._keep = keep
        self._secure = secure
        self._max_answer = max_answer
        self._reader = AnswerReader()
        self._waiting: Deferred[Response] | None = None
        self._received = 0

    def request(self, head: bytes, body: Any) -> Deferred[Response]:
        """Send a request and give its answer, or fail as the connection does.

        `head` includes the empty line, `body` is an IBodyProducer or None. Cancelling ends the
        connection. Raises ValueError for an answer that is too long, HttpParserError for one that
        is none.
        """
        waiting = self._waiting = Deferred(self._cancelled)
        self._received = 0
        self.transport.write(head)
        if body is not None:
            body.startProducing(self.transport).addErrback(self._fail)
        return waiting

    def close(self) -> None:
        """End the connection in order."""
        self.usable = False
        self.transport.loseConnection()

    def abort(self) -> None:
        """End the connection at once, and lose what was under way."""
        self.usable = False
        self.transport.abortConnection()

    def connectionMade(self) -> None:
        """Be ready, unless TLS comes first."""
        if not self._secure:
            self.ready.callback(None)

    def handshakeCompleted(self) -> None:
        """Be ready: the server is the right one."""
        self.ready.callback(None)

    def dataReceived(self, data: bytes) -> None:
        """Read on, and hand the answer out when it is whole."""
        self._received += len(data)
        if self._waiting is None:
            self.abort()  # nobody has asked for anything
            return
        if self._received > self._max_answer:
            self._fail(Failure(ValueError("the answer is too long")))
            return
        try:
            response = self._reader.feed(data)
        except HttpParserError:
            self._fail(Failure())
            return
        if response:
            waiting, self._waiting = self._waiting, None
            if self._reader.reusable:
                self._keep(self)
            else:
                self.close()
            # Last of all: whoever waits may send the next request over this connection.
            waiting.callback(response)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail what waits, unless its answer is of those that end with the connection."""
        response = self._reader.end()
        if not self.ready.called:
            self.ready.errback(reason)
        if waiting := self._waiting:
            self._waiting = None
            waiting.callback(response if response and reason.check(ConnectionDone) else reason)
        self.lost.callback(None)

    def _fail(self, reason: Failure) -> None:
        if waiting := self._waiting:
            self._waiting = None
            self.abort()
            waiting.errback(reason)

    def _cancelled(self, _: Deferred[Response]) -> None:
        self._waiting = None
        self.abort()
