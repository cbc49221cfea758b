"""A server of HTTP: its connections, and the one handler that answers their requests.

Owns how many connections there may be, what every answer has in common, and how all of it stops.
Knows no route. The public listener and the operators' listener are such servers.
"""

import time
from collections.abc import Callable
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.logger import Logger
from twisted.web.http import datetimeToString
from zope.interface import implementer

from chip.errors import Refused, Unavailable
from chip.limits import Limits
from chip.tasks import Clock, Tasks, within
from chip.throttle import LogThrottle
from chip.web.http.addresses import Addresses
from chip.web.http.answers import ANYBODY, Handler, answer_to, write_answer
from chip.web.http.connection import SERVER_NAME, HttpConnection
from chip.web.http.head import HeadTooLarge
from chip.web.http.request import Request
from chip.web.http.waiting import ConnectionWaits, Cut, Waited

MAX_HTTP_CONNECTIONS: Final = 4000
"""HTTP connections at a time, beside the WebSockets. A reconnect storm passes through these."""

_WHY: Final[dict[Cut, str]] = {
    "unfinished": "an address had too many unfinished requests",
    "made_way": "all places were taken, most of them by an address",
    "no_place": "all places were taken by requests in hand",
    "memory": "unfinished requests held too much memory, most of it from an address",
    "head_too_large": "a head had more than handshake_bytes or handshake_headers",
    "bad_request": "what was sent is no HTTP",
}


class _NoPlace(Protocol):
    """Drops its peer. What wraps connections, TLS and the PROXY protocol, takes no None for one."""

    transport: Any

    def connectionMade(self) -> None:
        self.transport.abortConnection()


@implementer(IProtocolNegotiationFactory)
class HttpServer(ServerFactory):
    """The factory of a listener's connections. `handler` answers their requests.

    A request whose peer goes away is handled to its end, and its answer dropped: what was asked
    for may have been done by half. A handler that would rather be cancelled sees to that itself.
    """

    noisy = False
    _log = Logger()

    def __init__(
        self,
        handler: Handler,
        clock: Clock,
        limits: Limits,
        addresses: Addresses | None = None,
        count_cut: Callable[[Cut], object] = str,
    ) -> None:
        self.clock = clock
        self.limits = limits
        self.addresses = addresses or Addresses(())
        self.waiting = ConnectionWaits(clock, limits, self._cut)
        self._count_cut = count_cut
        self._throttle = LogThrottle(clock.seconds)
        self.is_draining = False
        """Whether no connection is to be kept for another request."""
        self._handler = handler
        self._tasks = Tasks()
        self._connections: set[HttpConnection] = set()
        self._all_gone: Deferred[None] | None = None
        self._date = (-1, b"")

    # Connections.

    def buildProtocol(self, addr: object) -> Protocol:
        """A connection for whoever has come, or the end of it."""
        if len(self._connections) >= MAX_HTTP_CONNECTIONS:
            other = self.waiting.next_to_make_way()
            if other is None:
                self._tell("no_place", self.addresses.of(addr, ()))
                return _NoPlace()
            self._cut(other, "made_way")
        connection = HttpConnection(self)
        self._connections.add(connection)
        return connection

    def gone(self, connection: HttpConnection) -> None:
        """A connection is gone, or no HTTP any more."""
        self.waiting.forget(connection)
        self._connections.discard(connection)
        if self._all_gone is not None and not self._connections:
            all_gone, self._all_gone = self._all_gone, None
            all_gone.callback(None)

    def _cut(self, connection: Waited, why: Cut) -> None:
        # Twisted takes a turn to drop it; its place is free at once.
        self.gone(cast(HttpConnection, connection))
        connection.abort()
        self._tell(why, connection.address)

    def _tell(self, why: Cut, address: str) -> None:
        self._count_cut(why)
        if times := self._throttle.times(why):
            self._log.warn(
                "{times} connections were cut: {reason} (the last one from {address})",
                times=times,
                reason=_WHY[why],
                address=address or "a proxy",
            )

    def acceptableProtocols(self) -> list[bytes]:
        """What TLS may negotiate: HTTP/2 has no place for this WebSocket."""
        return [b"http/1.1"]

    # Requests.

    def received(self, request: Request) -> None:
        """Answer a complete request."""
        self._begin_answer(request)
        self._tasks.spawn("a request", self._answer(request))

    def refused(self, request: Request, error: Refused) -> None:
        """Answer what is no request. Any page may read why: a handshake is one of these."""
        why: Cut = "head_too_large" if isinstance(error, HeadTooLarge) else "bad_request"
        self._tell(why, request.channel.address)
        self._begin_answer(request)
        write_answer(request, answer_to(error).with_headers(ANYBODY, (b"Connection", b"close")))

    def _begin_answer(self, request: Request) -> None:
        headers = request.responseHeaders
        headers.setRawHeaders(b"Server", [SERVER_NAME])
        headers.setRawHeaders(b"Date", [self._now()])

    async def _answer(self, request: Request) -> None:
        try:
            answer = await self._handler(request)
        except Exception as error:
            answer = answer_to(error)
        if answer is not None:
            write_answer(request, answer)

    def _now(self) -> bytes:
        """The value of the Date header, made anew each second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, datetimeToString(now))
        return self._date[1]

    # The end.

    def leave(self) -> None:
        """Begin to stop: close each connection once it has its answer."""
        if not self.is_draining:
            self.is_draining = True
            for connection in tuple(self._connections):
                connection.leave()

    async def drain(self, deadline: float) -> None:
        """Stop, and return when every request in hand is answered and nobody is left.

        Returns after at most `deadline` seconds; who is still there then is dropped.
        """
        self.leave()
        try:
            await within(self.clock, deadline, self._finish())
        except Unavailable:
            for connection in tuple(self._connections):
                connection.abort()
        self.waiting.close()

    async def _finish(self) -> None:
        if self._connections:
            self._all_gone = Deferred()
            await self._all_gone
        await self._tasks.finish()
