"""One HTTP request: twisted.web's, with a bounded body in memory.

Owns what handlers read of a request: its path below a mount, its query, its body. It stands below
the answers and the servers, and knows its connection only as what Twisted calls a channel.
"""

import math
import re
from io import BytesIO
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from twisted.web import http

from chip.buckets import network_of
from chip.errors import Refused, TooLarge, without_values

T = TypeVar("T")

READ_ANYWAY: Final = 8
"""A body may be so many times its limit and is still read, so that its sender hears why it is
refused. Beyond that the connection is dropped."""


_ABSOLUTE = re.compile(rb"[A-Za-z]+://(?P<host>[^/?]*)")


class Successor(Protocol):
    """What takes over a connection: a protocol that is attached to a transport in use."""

    def attach(self, transport: Any, greeting: bytes, /) -> None:
        """Take over the transport; `greeting` is the answer to the request that led here."""

    def dataReceived(self, data: bytes, /) -> None:
        """Bytes from the peer."""


class Request(http.Request):
    """A request, from its head to the last byte of its answer."""

    channel: Any
    content: Any
    path: bytes
    mount = b""
    """The prefix of the path whose handler was chosen."""
    address = ""
    """Whose request this is, for the limits that count per address; ``""`` when it is exempt."""
    oversized = False
    """Whether the body was larger than `post_bytes`; what there was of it is dropped."""

    _received = 0

    def __init__(self, channel: Any, queued: object = False) -> None:
        super().__init__(channel, queued, parsePOSTFormSubmission=False)

    # What handlers read.

    @property
    def peer_is_there(self) -> bool:
        """Whether an answer would still reach anybody."""
        return not self.finished and self.channel is not None

    @property
    def network(self) -> str:
        """The network that `address` belongs to, for what a site with many should not have often;
        ``""`` when it is exempt."""
        return network_of(self.address)

    @property
    def is_by_tls(self) -> bool:
        """Whether the browser speaks TLS, to Chip or to a proxy. Who claims it falsely harms only
        himself: with a link, or a cookie, that his own browser will not use."""
        forwarded = (self.getHeader(b"x-forwarded-proto") or b"").lower()
        return bool(self.isSecure()) or forwarded == b"https"

    @property
    def host_and_port(self) -> str:
        """The host that this was asked of, in lower case, with its port if there is one; ``""``
        for none."""
        return (self.getHeader(b"host") or b"").decode("latin-1").lower()

    @property
    def asked_host(self) -> str:
        """The same without the port."""
        host = self.host_and_port
        name, _, port = host.rpartition(":")
        return name if name and port.isdigit() and not host.endswith("]") else host

    @property
    def is_by_proxy(self) -> bool:
        """Whether a trusted proxy has made this request, and says by which name it was asked, or
        by which scheme."""
        headers = self.requestHeaders
        says = headers.hasHeader(b"X-Forwarded-Host") or headers.hasHeader(b"X-Forwarded-Proto")
        return says and self.channel.owner.addresses.trusts(self.channel.getPeer())

    @property
    def forwarded_host(self) -> str:
        """The host that a trusted proxy was asked of; ``""`` where none says so."""
        if not self.is_by_proxy:
            return ""
        hosts = self.getHeader(b"x-forwarded-host") or b""
        # Of several the nearest proxy's, as for addresses.
        return hosts.rpartition(b",")[2].strip(b" \t").decode("latin-1").lower()

    @property
    def below(self) -> list[str]:
        """The decoded parts of the path below the mount. One slash at the end changes nothing:
        ``/a%2Fb/c`` and ``/a%2Fb/c/`` are ``["a/b", "c"]``."""
        encoded = self.path.removeprefix(self.mount).split(b"/")[1:]
        if encoded and encoded[-1] == b"":
            del encoded[-1]
        return [unquote_to_bytes(part).decode("utf-8", "replace") for part in encoded]

    def argument(self, name: bytes) -> str:
        """The first value of a query argument, ``""`` when there is none."""
        values: list[bytes] = (self.args or {}).get(name, [b""])
        return values[0].decode("utf-8", "replace")

    def body(self, limit: float = math.inf) -> bytes:
        """The whole body. Raises TooLarge beyond `limit` bytes, and always beyond `post_bytes`."""
        if self.oversized or self._received > limit:
            raise TooLarge("the body is too large")
        return bytes(self.content.read())

    def decoded(self, decoder: msgspec.json.Decoder[T], limit: float = math.inf) -> T:
        """The value in the body. Raises TooLarge, or Refused naming what is wrong with it."""
        try:
            return decoder.decode(self.body(limit))
        except (ValueError, RecursionError) as error:
            raise Refused(f"error reading request: {without_values(error)}") from None

    @property
    def held(self) -> int:
        """Bytes of the body that are kept."""
        return 0 if self.oversized else self._received

    # What Twisted calls.

    def gotLength(self, length: int | None) -> None:
        """The head is complete, and a body begins. Twisted's own goes to a file when it is large
        or of unknown size."""
        self.content = BytesIO()
        forwarded = self.requestHeaders.getRawHeaders(b"X-Forwarded-For") or []
        self.address = self.channel.owner.addresses.of(self.channel.getPeer(), forwarded)

    def handleContentChunk(self, data: bytes) -> None:
        """Some of the body."""
        self._received += len(data)
        limit = self.channel.owner.limits.post_bytes
        if self._received <= limit:
            self.content.write(data)
        elif self._received > READ_ANYWAY * limit:
            self.channel.abort()
        else:
            self.oversized = True
            self.content.truncate(0)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The request is complete. Its target may be a whole URL, whose host counts then."""
        if absolute := _ABSOLUTE.match(path):
            self.requestHeaders.setRawHeaders(b"Host", [absolute["host"]])
            path = path[absolute.end() :]
            path = path if path.startswith(b"/") else b"/" + path
        if command in (b"GET", b"HEAD"):
            # Nobody reads it, and what is in hand counts against no budget.
            self.content = BytesIO()
        super().requestReceived(command, path, version)  # type: ignore[no-untyped-call]

    def process(self) -> None:
        """The request is complete."""
        self.channel.owner.received(self)

    # What comes after HTTP.

    def hand_over(self, successor: Successor, greeting: bytes) -> None:
        """Let this request's connection go on as another protocol."""
        connection, self.channel = self.channel, None
        connection.hand_over(successor, greeting)
