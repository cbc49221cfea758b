"""The desk's open windows: everything that changes is told to each of them at once.

A window is a WebSocket: a browser may have hundreds to one server, and but six requests under way,
which streams of events would use up. Whoever does not read as fast as things happen is cut off with
4008, as visitors are, comes back, and looks at everything afresh.

    → GET /desk/api/events      with the session's cookie
    ← {"type":"news","news":{"message":{…},"conversation":{…}}}
    ← {"type":"resync"}         look at everything afresh: some news could not be told
    ← {"type":"keepalive"}      every 15 s: the connection is alive
    ← close 4401                the session is over
    ← close 1012                Chip is being restarted
"""

from typing import Final, Protocol

import msgspec
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from chip.desk.records import News
from chip.errors import Unavailable
from chip.limits import Limits
from chip.tasks import Clock, every, within
from chip.throttle import LogThrottle
from chip.web.http.answers import Answer, error_answer, method_not_allowed
from chip.web.http.connection import SERVER_NAME
from chip.web.http.request import Request
from chip.web.websocket.handshake import (
    UPGRADE,
    BrokenUpgradeError,
    switching_protocols,
    wants_upgrade,
)
from chip.web.websocket.protocol import (
    CLOSE_HANDSHAKE_TIMEOUT,
    SERVICE_RESTART,
    WebSocketFactory,
    WebSocketProtocol,
)

KEEPALIVE_EVERY: Final = 15.0
"""Seconds between two signs of life."""
MOST_WINDOWS: Final = 100
"""Windows that are open at once; the next one is told to come back later."""
SESSION_OVER: Final = 4401
"""The close code for a window whose browser has signed out."""

_encoder = msgspec.json.Encoder()
_KEEPALIVE: Final = _encoder.encode({"type": "keepalive"})
_RESYNC: Final = _encoder.encode({"type": "resync"})


class KnownSessions(Protocol):
    """The sessions that are good."""

    def is_good(self, cookie: str) -> bool:
        """Whether this cookie lets its browser in."""


class DeskWindow(WebSocketProtocol):
    """One open window, of the browser that has `session`."""

    factory: "Windows"

    def __init__(self, factory: "Windows", session: str) -> None:
        super().__init__(factory)
        self.session = session

    def message_received(self, payload: bytes) -> None:
        """Take nothing: whoever sits at the desk asks by requests."""

    def ended(self, code: int) -> None:
        """The window is gone."""
        self.factory.gone(self)


class Windows(WebSocketFactory[DeskWindow]):
    """All windows that are open at the desk. `public_host` is that of `public_url`, with its port
    where it has one."""

    _log = Logger()

    def __init__(self, clock: Clock, limits: Limits, public_host: str = "") -> None:
        super().__init__(clock, limits)
        self._public_host = public_host
        self._throttle = LogThrottle(clock.seconds)
        self._keepalive: LoopingCall | None = None
        self._sessions: KnownSessions

    @property
    def anybody(self) -> bool:
        """Whether somebody is at the desk."""
        return bool(self._open)

    def start(self, sessions: KnownSessions) -> None:
        """Begin to show that the connections live, and to look whether their sessions do."""
        self._sessions = sessions
        self._keepalive = every(self.clock, KEEPALIVE_EVERY, self._show_life, now=False)

    def send_away(self) -> None:
        """Tell every window to come back later."""
        if self._keepalive is not None:
            self._keepalive.stop()
            self._keepalive = None
        for window in tuple(self._open):
            window.close(SERVICE_RESTART, "this server is being restarted")

    async def stop(self) -> None:
        """Send everybody away, and return when all are gone."""
        self.send_away()
        try:
            await within(self.clock, CLOSE_HANDSHAKE_TIMEOUT, self.all_gone())
        except Unavailable:
            for window in tuple(self._open):
                window.abort()
        self.close()

    def open(self, request: Request, session: str) -> Answer | None:
        """Make a window of the request, or say why not. It is told what happens from now on, until
        its `session` ends.

        Raises Unavailable when there are too many windows.
        """
        headers = request.requestHeaders
        if request.method != b"GET":
            return method_not_allowed(b"GET")
        if self._is_of_another_page(request):
            return error_answer(403, "the desk is not for other sites")
        if not wants_upgrade(headers):
            return error_answer(426, "this is a WebSocket").with_headers(*UPGRADE)
        try:
            greeting = switching_protocols(
                request.method, request.clientproto, headers, SERVER_NAME
            )
        except BrokenUpgradeError as error:
            return error_answer(400, str(error))
        if len(self._open) >= MOST_WINDOWS:
            raise Unavailable("too many windows are open at the desk", 30)
        self.admit(request, DeskWindow(self, session), greeting)
        return None

    def end_session(self, session: str) -> None:
        """Close the windows of a session that is over."""
        for window in tuple(self._open):
            if window.session == session:
                window.close(SESSION_OVER, "this session is over")

    def tell(self, news: News) -> None:
        """Tell every window."""
        if self._open:
            self._write_frame(_encoder.encode({"type": "news", "news": news}))

    def resync(self) -> None:
        """Have every window look at everything afresh."""
        self._write_frame(_RESYNC)

    def _is_of_another_page(self, request: Request) -> bool:
        """Whether the page that asks is of another host than this. A handshake needs nobody's
        leave, and a browser sends the cookie to all ports of a host. It sends none to a name that
        another site has had lead here, so it is enough to compare what it says."""
        origin = (request.getHeader(b"origin") or b"").decode("latin-1").lower()
        if not origin:
            return False  # no browser
        page = origin.partition("://")[2]
        if page and page in (request.host_and_port, request.forwarded_host, self._public_host):
            return False
        if times := self._throttle.times():
            self._log.warn(
                "windows of the desk are refused: their page is of {page}, and was asked for"
                " {asked}. Let the proxy pass Host on as it is",
                page=page or origin,
                asked=request.host_and_port,
                times=times,
            )
        return True

    def _show_life(self) -> None:
        for window in tuple(self._open):
            if self._sessions.is_good(window.session):
                window.send(_KEEPALIVE)
            else:
                self.end_session(window.session)

    def _write_frame(self, frame: bytes) -> None:
        for window in tuple(self._open):
            window.send(frame)
