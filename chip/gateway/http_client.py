"""The gateways' HTTP client: requests to one server, over connections that are kept open.

Owns the connections, the timeouts, and whether a request that failed can have arrived. It knows
neither what is posted nor what an answer means.

It stands on Twisted's Agent. treq's own client on top of that would parse each URL three times more
and keep two jars of cookies, which doubles the CPU of a request; and the request is half of what a
visitor's message costs (`bench`: "incoming forwarded, 2,000 chats, one each").
"""

from io import BytesIO
from typing import Any, Final, NamedTuple

import treq
from hyperlink import URL
from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import (
    URI,
    Agent,
    BrowserLikePolicyForHTTPS,
    FileBodyProducer,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

IDLE_TIMEOUT: Final = 60
"""Seconds that an idle connection is kept: less than the 90 s after which Courier closes it, since
a request on a connection that closes just then has an unknown outcome."""
MAX_ANSWER: Final = 1024 * 1024
"""Bytes that an answer may have; Courier's have a few hundred."""

# Errors after which the server cannot have seen any of the request.
_NEVER_SENT: Final = (
    error.ConnectError,  # refused, no route, name not found, timed out while connecting
    error.DNSLookupError,
    error.ConnectingCancelledError,
    SSL.Error,  # the handshake failed, or the certificate is not the server's
)


class HttpAnswer(NamedTuple):
    """An answer of the server, or of a proxy before it."""

    status: int
    body: bytes
    location: str = ""
    """Where a redirect leads."""


class HttpClient:
    """Requests to the server at `base_url`, over at most `connections` that are kept when idle.

    `connect_timeout` and `timeout`, which is for a whole request and its answer, are in seconds.
    Redirects are not followed, since they would make a GET of a POST; cookies are not kept; nothing
    is tried again.
    """

    def __init__(
        self,
        reactor: Any,
        base_url: str,
        *,
        connections: int,
        connect_timeout: float,
        timeout: float,
    ) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._base = URL.from_text(base_url).to_uri().to_text()
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        self._pool.maxPersistentPerHost = connections
        self._pool.cachedConnectionTimeout = IDLE_TIMEOUT
        self._pool.retryAutomatically = False
        uri = URI.fromBytes(self._base.encode("ascii"))
        host = uri.host.decode("ascii")
        endpoint: Any = HostnameEndpoint(reactor, host, uri.port, timeout=connect_timeout)
        if uri.scheme == b"https":
            policy: Any = BrowserLikePolicyForHTTPS()
            endpoint = wrapClientTLS(policy.creatorForNetloc(uri.host, uri.port), endpoint)
        self._agent = Agent.usingEndpointFactory(reactor, _OneServer(endpoint), self._pool)

    async def post(self, path: str, body: bytes, content_type: bytes) -> HttpAnswer:
        """The answer to a POST. Raises what Twisted raises; see `never_sent`."""
        url = f"{self._base}{path}".encode("ascii")
        headers = Headers({b"Content-Type": [content_type]})
        producer: Any = FileBodyProducer(BytesIO(body))

        async def exchange() -> HttpAnswer:
            response = await self._agent.request(b"POST", url, headers, producer)
            (location, *_) = response.headers.getRawHeaders(b"Location", [b""])
            return HttpAnswer(response.code, await _body_of(response), location.decode("latin-1"))

        return await Deferred.fromCoroutine(exchange()).addTimeout(self._timeout, self._reactor)

    async def close(self) -> None:
        """Close the idle connections."""
        await self._pool.closeCachedConnections()


def never_sent(problem: Exception) -> bool:
    """Whether a request that ended with `problem` cannot have reached the server."""
    # TLS problems come wrapped: the request was written, but into a handshake that failed.
    return isinstance(problem, _NEVER_SENT) or (
        isinstance(problem, RequestTransmissionFailed | ResponseNeverReceived)
        and any(isinstance(reason.value, SSL.Error) for reason in problem.reasons)
    )


async def _body_of(response: Any) -> bytes:
    parts: list[bytes] = []
    size = 0

    def collect(part: bytes) -> None:
        nonlocal size
        size += len(part)
        if size > MAX_ANSWER:
            raise ValueError("the answer is too long")
        parts.append(part)

    await treq.collect(response, collect)
    return b"".join(parts)


@implementer(IAgentEndpointFactory)
class _OneServer:
    """Where to connect, whatever the URL. Agent's own makes an endpoint for each request, even if a
    connection is kept: a fifth of the CPU of a request."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self._endpoint
