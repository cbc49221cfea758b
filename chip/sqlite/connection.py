"""Connections to the database's file, which must exist."""

import sqlite3
from pathlib import Path

_BUSY_SECONDS = 5.0
"""How long a statement waits for another program that has locked the database."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose commits are on the disk when they return. For one thread alone."""
    connection = _connect(path, "rw")
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # macOS: fsync alone leaves the data in the drive's own memory.
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing. Unlike others it does not move the -wal file into the
    database when it is the last one to close."""
    return _connect(path, "ro")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
    )
    connection.row_factory = sqlite3.Row
    return connection
