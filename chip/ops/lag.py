"""How late the reactor is: the time that it takes to come round to what is due."""

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

from chip.ops.metrics import Metrics
from chip.tasks import Clock, every

LAG_INTERVAL = 1.0
"""Seconds between two looks at how late the reactor is."""


class LagService(Service):
    """Looks once a second how late the reactor is."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._due = 0.0
        self._call: LoopingCall | None = None

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._due = self._clock.seconds() + LAG_INTERVAL
        self._call = every(self._clock, LAG_INTERVAL, self._look, now=False)

    def stopService(self) -> None:
        if self._call:
            self._call.stop()
            self._call = None
        super().stopService()  # type: ignore[no-untyped-call]

    def _look(self) -> None:
        now = self._clock.seconds()
        self._metrics.lag(now - self._due)
        self._due = now + LAG_INTERVAL
