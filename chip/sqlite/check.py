"""Checks of the database before it is used: whether it is damaged, and whether commits are missing.

They change nothing, and repair nothing.
"""

import contextlib
import sqlite3
import threading
from pathlib import Path

from chip.errors import ConfigError
from chip.sqlite import commits
from chip.sqlite.connection import connect_to_read
from chip.sqlite.files import commits_path, database_path
from chip.sqlite.trouble import RESTORE, UNREADABLE, one_line, sqlite_reason

CHECKS = (("quick_check", 5.0), ("integrity_check", 1.0))
"""SQLite's checks, and the seconds after which each is interrupted. The first reads every page:
100 MB take half a second, or a few on a slow disk. The second compares the indexes with their
tables as well, and manages about 20 MB in its time."""


def examine(data_dir: Path) -> bool:
    """Raise ConfigError when the database cannot be read, is damaged or lacks commits.

    Returns whether the first check has read every page.
    """
    path = database_path(data_dir)
    try:
        with contextlib.closing(connect_to_read(path)) as connection:
            found = [first_damage(connection, check, seconds) for check, seconds in CHECKS]
            missing = commits.noted(data_dir) - _counted(connection)
    except (sqlite3.Error, *UNREADABLE) as error:
        raise unusable(path, error) from None
    for damage in filter(None, found):
        raise ConfigError(f"data_dir: {path} is damaged ({damage}); {RESTORE}")
    if missing > 0:
        raise ConfigError(
            f"data_dir: {path} lacks the last {missing} commits: its -wal file was removed or"
            f" damaged, or it is an older copy; put the files back, or {RESTORE};"
            f" to go on without them, remove {commits_path(data_dir)}"
        )
    return found[0] is not None


def unusable(path: Path, error: BaseException) -> ConfigError:
    """The error for a database that SQLite cannot use."""
    return ConfigError(f"data_dir: cannot use {path}: {sqlite_reason(error)}")


def first_damage(connection: sqlite3.Connection, check: str, seconds: float) -> str | None:
    """The first damage that SQLite finds, ``""`` for none, None when `seconds` were too few."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        connection.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        found = str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0])
    except sqlite3.OperationalError:
        if not late.is_set():
            raise
        return None
    finally:
        timer.cancel()
        # So that it interrupts no later statement.
        timer.join()
    # An interrupted check may report the interruption as damage.
    return None if late.is_set() else one_line(found.removeprefix("ok"))


def _counted(connection: sqlite3.Connection) -> int:
    """The commits in the database; none in one of an older Chip, which did not count."""
    table = "SELECT 1 FROM sqlite_master WHERE name = 'commit_count'"
    return commits.counted(connection) if connection.execute(table).fetchone() else 0
