"""The operators' listener: health, readiness, metrics and status over HTTP.

    GET /livez      200 while the reactor turns
    GET /readyz     200 {"ready":true,"parts":{…}}, else 503 with the same body
    GET /metrics    Prometheus's text format
    GET /status     JSON for people

Owns these answers and their deadline. What is ready, and what there is to say of it, a `Health`
knows. It is bound to loopback by default and asks for no password: nothing here is secret, but
nothing is for visitors either.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.web.pages import notFound
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from chip.chat.ports import Depths
from chip.errors import Unavailable
from chip.ops.metrics import Metrics
from chip.tasks import Clock, within

DEADLINE = 5.0
"""Seconds that the parts have to answer."""

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_JSON = "application/json"


Answer = tuple[int, str, bytes]
"""Status, content type, body."""


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

    async def status(self) -> Mapping[str, object]:
        """What a person would want to know, ready for JSON, without anything secret."""


class OpsSite(Site):
    """The listener's whole site."""

    noisy = False

    def __init__(self, health: Health, metrics: Metrics, clock: Clock) -> None:
        self._health = health
        self._metrics = metrics
        root: Any = _Root()  # type: ignore[no-untyped-call]
        for path, answer in (
            (b"livez", self._live),
            (b"readyz", self._ready),
            (b"metrics", self._counted),
            (b"status", self._status),
        ):
            root.putChild(path, _Answer(answer, clock))
        super().__init__(  # type: ignore[no-untyped-call]
            root, parsePOSTFormSubmission=False, reactor=clock
        )
        self.displayTracebacks = False

    def log(self, request: object) -> None:
        """Not a line per scrape."""

    async def _live(self) -> Answer:
        return 200, _TEXT, b"ok\n"

    async def _ready(self) -> Answer:
        found = await self._health.readiness()
        body = {"ready": found.ready, "parts": dict(found.parts)}
        return (200 if found.ready else 503), _JSON, msgspec.json.encode(body) + b"\n"

    async def _counted(self) -> Answer:
        # The counters are wanted most when something is broken; the depths stay as they were then.
        try:
            self._metrics.depths(await self._health.depths())
        except Unavailable as trouble:
            _log.debug("depths could not be read", reason=str(trouble))
        except Exception:
            _log.failure("depths could not be read")
        return 200, _TEXT, self._metrics.page()

    async def _status(self) -> Answer:
        return 200, _JSON, msgspec.json.encode(await self._health.status()) + b"\n"


class _Root(Resource):
    def getChild(self, path: bytes, request: Request) -> Any:
        return notFound()


class _Answer(Resource):
    """One path: an asynchronous answer with a deadline."""

    isLeaf = True

    def __init__(self, answer: Callable[[], Coroutine[Any, Any, Answer]], clock: Clock) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._answer = answer
        self._clock = clock

    def render(self, request: Request) -> int | bytes:
        if request.method not in (b"GET", b"HEAD"):
            request.setResponseCode(405)
            request.setHeader("allow", "GET, HEAD")
            return b""
        done: Deferred[None] = Deferred.fromCoroutine(self._respond(request))
        request.notifyFinish().addErrback(lambda _: done.cancel())
        return NOT_DONE_YET

    async def _respond(self, request: Request) -> None:
        try:
            status, kind, body = await within(self._clock, DEADLINE, self._answer())
        except CancelledError:
            return  # nobody waits for the answer any more
        except Unavailable as trouble:
            status, kind, body = 503, _JSON, msgspec.json.encode({"error": str(trouble)})
        except Exception:
            _log.failure("an operator's question failed")
            status, kind, body = 500, _JSON, b'{"error":"internal"}'
        request.setResponseCode(status)
        request.setHeader("content-type", kind)
        request.setHeader("cache-control", "no-store")
        request.write(body)
        request.finish()


_log = Logger()
