"""treq, without what a POST to one known server has no use for.

Owns nothing but economy: of the 300 microseconds of CPU that treq takes for a request, half go into
parsing the URL three times, looking the host up among internationalised names twice, and keeping
two jars of cookies, each time anew. treq's own hooks take a URL, a jar, a body and an agent.
"""

from collections.abc import Iterator
from http.cookiejar import Cookie
from typing import Any, cast

import treq
from hyperlink import EncodedURL
from treq.cookies import IndexableCookieJar
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer, IPolicyForHTTPS, IResponse
from zope.interface import implementer


class KnownUrl(EncodedURL):
    """A URL that was spelt once and for all, however often it is asked how it is spelt."""

    _spelt: str

    @classmethod
    def of(cls, text: str) -> "KnownUrl":
        """The URL that `text` is. Raises ValueError."""
        spelt = EncodedURL.from_text(text).to_uri().to_text()
        url = cast(KnownUrl, cls.from_text(spelt))
        url._spelt = spelt
        return url

    def to_uri(self) -> "KnownUrl":
        return self

    def to_text(self, with_password: bool = False) -> str:
        return self._spelt


class Poster:
    """POSTs JSON to one server, the one at `base_url`, over the connections of `pool`.

    `connect_timeout` is in seconds. Redirects are not followed: they would make a GET of a POST.
    """

    def __init__(
        self,
        reactor: Any,
        base_url: str,
        pool: HTTPConnectionPool,
        *,
        connect_timeout: float,
        https_policy: IPolicyForHTTPS | None = None,
    ) -> None:
        uri = URI.fromBytes(KnownUrl.of(base_url).to_text().encode())
        host = uri.host.decode("ascii")
        endpoint: Any = HostnameEndpoint(reactor, host, uri.port, timeout=connect_timeout)
        if uri.scheme == b"https":
            policy: Any = https_policy or BrowserLikePolicyForHTTPS()
            endpoint = wrapClientTLS(policy.creatorForNetloc(uri.host, uri.port), endpoint)
        self._reactor = reactor
        self._cookies = _NoCookies()
        self._client = treq.client.HTTPClient(
            Agent.usingEndpointFactory(reactor, _OneServer(endpoint), pool),
            cookiejar=self._cookies,
            data_to_body_producer=cast(Any, _Body),
        )

    def post(self, url: KnownUrl, body: bytes) -> Deferred[IResponse]:
        """The answer to a POST; its body is to be collected."""
        response: Deferred[IResponse] = self._client.post(
            url,
            data=body,
            headers=Headers({b"Content-Type": [b"application/json"]}),
            cookies=self._cookies,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )
        return response

    def get(self, url: KnownUrl) -> Deferred[IResponse]:
        """The answer to a GET."""
        response: Deferred[IResponse] = self._client.get(
            url,
            cookies=self._cookies,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )
        return response


@implementer(IAgentEndpointFactory)
class _OneServer:
    """Where to connect, whatever the URL: there is one server."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self._endpoint


@implementer(IBodyProducer)
class _Body:
    """A body that is there already: a file and a cooperative task would be made of it else."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """All is written."""

    def resumeProducing(self) -> None:
        """All is written."""

    def stopProducing(self) -> None:
        """All is written."""


class _NoCookies(IndexableCookieJar):
    """A jar that keeps nothing, and takes no lock to find that out."""

    def __iter__(self) -> Iterator[Cookie]:
        return iter(())

    def add_cookie_header(self, request: object) -> None:
        """There are none."""

    def extract_cookies(self, response: object, request: object) -> None:
        """They are not kept."""
