"""Errors of the database: what to say about one."""

import sqlite3

import msgspec

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


def sqlite_reason(error: BaseException | None) -> str:
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
