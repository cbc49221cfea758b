"""The HTTP client to Courier, RapidPro's messaging gateway.

    POST http(s)://{domain}/c/chp/{channel}/receive      Content-Type: application/json

It owns the connections to Courier and what its answers mean: whether Courier itself has spoken or
something in between, and whether a request that brought no answer can have arrived. It does not
know what events are, nor what to do when they fail.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import msgspec
import treq
from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.web._newclient import RequestNotSent
from twisted.web.client import HTTPConnectionPool, ResponseNeverReceived
from twisted.web.iweb import IPolicyForHTTPS

from chip.chat.ports import CourierAnswer
from chip.errors import Unavailable
from chip.gateway.http_client import KnownUrl, Poster
from chip.models import Channel
from chip.protocol.courier import encode_receive

IDLE_TIMEOUT: Final = 60
"""Seconds that an idle connection is kept: less than the 90 s after which Courier closes it, since
a request on a connection that closes just then has an unknown outcome."""
MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer that are read; Courier's are a few hundred."""
KNOWN_CHANNELS: Final = 1000
"""Channels whose URLs are kept."""

# Errors after which Courier cannot have seen any of the request.
_NEVER_SENT: Final = (
    error.ConnectError,  # refused, no route, name not found, timed out while connecting
    error.DNSLookupError,
    error.ConnectingCancelledError,
    RequestNotSent,
    SSL.Error,  # the handshake failed, or the certificate is not Courier's
)

Observer = Callable[[str, float], None]


class _Data(msgspec.Struct):
    type: str = ""
    msg_uuid: str = ""


class _Body(msgspec.Struct):
    """What Courier answers, good or bad."""

    message: str
    data: list[_Data]


_body = msgspec.json.Decoder(_Body)


class ChpGateway:
    """Courier at `domain` (``host[:port]``), by HTTPS if `tls`. Satisfies `ports.Gateway`.

    `connect_timeout` and `timeout` are in seconds; the latter is for the whole answer, and longer
    than Courier's own deadline of 30 s, so that Courier gives up first. `observe` is told how each
    request ended and how many seconds it took.
    """

    def __init__(
        self,
        *,
        reactor: Any,
        domain: str,
        tls: bool,
        connect_timeout: float,
        timeout: float,
        parallel: int,
        https_policy: IPolicyForHTTPS | None = None,
        observe: Observer | None = None,
    ) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._base = f"{'https' if tls else 'http'}://{domain}/c/chp"
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        self._pool.maxPersistentPerHost = parallel
        self._pool.cachedConnectionTimeout = IDLE_TIMEOUT
        self._pool.retryAutomatically = False
        self._poster = Poster(
            reactor,
            self._base,
            self._pool,
            connect_timeout=connect_timeout,
            https_policy=https_policy,
        )
        self._url = lru_cache(KNOWN_CHANNELS)(self._make_url)
        self._observe = observe

    def _make_url(self, channel_uuid: str) -> KnownUrl:
        return KnownUrl.of(f"{self._base}/{quote(channel_uuid)}/receive")

    async def post(
        self, channel: Channel, chat_id: str, events: list[dict[str, object]]
    ) -> CourierAnswer:
        """Hand events to Courier in one request. Never raises."""
        began = self._reactor.seconds()
        request: Deferred[tuple[int, bytes]] = Deferred.fromCoroutine(
            self._request(self._url(channel.uuid), encode_receive(chat_id, channel.secret, events))
        )
        request.addTimeout(self._timeout, self._reactor)
        try:
            status, body = await request
        except Exception as problem:
            answer = _without_answer(problem)
        else:
            answer = _meaning(status, body)
        if self._observe:
            self._observe(answer.kind, self._reactor.seconds() - began)
        return answer

    async def _request(self, url: KnownUrl, body: bytes) -> tuple[int, bytes]:
        response = await self._poster.post(url, body)
        parts: list[bytes] = []
        size = 0

        def collect(part: bytes) -> None:
            nonlocal size
            size += len(part)
            if size > MAX_ANSWER:
                raise ValueError("the answer is too long")
            parts.append(part)

        await treq.collect(response, collect)
        return response.code, b"".join(parts)

    async def check(self) -> str:
        """Whether anything answers at Courier's address, in words. Raises Unavailable."""
        try:
            response = await self._poster.get(KnownUrl.of(self._base))
            await treq.collect(response, lambda _: None)
        except Exception as problem:
            raise Unavailable(_without_answer(problem).detail) from None
        return f"{self._base} answers"

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.closeCachedConnections()


def _meaning(status: int, body: bytes) -> CourierAnswer:
    """What Courier, or whatever answers in its place, says."""
    try:
        answer = _body.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = None
    if 200 <= status < 300:
        # A status names a message too: one that was sent, not one that was heard.
        data = answer.data if answer else []
        heard = [one.msg_uuid for one in data if one.type == "msg" and one.msg_uuid]
        return CourierAnswer("handled", heard, f"status {status}")
    if answer and status >= 400:
        return CourierAnswer(
            "refused" if status < 500 else "failed", [], f"status {status} from Courier"
        )
    if status in (502, 504):
        # A proxy lost Courier, which may be at work on the request all the same.
        return CourierAnswer("unknown", [], f"status {status} from a proxy")
    return CourierAnswer("failed", [], f"status {status}, not from Courier")


def _without_answer(problem: Exception) -> CourierAnswer:
    if isinstance(problem, DeferredTimeout | CancelledError):
        return CourierAnswer("unknown", [], "no answer in time")
    causes = [reason.value for reason in getattr(problem, "reasons", ())] or [problem]
    never_sent = isinstance(problem, _NEVER_SENT) or (
        # TLS problems come wrapped: the request was written, but into a handshake that failed.
        isinstance(problem, ResponseNeverReceived)
        and any(isinstance(cause, SSL.Error) for cause in causes)
    )
    return CourierAnswer("unsent" if never_sent else "unknown", [], type(causes[0]).__name__)
