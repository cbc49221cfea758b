"""The visitor's socket: ``/wc/connect/{channel}``, from the request to the last byte.

Owns who is let in and what each refusal says, the open connections and how they are closed when
the process stops, and the one log line about each. What a connection's messages mean is its
session's business, what its bytes may be `chip.web.websocket.protocol`'.

    → GET /wc/connect/{channel}
    ← 400 no such channel            whatever else is wrong
    ← 429 too many of those from this network
    ← 503 database unreachable       nobody can say whether there is such a channel
    ← 405 neither GET nor HEAD
    ← 400 broken upgrade
    ← 403 origin, 429 / 503 caps     also to a plain GET: browsers cannot read a failed handshake
    ← 426 plain GET or HEAD
    ← 101                            then text frames, until a close code
"""

from itertools import count
from typing import Any, Final

from twisted.logger import Logger

from chip.chat.observer import Observer
from chip.chat.server import ChatServer
from chip.chat.session import Session
from chip.config.origins import origin_allowed
from chip.errors import AskedInVain, Unavailable
from chip.limits import Limits
from chip.models import Channel
from chip.tasks import Clock
from chip.throttle import LogThrottle
from chip.web.admission import Admission, Refusal
from chip.web.http.answers import ANYBODY, GET_OR_HEAD, Answer, Header, error_answer
from chip.web.http.connection import SERVER_NAME
from chip.web.http.deadlines import Deadlines
from chip.web.http.own_origin import own_origin
from chip.web.http.request import Request
from chip.web.turns import Turns
from chip.web.websocket.handshake import (
    UPGRADE,
    BrokenUpgradeError,
    switching_protocols,
    wants_upgrade,
)
from chip.web.websocket.protocol import (
    SERVICE_RESTART,
    WebSocketFactory,
    WebSocketProtocol,
)
from chip.web.websocket.reader import OTHERS_FIRST

NO_CHAT_STARTED: Final = 4001

DRAIN_PER_SECOND: Final = 1000
"""Connections that are told to come back later in a second, when there is time enough."""
SHORTEST_DRAIN: Final = 0.2
"""Seconds over which even a few connections are spread, so that they do not all return at once."""
LAST_TOLD_AT: Final = 0.9
"""The part of the time for a drain after which everybody has been told, so that the last can go,
too, before they are dropped."""
DRAIN_STEP: Final = 0.05
"""Seconds between two rounds of closing."""


class VisitorConnection(WebSocketProtocol):
    """One visitor's WebSocket, as its session sees it: a `chip.chat.client.Client`."""

    factory: "Connections"
    session: Session
    _kept = b""

    def __init__(self, factory: "Connections", address: str, number: int) -> None:
        super().__init__(factory)
        self.address = address
        self._number = number
        self._since = factory.clock.seconds()
        self._commands_before = 0

    @property
    def label(self) -> str:
        """How logs name this connection: "s" and its number in hexadecimal."""
        return f"s{self._number:x}"

    def message_received(self, payload: bytes) -> None:
        """Pass a message on, once it is its address's turn."""
        if self.factory.turns.take(self.address, self._go_on):
            self.session.received(payload)
        else:
            self._kept = payload
            self.hold(OTHERS_FIRST)

    def _go_on(self) -> None:
        payload, self._kept = self._kept, b""
        if self.is_open:
            self.session.received(payload)
        if not self.is_lost:
            self.read_on(OTHERS_FIRST)

    def expect_chat(self) -> None:
        """Close unless a chat has been started, or is being started.

        A visitor whose chat could not be started may try again, so whoever has said something
        else than "ping" since the last look gets another while.
        """
        session = self.session
        if session.chat is not None:
            return
        said = session.commands - session.pings
        if said > session.errors or said > self._commands_before:
            self._commands_before = said
            self.factory.starting.start(self)
        else:
            self.close(NO_CHAT_STARTED, "no chat was started")

    def ended(self, code: int) -> None:
        """Let go of everything, so that nothing has to be collected."""
        self.factory.left(self, code)
        self.session.closed()
        del self.session


class Connections(WebSocketFactory[VisitorConnection]):
    """All open connections of this process. Pages of `own_origin` need not be allowed."""

    _log = Logger()

    def __init__(
        self,
        *,
        clock: Clock,
        chat_server: ChatServer,
        limits: Limits,
        allowed_origins: tuple[str, ...] = ("*",),
        own_origin: str = "",
        observer: Observer | None = None,
    ) -> None:
        super().__init__(clock, limits)
        self.admission = Admission(clock, limits)
        self.turns = Turns(clock, limits.commands_at_once)
        self.starting = Deadlines[VisitorConnection](
            clock, limits.start_chat_deadline, VisitorConnection.expect_chat
        )
        self._chat_server = chat_server
        self.allowed_origins = allowed_origins
        self._own_origin = own_origin
        self._observer = observer or Observer()
        self._throttle = LogThrottle(clock.seconds)
        self._numbers = count(1)

    def close(self) -> None:
        """Stop all timers."""
        super().close()
        self.starting.close()
        self.turns.close()

    async def handle(self, request: Request, channel_uuid: str) -> Answer | None:
        """Answer a request for ``/wc/connect/{channel_uuid}``, or make a connection of it."""
        try:
            refusal = await self._let_in(request, channel_uuid)
        except Exception:
            self._observer.connection("failed")
            raise
        return self._refuse(refusal, channel_uuid) if refusal else None

    async def _let_in(self, request: Request, channel_uuid: str) -> Refusal | None:
        """Make a connection of the request, or say why not."""
        try:
            lookups = self._chat_server.lookups
            channel = await lookups.channel(channel_uuid, asker=request.network)
        except AskedInVain as error:
            return Refusal("in_vain", 429, str(error), error.retry_after)
        except Unavailable as error:
            return Refusal("unavailable", 503, str(error), error.retry_after)
        if channel is None:
            return Refusal("no_channel", 400, "no such channel")
        if not request.peer_is_there:
            return None
        return self._connect(request, channel)

    def _connect(self, request: Request, channel: Channel) -> Refusal | None:
        headers = request.requestHeaders
        upgrade = wants_upgrade(headers)
        if request.method not in GET_OR_HEAD:
            return Refusal("bad_upgrade", 405, "method not allowed")
        greeting = b""
        try:
            if upgrade:
                greeting = switching_protocols(
                    request.method, request.clientproto, headers, SERVER_NAME
                )
        except BrokenUpgradeError as error:
            return Refusal("bad_upgrade", 400, str(error))
        refusal = self._origin_refusal(request) or self.admission.refusal(request.address)
        if refusal is not None:
            return refusal
        if not upgrade:
            return Refusal("asked", 426, "this is a WebSocket")
        self._open_connection(request, channel, greeting)
        return None

    def _origin_refusal(self, request: Request) -> Refusal | None:
        origins = request.requestHeaders.getRawHeaders(b"Origin") or []
        if len(origins) > 1:
            return Refusal("origin", 403, "more than one Origin")
        origin = origins[0].decode("latin-1") if origins else None
        if origin_allowed(origin, self.allowed_origins):
            return None
        if origin and origin in (self._own_origin, own_origin(request)):
            return None
        return Refusal("origin", 403, "this website may not use this server")

    def _refuse(self, refusal: Refusal, channel_uuid: str) -> Answer:
        self._observer.connection(refusal.outcome)
        if refusal.outcome != "asked" and (times := self._throttle.times(refusal.outcome)):
            self._log.warn(
                "visitors are turned away: {reason}",
                reason=refusal.reason,
                channel=channel_uuid,
                times=times,
            )
        more: tuple[Header, ...] = ()
        if refusal.status == 426:
            more = UPGRADE
        elif refusal.status == 405:
            more = ((b"Allow", b", ".join(GET_OR_HEAD)),)
        elif refusal.retry_after:
            # A page of another site may read no other header than those named.
            more = ((b"Access-Control-Expose-Headers", b"Retry-After"),)
        answer = error_answer(refusal.status, refusal.reason, refusal.retry_after)
        return answer.with_headers(ANYBODY, *more)

    def _open_connection(self, request: Request, channel: Channel, greeting: bytes) -> None:
        connection = VisitorConnection(self, request.address, next(self._numbers))
        connection.session = self._chat_server.open(channel, connection)
        self._observer.connection("accepted")
        self.admission.entered(request.address)
        self.starting.start(connection)
        self.admit(request, connection, greeting)

    def left(self, connection: VisitorConnection, code: int) -> None:
        """A connection is gone: count it out, and log it."""
        self.starting.stop(connection)
        self.admission.left(connection.address)
        self._observer.closed(code)
        session = connection.session
        self._log.info(
            "{connection} closed with {code} after {seconds} s: chat {chat}, {commands} commands, "
            "{errors} errors, {events} events, {bytes_in} bytes in, {bytes_out} bytes out",
            connection=connection.label,
            code=code,
            seconds=round(self.clock.seconds() - connection._since, 1),
            chat=session.chat.label if session.chat else "-",
            commands=session.commands,
            errors=session.errors,
            events=session.events_sent,
            bytes_in=connection.bytes_in,
            bytes_out=connection.bytes_out,
        )
        self.gone(connection)

    async def drain(self, deadline: float) -> None:
        """Let nobody in any more, and tell everybody to come back: to a successor, by then.

        The more there are, the longer the closes are spread, over most of `deadline` seconds at the
        longest. Returns when all connections are gone; whoever is still there at the deadline is
        dropped.
        """
        self.admission.draining = True
        if not self._open:
            return
        wanted = max(SHORTEST_DRAIN, len(self._open) / DRAIN_PER_SECOND)
        spread = min(deadline * LAST_TOLD_AT, wanted)
        rounds = max(1, round(spread / DRAIN_STEP))
        waiting = sorted(self._open, key=lambda connection: connection._number)
        timers: list[Any] = [
            self.clock.callLater(at * DRAIN_STEP, self._send_away, waiting[at::rounds])
            for at in range(rounds)
        ]
        timers.append(self.clock.callLater(deadline, self._drop_all))
        try:
            await self.all_gone()
        finally:
            for timer in timers:
                if timer.active():
                    timer.cancel()

    def _send_away(self, connections: list[VisitorConnection]) -> None:
        for connection in connections:
            connection.close(SERVICE_RESTART, "this server is being restarted")

    def _drop_all(self) -> None:
        for connection in tuple(self._open):
            connection.abort()
