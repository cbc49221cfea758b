"""Errors of the database: what to say about one, and how often to log them during an outage."""

import math
import sqlite3
from collections.abc import Callable

import msgspec
from twisted.logger import Logger
from twisted.python.failure import Failure

LOG_INTERVAL = 60.0
"""Seconds between two log lines about an operation that fails."""

RESTORE = "restore a backup (twistd chip restore FILE)"

UNREADABLE = (UnicodeDecodeError, msgspec.DecodeError)
"""What is raised besides SQLite's own errors when a text or JSON in the file is damaged."""

_ADVICE = {
    sqlite3.SQLITE_FULL: "make room",
    sqlite3.SQLITE_CORRUPT: RESTORE,
    sqlite3.SQLITE_NOTADB: RESTORE,
    sqlite3.SQLITE_IOERR: "look at the disk",
    sqlite3.SQLITE_CANTOPEN: "look at data_dir and its permissions",
    sqlite3.SQLITE_READONLY: "look at data_dir and its permissions",
    sqlite3.SQLITE_BUSY: "another program has locked it",
}


def is_trouble(error: BaseException | None) -> bool:
    """Whether the database does not work, rather than that the work asked for something wrong."""
    if isinstance(error, sqlite3.IntegrityError):
        return False
    return isinstance(error, (sqlite3.Error, *UNREADABLE))


def reason_of(error: BaseException | None) -> str:
    """SQLite's message, and what to do about it. It quotes no value of the database."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        advice = _ADVICE.get(code & 0xFF)
        said = one_line(str(error))
        return f"{said}; {advice}" if advice else said
    if isinstance(error, (sqlite3.OperationalError, *UNREADABLE)):
        # These exceptions quote the value.
        return f"a value in it is damaged; {RESTORE}"
    return type(error).__name__


def one_line(said: str) -> str:
    """SQLite's message, which may quote a damaged file, in one line of printable characters."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(said.split()))


class Outage:
    """Whether the database can be `operation` ("read" or "written").

    The first failure is logged, then one a `LOG_INTERVAL` while they last, and the end of them.
    """

    _log = Logger()

    def __init__(self, operation: str, seconds: Callable[[], float]) -> None:
        self._operation = operation
        self._seconds = seconds
        self.reason = ""
        """What is wrong; ``""`` when nothing is."""
        self._began = 0.0
        self._failures = 0
        self._logged = False
        self._next_log_at = -math.inf

    def failed(self, failure: Failure) -> None:
        """The operation has failed."""
        now = self._seconds()
        if not self.reason:
            self._began = now
        self.reason = reason_of(failure.value)
        self._failures += 1
        if now < self._next_log_at:
            return
        self._logged, self._next_log_at = True, now + LOG_INTERVAL
        if is_trouble(failure.value):
            self._log.error(
                "the database cannot be {operation}: {reason}",
                operation=self._operation,
                reason=self.reason,
            )
        else:
            self._log.failure(
                "the database cannot be {operation}", failure, operation=self._operation
            )

    def worked(self) -> None:
        """The operation has succeeded."""
        if self._logged:
            lasted = round(self._seconds() - self._began, 1)
            self._log.info(
                "the database can be {operation} again",
                operation=self._operation,
                seconds=lasted,
                failures=self._failures,
            )
        self.reason, self._failures, self._logged = "", 0, False
