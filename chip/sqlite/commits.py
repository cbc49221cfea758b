"""The number of commits, kept in the database and in a file beside it, so that a loss is noticed.

    chip.sqlite3           table commit_count: 1234     changed by every transaction
    chip.sqlite3-commits   1234                         written after the commit, not synced

When its write-ahead log (-wal) is damaged, SQLite ignores it from there on, without an error; when
the log is missing, all of it. The database then has a smaller number than the file beside it, as
has an older copy in its place. The file never has a larger number than the disk; after a power cut
it may have a smaller one, which is no error.
"""

import contextlib
import os
import sqlite3
from pathlib import Path

from chip.sqlite.files import commits_path, create, sync_directory

TABLE = """
CREATE TABLE IF NOT EXISTS commit_count (number INTEGER NOT NULL);
INSERT INTO commit_count SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM commit_count);
"""


def count_commit(connection: sqlite3.Connection) -> int:
    """Count the open transaction, and return its number."""
    connection.execute("UPDATE commit_count SET number = number + 1")
    return counted(connection)


def counted(connection: sqlite3.Connection) -> int:
    """The number in the database."""
    return int(
        connection.execute("SELECT coalesce(max(number), 0) FROM commit_count").fetchone()[0]
    )


def noted(data_dir: Path) -> int:
    """The number in the file beside the database; 0 where there is none that can be read."""
    try:
        return int(commits_path(data_dir).read_bytes())
    except (OSError, ValueError):
        return 0


class CommitNote:
    """The file beside the database, written by the process that has the directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: int | None = None

    def write(self, number: int) -> None:
        """Write the number of a commit that is on the disk."""
        # On a full disk the file keeps a smaller number, which is no error.
        with contextlib.suppress(OSError):
            if self._file is None:
                self._file = create(commits_path(self._data_dir))
                os.pwrite(self._file, b"%020d\n" % number, 0)
                os.fsync(self._file)
                sync_directory(self._data_dir)
            else:
                os.pwrite(self._file, b"%020d\n" % number, 0)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
