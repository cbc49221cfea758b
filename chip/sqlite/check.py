"""A look at the database before anything is done with it: is it whole, and is it all there?

It changes nothing: what is damaged stays as it was found.
"""

import contextlib
import sqlite3
import threading
from pathlib import Path

from chip.errors import ConfigError
from chip.sqlite import commits
from chip.sqlite.connection import connect_to_read
from chip.sqlite.files import commits_path, database_path
from chip.sqlite.trouble import RESTORE, UNREADABLE, one_line, reason_of

CHECKS = (("quick_check", 5.0), ("integrity_check", 1.0))
"""SQLite's checks, and the seconds after which each is left unfinished. The first looks at every
page: 100 MB take half a second, or some where they come from a slow disk. The second compares the
indexes with their tables as well, and gets through some 20 MB."""


def examine(data_dir: Path) -> bool:
    """Raise ConfigError when the database cannot be read, is damaged or lacks commits.

    Returns whether every page was looked at.
    """
    path = database_path(data_dir)
    try:
        with contextlib.closing(connect_to_read(path)) as connection:
            found = [first_damage(connection, check, patience) for check, patience in CHECKS]
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
    """What there is to say about a database that SQLite cannot use."""
    return ConfigError(f"data_dir: cannot use {path}: {reason_of(error)}")


def first_damage(connection: sqlite3.Connection, check: str, patience: float) -> str | None:
    """What SQLite finds wrong, ``""`` for nothing, None when that took too long."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        connection.interrupt()

    timer = threading.Timer(patience, stop)
    timer.start()
    try:
        found = str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0])
    except sqlite3.OperationalError:
        if not late.is_set():
            raise
        return None
    finally:
        timer.cancel()
        # It must not interrupt what comes next.
        timer.join()
    # What an interrupted check has found may be what it did not come to.
    return None if late.is_set() else one_line(found.removeprefix("ok"))


def _counted(connection: sqlite3.Connection) -> int:
    """The commits in the database; none in one of an older Chip, which did not count."""
    table = "SELECT 1 FROM sqlite_master WHERE name = 'commit_count'"
    return commits.counted(connection) if connection.execute(table).fetchone() else 0
