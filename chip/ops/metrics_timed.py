"""An adapter whose questions are timed."""

import inspect
from typing import Any

from prometheus_client import Histogram

from chip.tasks import Clock


class Timed:
    """A stand-in for `target` whose coroutine methods are timed, named by themselves.

    Everything else is handed through. A method is wrapped once, at its first use.
    """

    def __init__(self, target: object, histogram: Histogram, clock: Clock) -> None:
        self.__target = target
        self.__histogram = histogram
        self.__seconds = clock.seconds

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__target, name)
        if not inspect.iscoroutinefunction(found):
            return found
        observe = self.__histogram.labels(name).observe
        seconds = self.__seconds

        async def timed(*args: Any, **named: Any) -> Any:
            began = seconds()
            try:
                return await found(*args, **named)
            finally:
                observe(max(0.0, seconds() - began))

        setattr(self, name, timed)
        return timed
