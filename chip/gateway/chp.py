"""Courier's webchat channels (type ``CHP``) over HTTP.

    POST http(s)://{domain}/c/chp/{channel}/receive      Content-Type: application/json

It owns the connections to Courier and what its answers mean: whether Courier itself has spoken or
something in between, and whether a request that brought no answer can have arrived. It does not
know what is to be done when events fail. The JSON is in `chip.protocol.courier_receive`.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import treq
from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.web._newclient import RequestNotSent
from twisted.web.client import HTTPConnectionPool, ResponseNeverReceived
from twisted.web.iweb import IPolicyForHTTPS

from chip.chat.observer import Observer
from chip.chat.outbound.ports import CourierAnswer
from chip.errors import Unavailable
from chip.gateway.http_client import KnownUrl, Poster
from chip.models import Channel, SpoolEvent
from chip.protocol.courier_receive import (
    ReceiveAnswer,
    decode_answer,
    encode_chat_started,
    encode_receive,
)

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


class ChpGateway:
    """Courier at `domain` (``host[:port]``), by HTTPS if `tls`. Satisfies `ports.Gateway`.

    `connect_timeout` and `timeout` are in seconds; the latter is for the whole answer, and longer
    than Courier's own deadline of 30 s, so that Courier gives up first. `observer` is told how each
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
        observer: Observer | None = None,
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
        self._observer = observer or Observer()

    def _make_url(self, channel_uuid: str) -> KnownUrl:
        return KnownUrl.of(f"{self._base}/{quote(channel_uuid)}/receive")

    async def start_chat(self, channel: Channel, chat_id: str) -> CourierAnswer:
        """Have Courier make the contact of a new chat. Never raises."""
        return await self._ask(channel, encode_chat_started(chat_id, channel.secret), [None])

    async def post(
        self, channel: Channel, chat_id: str, events: Sequence[SpoolEvent]
    ) -> CourierAnswer:
        """Hand events to Courier in one request. Never raises."""
        return await self._ask(channel, encode_receive(chat_id, channel.secret, events), events)

    async def _ask(
        self, channel: Channel, body: bytes, events: Sequence[SpoolEvent | None]
    ) -> CourierAnswer:
        began = self._reactor.seconds()
        request: Deferred[tuple[int, bytes]] = Deferred.fromCoroutine(
            self._request(self._url(channel.uuid), body)
        )
        request.addTimeout(self._timeout, self._reactor)
        try:
            status, said = await request
        except Exception as problem:
            answer = _without_answer(problem)
        else:
            answer = _meaning(status, said, events)
        self._observer.courier(answer.kind, self._reactor.seconds() - began)
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


def _meaning(status: int, body: bytes, events: Sequence[SpoolEvent | None]) -> CourierAnswer:
    """What Courier, or whatever answers in its place, says about `events`.

    Only Courier's own words confirm. A 2xx with anything else comes from a proxy or a maintenance
    page, which say nothing about whether Courier has had the request.
    """
    answer = decode_answer(body)
    if answer and 200 <= status < 300 and answer.confirms(events):
        return CourierAnswer("handled", answer.heard, f"status {status}")
    if answer and status >= 500:
        return CourierAnswer("failed", detail=f"status {status} from Courier")
    if answer and status >= 400:
        if answer.is_about_the_channel:
            return CourierAnswer("channel_refused", detail=_channel_trouble(status, answer))
        return CourierAnswer("refused", detail=f"status {status} from Courier")
    if 200 <= status < 300 or status in (502, 504):
        return CourierAnswer("unknown", detail=f"status {status}, and not in Courier's words")
    return CourierAnswer("failed", detail=f"status {status}, not from Courier")


def _channel_trouble(status: int, answer: ReceiveAnswer) -> str:
    """What is wrong with the channel, in words."""
    if answer.message != "Error":
        return f"status {status}: this Courier has no channels of type CHP"
    return ", ".join(item.error for item in answer.data)


def _without_answer(problem: Exception) -> CourierAnswer:
    if isinstance(problem, DeferredTimeout | CancelledError):
        return CourierAnswer("unknown", detail="no answer in time")
    causes = [reason.value for reason in getattr(problem, "reasons", ())] or [problem]
    never_sent = isinstance(problem, _NEVER_SENT) or (
        # TLS problems come wrapped: the request was written, but into a handshake that failed.
        isinstance(problem, ResponseNeverReceived)
        and any(isinstance(cause, SSL.Error) for cause in causes)
    )
    return CourierAnswer("unsent" if never_sent else "unknown", detail=type(causes[0]).__name__)
