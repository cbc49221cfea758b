"""The desk's open windows: everything that changes is told to each of them at once.

Owns the streams of server-sent events. A window that does not read as fast as things happen is
told nothing meanwhile, and afterwards to look at everything afresh: so a stream holds at most what
the kernel and one transport buffer hold.

    ← event: news     data: {"message":{…},"conversation":{…}}
    ← event: resync   data:            look at everything afresh: some news could not be told
    ← event: pulse    data:            every 15 s: the connection is alive
"""

from collections.abc import Callable

import msgspec
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import LoopingCall
from zope.interface import implementer

from chip.desk.records import News
from chip.errors import Unavailable
from chip.tasks import Clock, every
from chip.web.http.request import Request

PULSE = 15.0
MOST = 100

_encoder = msgspec.json.Encoder()


class EventStreams:
    """All windows that are open at the desk."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: list[_Stream] = []
        self._pulse: LoopingCall | None = None

    @property
    def anybody(self) -> bool:
        """Whether somebody is at the desk."""
        return bool(self._open)

    def start(self) -> None:
        """Begin to show that the connections live."""
        self._pulse = every(self._clock, PULSE, lambda: self._send(_event("pulse")), now=False)

    def stop(self) -> None:
        """End every stream."""
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse = None
        for stream in list(self._open):
            stream.end()

    def open(self, request: Request, session: str) -> None:
        """Answer the request with what happens from now on, for as long as it is there and until
        its `session` ends.

        Raises Unavailable when there are too many windows.
        """
        if len(self._open) >= MOST:
            raise Unavailable("too many windows are open at the desk", 30)
        stream = _Stream(request, session, self._open.remove)
        self._open.append(stream)
        stream.begin()

    def close(self, session: str) -> None:
        """End the streams of a session."""
        for stream in [one for one in self._open if one.session == session]:
            stream.end()

    def tell(self, news: News) -> None:
        """Tell every window."""
        if self._open:
            self._send(_event("news", _encoder.encode(news)))

    def resync(self) -> None:
        """Have every window look at everything afresh."""
        self._send(_event("resync"))

    def _send(self, event: bytes) -> None:
        for stream in list(self._open):
            stream.send(event)


@implementer(IPushProducer)
class _Stream:
    __slots__ = ("_behind", "_gone", "_paused", "_request", "session")

    def __init__(self, request: Request, session: str, gone: Callable[["_Stream"], None]) -> None:
        self.session = session
        self._request = request
        self._gone = gone
        self._paused = False
        self._behind = False

    def begin(self) -> None:
        request = self._request
        request.setHeader(b"content-type", b"text/event-stream")
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-content-type-options", b"nosniff")
        # nginx would hold events back until it has a page full of them.
        request.setHeader(b"x-accel-buffering", b"no")
        request.notifyFinish().addBoth(lambda _: self._gone(self))
        request.write(_event("pulse"))
        request.registerProducer(self, True)

    def send(self, event: bytes) -> None:
        if self._paused:
            self._behind = True
        else:
            self._request.write(event)

    def end(self) -> None:
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        if self._behind:
            self._behind = False
            self._request.write(_event("resync"))

    def stopProducing(self) -> None:
        self._paused = True


def _event(kind: str, data: bytes = b"") -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), data)
