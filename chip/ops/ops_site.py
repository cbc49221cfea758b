"""The operators' listener: health, readiness, metrics and status over HTTP.

    GET /livez      200 while the reactor turns
    GET /readyz     200 {"ready":true,"parts":{…}}, else 503 with the same body
    GET /metrics    Prometheus's text format, or OpenMetrics for whoever accepts that
    GET /status     JSON for people
    ← 403           the last two, by a name that may be somebody else's: see `ops_hosts`

Owns these answers and their deadline. What is ready, and what there is to say of it, a `Health`
knows. It is bound to loopback by default and asks for no password: nothing here is secret, but
nothing is for visitors either.
"""

from collections.abc import Callable, Collection, Coroutine, Mapping
from functools import partial
from ipaddress import ip_address
from typing import Any, Final, NamedTuple, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from chip.chat.ports import Balances, Depths
from chip.errors import Unavailable
from chip.limits import Limits
from chip.ops.metrics import Metrics
from chip.tasks import Clock, within
from chip.web.http.answers import (
    GET_OR_HEAD,
    NOT_FOUND,
    Answer,
    answer_to,
    error_answer,
    json_answer,
    method_not_allowed,
)
from chip.web.http.request import Request
from chip.web.http.server import HttpServer

DEADLINE: Final = 5.0
"""Seconds that the parts have to answer."""

ANY_HOST: Final = "*"

_PRIVATE: Final = (b"/metrics", b"/status")
_TEXT: Final = b"text/plain; charset=utf-8"


class Readiness(NamedTuple):
    """Whether new visitors should come here, and a word on each part that decides it, or not."""

    ready: bool
    parts: Mapping[str, str]


class Health(Protocol):
    """What is asked of the service."""

    async def readiness(self) -> Readiness:
        """Ask the database and the queues now; Courier is reported and not required."""

    async def depths(self) -> Depths:
        """Count what waits now."""

    async def balances(self) -> Balances:
        """What became of everything that was ever accepted."""

    async def status(self) -> Mapping[str, object]:
        """What a person would want to know, ready for JSON, without anything secret."""


class OpsSite(HttpServer):
    """The server of the operators' listener."""

    _log = Logger()

    def __init__(
        self,
        health: Health,
        metrics: Metrics,
        clock: Clock,
        limits: Limits,
        hosts: Collection[str] = (),
    ) -> None:
        """`hosts` are names of this listener, beside those that cannot be anybody else's."""
        super().__init__(self._route, clock, limits)
        self._hosts = hosts
        self._health = health
        self._metrics = metrics
        self._probes: dict[bytes, Callable[[], Coroutine[Any, Any, Answer]]] = {
            b"/livez": self._live,
            b"/readyz": self._ready,
            b"/status": self._status,
        }

    async def _route(self, request: Request) -> Answer:
        path = request.path.removesuffix(b"/")
        probe = self._probes.get(path)
        if path == b"/metrics":
            probe = partial(self._counted, _accept(request))
        if probe is None:
            return NOT_FOUND
        if request.method not in GET_OR_HEAD:
            return method_not_allowed(*GET_OR_HEAD)
        if path in _PRIVATE and not self._is_ours(request.asked_host):
            return error_answer(403, "this name is not in ops_hosts")
        asked = Deferred.fromCoroutine(within(self.clock, DEADLINE, probe()))
        request.notifyFinish().addErrback(lambda _: asked.cancel())
        try:
            answer = await asked
        except CancelledError:
            answer = error_answer(503, "the question was given up")
        except Exception as error:
            answer = answer_to(error)
        return answer.with_headers((b"Cache-Control", b"no-store"))

    def _is_ours(self, host: str) -> bool:
        """Whether a page on the web cannot have led a browser here by this name: DNS rebinding.
        Addresses and names without a dot belong to no website."""
        if "." not in host or host in self._hosts or ANY_HOST in self._hosts:
            return True
        try:
            ip_address(host.strip("[]"))
        except ValueError:
            return False
        return True

    async def _live(self) -> Answer:
        return Answer(200, b"ok\n", _TEXT)

    async def _ready(self) -> Answer:
        found = await self._health.readiness()
        return _page({"ready": found.ready, "parts": found.parts}, 200 if found.ready else 503)

    async def _counted(self, accept: str) -> Answer:
        # The counters are wanted most when something is broken; the depths stay as they were then.
        ready = False
        try:
            ready = (await self._health.readiness()).ready
            self._metrics.depths(await self._health.depths())
            self._metrics.balances(await self._health.balances())
        except (Unavailable, CancelledError) as trouble:
            self._log.debug("depths could not be read", reason=str(trouble))
        except Exception:
            self._log.failure("depths could not be read")
        self._metrics.ready(ready)
        page, media_type = self._metrics.page(accept)
        return Answer(200, page, media_type.encode())

    async def _status(self) -> Answer:
        return _page(await self._health.status(), 200)


def _accept(request: Request) -> str:
    return b", ".join(request.requestHeaders.getRawHeaders(b"Accept") or []).decode("latin-1")


def _page(value: Mapping[str, object], status: int) -> Answer:
    """JSON that ends with a line, for terminals."""
    answer = json_answer(value, status)
    return answer._replace(body=answer.body + b"\n")
