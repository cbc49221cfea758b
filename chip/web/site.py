"""The public listener: which path is whose, and how all of it stops.

Owns the routes. Chip's own are answered here; everything else is a handler that somebody
mounts.

    GET, HEAD /                   {"version":"…"}, or the front page for browsers where there is one
    /wc/connect/{channel}         the WebSocket           connect.py
    /wc/send/{channel}            Courier's messages      send.py
    /wc/external                  those on External channels
    /wc/availability/{channel}    when it is answered     availability.py
    any mounted prefix            its handler
    else                          404

One slash at the end changes nothing; two do. Another method than a path takes is 405.
"""

import re
from collections.abc import Mapping
from typing import Final

import chip
from chip.chat.observer import Observer
from chip.limits import Limits
from chip.models import UUID_FORM
from chip.tasks import Clock
from chip.web.availability import AvailabilityHandler
from chip.web.connect import Connections
from chip.web.http.addresses import Addresses
from chip.web.http.answers import (
    GET_OR_HEAD,
    NOT_FOUND,
    Answer,
    Handler,
    json_answer,
    method_not_allowed,
)
from chip.web.http.request import Request
from chip.web.http.server import HttpServer
from chip.web.send import SendHandler

_UUID: Final = UUID_FORM.encode()
_ROUTE: Final = re.compile(
    rb"/wc/(?:(connect|send|availability)/(%b)|(external)(?:/(%b))?)/?" % (_UUID, _UUID)
)
_VERSION: Final = json_answer({"version": chip.__version__})


class Site(HttpServer):
    """The server of the public listener.

    `mounts` maps prefixes such as ``/desk`` to handlers, which find what follows their prefix in
    `Request.below`; `front` answers ``/`` when a browser asks for HTML.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        connections: Connections,
        sends: SendHandler,
        availability: AvailabilityHandler,
        addresses: Addresses,
        mounts: Mapping[str, Handler] | None = None,
        front: Handler | None = None,
        observer: Observer | None = None,
    ) -> None:
        observer = observer or Observer()
        super().__init__(self._route, clock, limits, addresses, observer.cut)
        self.connections = connections
        self._own = {
            b"connect": connections.handle,
            b"send": sends.handle,
            b"external": sends.handle_external,
            b"availability": availability.handle,
        }
        # The longest prefix first, so that one mount may lie below another.
        self._mounts = [
            (prefix.rstrip("/").encode(), handler)
            for prefix, handler in sorted((mounts or {}).items(), reverse=True)
        ]
        self._front = front

    async def _route(self, request: Request) -> Answer | None:
        path = request.path
        own = _ROUTE.fullmatch(path)
        if own:
            return await self._own[own[1] or own[3]](request, (own[2] or own[4] or b"").decode())
        if path == b"/":
            return await self._root(request)
        for prefix, handler in self._mounts:
            if path == prefix or path.startswith(prefix + b"/"):
                request.mount = prefix
                return await handler(request)
        return NOT_FOUND

    async def _root(self, request: Request) -> Answer | None:
        if request.method not in GET_OR_HEAD:
            return method_not_allowed(*GET_OR_HEAD)
        if self._front is None:
            return _VERSION
        request.responseHeaders.setRawHeaders(b"Vary", [b"Accept"])
        if b"text/html" in (request.getHeader(b"Accept") or b"").lower():
            return await self._front(request)
        return _VERSION

    async def drain(self, deadline: float) -> None:
        """Stop: 1012 to all WebSockets, an answer to every request in hand, then nobody is left.

        Connections that come meanwhile are answered 503. Returns after at most `deadline` seconds;
        what is still there then is dropped.
        """
        begun = self.clock.seconds()
        self.leave()
        await self.connections.drain(deadline)
        await super().drain(max(0.0, deadline - (self.clock.seconds() - begun)))
        self.connections.close()
