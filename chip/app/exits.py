"""How the process ends when it cannot go on: one line on standard error, and a status.

twistd exits with 0 after ``reactor.stop()``, whatever the reason was, and removes its pid file on
the way. So the reason is noted here and turned into the exit status at the very end of the
interpreter, after everything else has been tidied up. Also owns the way around the log for what
only the person at the terminal may read.
"""

import atexit
import os
import sys
from collections.abc import Callable
from typing import Protocol, TextIO

from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from chip.logs.redact import REDACTOR

_log = Logger()

_status = 0


class StoppingReactor(Protocol):
    """What is needed of the reactor."""

    def callWhenRunning(self, call: Callable[[], None]) -> object: ...

    def stop(self) -> None: ...


def fail(reactor: StoppingReactor, reason: str, status: int = 1) -> None:
    """Say why on standard error and in the log, stop the reactor, and exit with `status`.

    May be called before the reactor runs, while it runs, and while it is stopping. The first
    reason's status stays.
    """
    global _status  # noqa: PLW0603
    line = REDACTOR(" ".join(reason.split()))
    _print(f"chip: {line}", sys.__stderr__)
    _log.critical("Chip cannot go on", reason=line)
    if not _status:
        _status = status
        reactor.callWhenRunning(lambda: _stop(reactor))


def words_of(error: BaseException) -> str:
    """What an exception says, for people, or its kind where it says nothing."""
    inner = getattr(error, "socketError", None)
    return str(getattr(inner, "strerror", None) or error) or type(error).__name__


def announce(line: str) -> None:
    """Show a line to whoever started Chip, and to nobody else: it reaches no log, unredacted."""
    _print(line, sys.__stdout__)


def _print(line: str, stream: TextIO | None) -> None:
    try:
        if stream is not None:
            print(line, file=stream, flush=True)
    except (OSError, ValueError):
        return  # nobody is there to read it


def _stop(reactor: StoppingReactor) -> None:
    try:
        reactor.stop()
    except ReactorNotRunning:
        return  # it is stopping already


def _leave() -> None:
    if not _status:
        return
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(_status)


# Registered before anything else asks to be called at exit, thus called after it.
atexit.register(_leave)
