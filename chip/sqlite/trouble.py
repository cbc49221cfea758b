"""What is wrong with the database, in words, and one log line about it instead of thousands."""

import math
import sqlite3
from collections.abc import Callable

import msgspec
from twisted.logger import Logger
from twisted.python.failure import Failure

SAY_EVERY = 60.0
"""Seconds between two log lines about what does not work."""

RESTORE = "restore a backup (twistd chip restore FILE)"

UNREADABLE = (UnicodeDecodeError, msgspec.DecodeError)
"""What is raised besides SQLite's own errors where a text or a JSON in the file is damaged."""

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
    """Whether the database is to blame, and not what was asked of it."""
    if isinstance(error, sqlite3.IntegrityError):
        return False
    return isinstance(error, (sqlite3.Error, *UNREADABLE))


def reason_of(error: BaseException | None) -> str:
    """What SQLite says, and what to do about it. Never a value out of the database."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        advice = _ADVICE.get(code & 0xFF)
        said = one_line(str(error))
        return f"{said}; {advice}" if advice else said
    if isinstance(error, (sqlite3.OperationalError, *UNREADABLE)):
        # The exceptions quote the value.
        return f"a value in it is damaged; {RESTORE}"
    return type(error).__name__


def one_line(said: str) -> str:
    """What SQLite says, which may quote a damaged file, so that it can be shown to people."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(said.split()))


class Outage:
    """The time for which something (`deed`) cannot be done with the database.

    Its beginning is logged, then a line a minute while it lasts, and its end.
    """

    _log = Logger()

    def __init__(self, deed: str, seconds: Callable[[], float]) -> None:
        self._deed = deed
        self._seconds = seconds
        self.reason = ""
        """What is wrong; ``""`` when nothing is."""
        self._began = 0.0
        self._failures = 0
        self._said = False
        self._silent_until = -math.inf

    def failed(self, failure: Failure) -> None:
        """It was tried, in vain."""
        now = self._seconds()
        if not self.reason:
            self._began = now
        self.reason = reason_of(failure.value)
        self._failures += 1
        if now < self._silent_until:
            return
        self._said, self._silent_until = True, now + SAY_EVERY
        if is_trouble(failure.value):
            self._log.error(
                "the database cannot be {deed}: {reason}", deed=self._deed, reason=self.reason
            )
        else:
            self._log.failure("the database cannot be {deed}", failure, deed=self._deed)

    def worked(self) -> None:
        """It was tried, and done."""
        if self._said:
            lasted = round(self._seconds() - self._began, 1)
            self._log.info(
                "the database can be {deed} again",
                deed=self._deed,
                seconds=lasted,
                failures=self._failures,
            )
        self.reason, self._failures, self._said = "", 0, False
