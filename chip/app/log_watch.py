"""What this process's log tells beside its lines: how many there are of each level, and that
connections were closed for want of a file descriptor, which Twisted tells nobody else.
"""

from typing import Any, Final, cast

from twisted.application.service import Service
from twisted.logger import LogEvent, Logger, globalLogPublisher

from chip.logs.log_observer import origin
from chip.ops.metrics import Metrics
from chip.tasks import Clock
from chip.throttle import LogThrottle

SOCKET_CLOSED_LINE: Final = "EMFILE recovery: Closed socket"
"""How the line begins that Twisted logs, at level info, for each such connection."""


class LogWatch(Service):
    """Hears all that is logged while it runs."""

    _log = Logger()

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._throttle = LogThrottle(clock.seconds)

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        globalLogPublisher.addObserver(cast(Any, self._hear))

    def stopService(self) -> None:
        globalLogPublisher.removeObserver(cast(Any, self._hear))
        super().stopService()  # type: ignore[no-untyped-call]

    def _hear(self, event: LogEvent) -> None:
        level, _ = origin(event)
        self._metrics.logged(level)
        if str(event.get("log_format")).startswith(SOCKET_CLOSED_LINE):
            # Not now: Twisted has given up its spare descriptor, which a log file must not take.
            self._clock.callLater(0, self._tell_of_closed)

    def _tell_of_closed(self) -> None:
        self._metrics.cut("no_descriptors")
        if times := self._throttle.times():
            self._log.error(
                "{times} connections were cut: {reason}; raise LimitNOFILE (systemd) or ulimit -n",
                times=times,
                reason="no file descriptors are left",
            )
