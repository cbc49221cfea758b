"""The connections of the gateways' HTTP client to one server.

Owns which connection a request takes, and how long an idle one is kept. It knows neither what is
asked nor what an answer means; it tries nothing again and follows no redirect.

Twisted's own Agent takes three times the CPU of this one for a request, and a request is half of
what a visitor's message costs (`bench`: "incoming forwarded, 2,000 chats, one each").
"""

import re
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent
from zope.interface import implementer

from chip.gateway.http_answer import Response
from chip.gateway.http_connection import ClientConnection
from chip.tasks import in_time

IDLE_TIMEOUT: Final = 60
"""Seconds that an idle connection is kept: less than the 90 s after which Courier closes it, since
a request on a connection that closes just then has an unknown outcome."""

_URI: Final = re.compile(rb"https?://([!-.0-~]+)(/[!-~]*)")


class Unreachable(Exception):
    """There was no connection, for this `cause`: nothing of the request has been sent."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(cause)
        self.cause = cause


@implementer(IAgent)
class KeepAliveAgent:
    """Sends requests to the server at `endpoint`, which speaks TLS if `secure`.

    A connection may take `connect_timeout` seconds to be ready, TLS included. At most `connections`
    are kept when idle; an answer may have `max_answer` bytes. Requests are of methods that have an
    answer with a body: neither HEAD nor CONNECT.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: Any,
        *,
        secure: bool,
        connect_timeout: float,
        connections: int,
        max_answer: int,
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._connect_timeout = connect_timeout
        self._connections = connections
        self._factory = Factory.forProtocol(
            lambda: ClientConnection(self._keep, secure=secure, max_answer=max_answer)
        )
        # Since when; the longest idle first.
        self._idle: dict[ClientConnection, float] = {}
        self._expiry: Any = None

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Deferred[Response]:
        """The answer, when all of it is there. See IAgent.

        Fails with `Unreachable`, or as `ClientConnection.request` does: then the request may or may
        not have arrived. Cancelling gives the request up.
        """
        head = _head(method, uri, headers or Headers(), bodyProducer)
        return Deferred.fromCoroutine(self._request(head, bodyProducer))

    async def close(self) -> None:
        """Close the idle connections, and keep none any more."""
        self._connections = 0
        if self._expiry:
            self._expiry.cancel()
            self._expiry = None
        idle, self._idle = list(self._idle), {}
        for connection in idle:
            connection.abort()
        await gatherResults([connection.lost for connection in idle])

    async def _request(self, head: bytes, body: Any) -> Response:
        connection = self._latest() or await self._connect()
        return await connection.request(head, body)

    def _latest(self) -> ClientConnection | None:
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.usable:
                return connection
        return None

    async def _connect(self) -> ClientConnection:
        connected = Deferred.fromCoroutine(self._reach())
        try:
            return await in_time(connected, self._connect_timeout, self._reactor)
        except Exception as problem:
            raise Unreachable(problem) from problem

    async def _reach(self) -> ClientConnection:
        connection: ClientConnection = await self._endpoint.connect(self._factory)
        connection.lost.addCallback(lambda _: self._idle.pop(connection, None))
        await connection.ready
        return connection

    def _keep(self, connection: ClientConnection) -> None:
        if len(self._idle) >= self._connections:
            connection.close()
            return
        self._idle[connection] = self._reactor.seconds()
        if self._expiry is None:
            self._expiry = self._reactor.callLater(IDLE_TIMEOUT, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        now = self._reactor.seconds()
        for connection, since in list(self._idle.items()):
            if now < since + IDLE_TIMEOUT:
                self._expiry = self._reactor.callLater(since + IDLE_TIMEOUT - now, self._expire)
                break
            del self._idle[connection]
            connection.close()


def _head(method: bytes, uri: bytes, headers: Headers, body: Any) -> bytes:
    """A request's head, with the empty line. Raises ValueError for what cannot be sent."""
    found = _URI.fullmatch(uri)
    length = body.length if body is not None else 0
    if not found or length is UNKNOWN_LENGTH:
        raise ValueError("a request needs an absolute URI and a body of known length")
    host, path = found.groups()
    lines = [b"%b %b HTTP/1.1\r\nHost: %b\r\nContent-Length: %d" % (method, path, host, length)]
    lines += [
        b"%b: %b" % (name, value) for name, values in headers.getAllRawHeaders() for value in values
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"
