"""The gateways' HTTP client: requests to one server, over connections that are kept open.

Owns how the server is reached and how long a request may take. It knows neither what is posted nor
what an answer means.

Answers are read by treq. Its client is left aside, which would parse each URL three times more and
keep two jars of cookies: four times the CPU of a request.
"""

from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import treq
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import wrapClientTLS
from twisted.web.client import BrowserLikePolicyForHTTPS
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from chip.gateway.http_agent import KeepAliveAgent
from chip.hosts import HostEndpoint, ascii_host

MAX_ANSWER: Final = 1024 * 1024
"""Bytes that an answer may have; Courier's have a few hundred."""


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
        parts = urlsplit(base_url)
        secure = parts.scheme == "https"
        host = ascii_host(parts.hostname or "", tls=secure)
        port = parts.port or (443 if secure else 80)
        named = f"[{host}]" if ":" in host else host
        place = f":{parts.port}" if parts.port else ""
        self._base = f"{parts.scheme}://{named}{place}{parts.path}"
        endpoint: Any = HostEndpoint(reactor, host, port, timeout=connect_timeout)
        if secure:
            policy: Any = BrowserLikePolicyForHTTPS()
            endpoint = wrapClientTLS(policy.creatorForNetloc(host.encode(), port), endpoint)
        self._agent = KeepAliveAgent(
            reactor,
            endpoint,
            secure=secure,
            # What has no connection when all its time is over has not left: the agent says so.
            connect_timeout=min(connect_timeout, timeout),
            connections=connections,
            max_answer=MAX_ANSWER,
        )

    async def post(self, path: str, body: bytes, content_type: bytes) -> HttpAnswer:
        """The answer to a POST. Raises what `KeepAliveAgent.request` does, and Twisted's
        TimeoutError."""
        url = f"{self._base}{path}".encode("ascii")
        # Without it a proxy may compress the answer, which nobody here could read.
        headers = Headers({b"Content-Type": [content_type], b"Accept-Encoding": [b"identity"]})
        asked = self._agent.request(b"POST", url, headers, _Body(body))
        response: Any = await asked.addTimeout(self._timeout, self._reactor)
        answer = HttpAnswer(response.code, await treq.content(response))
        if 300 <= response.code < 400:
            (location, *_) = response.headers.getRawHeaders(b"Location", [b""])
            return answer._replace(location=location.decode("latin-1"))
        return answer

    async def close(self) -> None:
        """Close the idle connections, and those under way when they have their answer."""
        await self._agent.close()


@implementer(IBodyProducer)
class _Body:
    """A body that is there. Twisted's FileBodyProducer takes a turn of the reactor for it."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """All is written already."""

    resumeProducing = stopProducing = pauseProducing
