"""What signals mean to Chip.

SIGTERM, SIGINT   stop in order; further ones change nothing
SIGHUP            reload; but stop where it says that Chip's terminal has been closed, unless it was
                  ignored at the start, as with nohup
SIGUSR1           rotate the log file (chip.logs.targets); nothing where there is none
"""

import os
import signal
from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger

_STANDARD_INPUT: Final = 0
_log = Logger()


def heed_signals(reactor: Any, reload: Callable[[], None]) -> None:
    """Heed signals from now on, in place of the running reactor's own handlers."""
    hangs_up = os.isatty(_STANDARD_INPUT) and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
    stopping = False

    def stop(number: int, *_frame: object) -> None:
        nonlocal stopping
        if stopping:
            _log.info("{signal}: Chip is stopping already", signal=signal.Signals(number).name)
            return
        stopping = True
        try:
            stop_by[number](number, None)
        except Exception:
            # It runs on top of whatever was interrupted, which may have left no room on the stack.
            # Then the next signal is no repetition.
            stopping = False
            raise

    def hang_up(number: int, *_frame: object) -> None:
        if hangs_up and not os.isatty(_STANDARD_INPUT):
            stop(signal.SIGTERM)
        else:
            reactor.callFromThread(reload)

    def note_stop() -> None:
        nonlocal stopping
        stopping = True

    # What was ignored at the start, as SIGINT is in the background of a script, stays so.
    stop_by: dict[int, Any] = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if callable(handler := signal.getsignal(number))
    }
    for number in stop_by:
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, hang_up)
    if signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL:
        # Whoever rotates logs does not know where this one goes; by default it would be the end.
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    # Chip may also be stopped by itself.
    reactor.addSystemEventTrigger("before", "shutdown", note_stop)
