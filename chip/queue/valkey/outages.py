"""What the log tells of a Valkey that is away, or that refuses commands."""

from collections.abc import Callable
from typing import Final

from twisted.logger import Logger, LogLevel

from chip.queue.valkey.errors import holds_for_all, reason_of
from chip.throttle import LogThrottle, Outage

_REFUSES: Final = "Valkey refuses a command: {reason}"


class Outages:
    """What connections to the same Valkey tell of it, together: whether it is there, and whether it
    takes what it is asked. Who knows that all is well again says so. `quiet` ones are at level
    debug: whoever asks once tells people himself what came of it."""

    _log = Logger()

    def __init__(self, seconds: Callable[[], float], *, quiet: bool = False) -> None:
        warn, self._error = (
            (LogLevel.debug, LogLevel.debug) if quiet else (LogLevel.warn, LogLevel.error)
        )
        self.away = Outage(
            self._log, "Valkey is away: {reason}", "Valkey is back", seconds, level=warn
        )
        self.refusing = Outage(
            self._log, _REFUSES, "Valkey takes commands again", seconds, level=self._error
        )
        self._throttle = LogThrottle(seconds)

    def refused(self, said: str) -> None:
        """The server has refused a command with these words. Where it refuses one command or key,
        for want of a right for instance, nobody can say when that is over."""
        reason = f"it {reason_of(said)}" if reason_of(said) else said[:200]
        if holds_for_all(said):
            self.refusing.failed(reason)
        elif times := self._throttle.times(reason):
            self._log.emit(self._error, _REFUSES, reason=reason, times=times)
