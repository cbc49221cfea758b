"""The one listener: which path is whose, and how all of it stops.

Owns the routes and the connections' life on the HTTP side. Chip's own three routes are answered
here in JSON; everything else is a twisted.web resource that somebody mounts.

    GET /                    {"version":"…"}, or the front page for browsers where there is one
    /wc/connect/{channel}    the WebSocket           connect.py
    /wc/send/{channel}       Courier's messages      send.py
    any mounted prefix       its resource
    else                     404

One slash at the end changes nothing; two do.
"""

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http import datetimeToString
from twisted.web.resource import IResource, Resource, getChildForRequest

import chip
from chip.limits import Limits
from chip.tasks import Clock
from chip.web.connect import Connections
from chip.web.http.answers import answer_error, answer_json
from chip.web.http.connection import ConnectionDeadlines, HttpConnection, Request
from chip.web.send import Sends

MAX_CONNECTIONS: Final = 4000
"""HTTP connections at a time, beside the WebSockets. A reconnect storm passes through these."""

_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ROUTE = re.compile(rb"/wc/(connect|send)/(%b)/?" % _UUID)

Handler = Callable[[Request, str], Coroutine[Any, Any, None]]


class Site(server.Site):
    """A factory for the public listener's connections.

    `mounts` maps prefixes such as ``/desk`` to resources, which see what follows their prefix;
    `front` answers ``/`` when a browser asks for HTML.
    """

    noisy = False
    _log = Logger()

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        connections: Connections,
        sends: Sends,
        mounts: Mapping[str, IResource] | None = None,
        front: IResource | None = None,
    ) -> None:
        super().__init__(Resource(), parsePOSTFormSubmission=False, reactor=clock)  # type: ignore[no-untyped-call]
        self.clock = clock
        self.limits = limits
        self.patience = ConnectionDeadlines(clock, limits)
        self.connections = connections
        self._handlers: dict[bytes, Handler] = {
            b"connect": connections.handle,
            b"send": sends.handle,
        }
        # The longest prefix first, so that one mount may lie below another.
        self._mounts = [
            (prefix.rstrip("/").encode(), resource)
            for prefix, resource in sorted((mounts or {}).items(), reverse=True)
        ]
        self._front = front
        self._version = msgspec.json.encode({"version": chip.__version__})
        self._http: set[HttpConnection] = set()
        self._awaited: set[HttpConnection] = set()
        self._all_gone: Deferred[None] | None = None
        self._date = (-1, b"")

    @property
    def is_draining(self) -> bool:
        """Whether no connection is to be kept for another request."""
        return self.connections.admission.draining

    # Connections.

    def buildProtocol(  # type: ignore[override]
        self, addr: object
    ) -> HttpConnection | None:
        """A connection for whoever has come, or None: then it is closed.

        It stands alone: Twisted would put it into a proxy that could change to HTTP/2.
        """
        if len(self._http) >= MAX_CONNECTIONS:
            idle = self.patience.idle.oldest()
            if idle is None:
                return None
            idle.abort()
        connection = HttpConnection(self)
        self._http.add(connection)
        return connection

    def gone(self, connection: HttpConnection) -> None:
        """A connection is gone, or no HTTP any more."""
        self.patience.forget(connection)
        self._http.discard(connection)
        self._awaited.discard(connection)
        if self._all_gone is not None and not self._awaited:
            self._all_gone.callback(None)
            self._all_gone = None

    def acceptableProtocols(self) -> list[bytes]:
        """What TLS may negotiate: HTTP/2 has no place for this WebSocket."""
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """Twisted's would start a clock for an access log; connections log for themselves."""

    def stopFactory(self) -> None:
        """Nothing was started."""

    def log(self, request: object) -> None:
        """No access log."""

    # Requests.

    def date(self) -> bytes:
        """The Date header, made anew each second."""
        now = int(self.clock.seconds())
        if self._date[0] != now:
            self._date = (now, datetimeToString(now))
        return self._date[1]

    def dispatch(self, request: Request) -> None:
        """Find out who answers a complete request."""
        route = _ROUTE.fullmatch(request.path)
        if route:
            handler = self._handlers[route[1]]
            done = Deferred.fromCoroutine(handler(request, route[2].decode()))
            done.addErrback(self._failed, request)
        elif request.path == b"/":
            self._root(request)
        elif not self._mounted(request):
            answer_error(request, 404, "not found")

    def _root(self, request: Request) -> None:
        if request.method not in (b"GET", b"HEAD"):
            answer_error(request, 405, "method not allowed", headers=[(b"Allow", b"GET, HEAD")])
            return
        if self._front is not None:
            request.responseHeaders.setRawHeaders(b"Vary", [b"Accept"])
            if b"text/html" in (request.getHeader(b"Accept") or b"").lower():
                self._render(request, self._front, b"", b"")
                return
        answer_json(request, 200, self._version)

    def _mounted(self, request: Request) -> bool:
        for prefix, resource in self._mounts:
            rest = request.path.removeprefix(prefix)
            if len(rest) < len(request.path) and (not rest or rest.startswith(b"/")):
                if request.oversized:
                    answer_error(request, 413, "the body is too large")
                else:
                    self._render(request, resource, prefix, rest)
                return True
        return False

    def _render(self, request: Request, resource: IResource, prefix: bytes, rest: bytes) -> None:
        request.prepath = prefix.split(b"/")[1:]
        request.postpath = [unquote_to_bytes(part) for part in rest.split(b"/")[1:]]
        request.sitepath = []
        try:
            request.render(getChildForRequest(resource, request))  # type: ignore[no-untyped-call]
        except Exception:
            self._failed(Failure(), request)

    def _failed(self, failure: Failure, request: Request) -> None:
        self._log.failure("a request failed", failure)
        if not request.startedWriting:
            answer_error(request, 500, "something went wrong here")

    # The end.

    async def drain(self, deadline: float) -> None:
        """Stop: 1012 to all WebSockets, an answer to every request in hand, then nobody is left.

        Connections that come meanwhile are answered 503. Returns after at most `deadline` seconds;
        what is still there then is dropped.
        """
        begun = self.clock.seconds()
        self.connections.admission.draining = True
        for connection in tuple(self._http):
            connection.leave()
        await self.connections.drain(deadline)
        await self._wait(max(0.0, deadline - (self.clock.seconds() - begun)))
        self.patience.close()
        self.connections.close()

    async def _wait(self, seconds: float) -> None:
        self._awaited = set(self._http)
        if not self._awaited:
            return
        all_gone = self._all_gone = Deferred[None]()
        late: Any = self.clock.callLater(seconds, self._drop_all)
        try:
            await all_gone
        finally:
            if late.active():
                late.cancel()

    def _drop_all(self) -> None:
        for connection in tuple(self._http):
            connection.abort()
