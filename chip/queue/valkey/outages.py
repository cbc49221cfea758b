"""What the log tells of a Valkey that is away, or that refuses commands."""

from collections.abc import Callable

from twisted.logger import Logger, LogLevel

from chip.throttle import Outage


class Outages:
    """What connections to the same Valkey tell of it, together: whether it is there, and whether it
    takes what it is asked. Who knows that all is well again says so. `quiet` ones are at level
    debug: whoever asks once tells people himself what came of it."""

    _log = Logger()

    def __init__(self, seconds: Callable[[], float], *, quiet: bool = False) -> None:
        self.away = Outage(
            self._log,
            "Valkey is away: {reason}",
            "Valkey is back",
            seconds,
            level=LogLevel.debug if quiet else LogLevel.warn,
        )
        self.refusing = Outage(
            self._log,
            "Valkey refuses a command: {reason}",
            "Valkey takes commands again",
            seconds,
            level=LogLevel.debug if quiet else LogLevel.error,
        )
