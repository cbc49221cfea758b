"""How many commits there were, counted in the database and beside it: so a loss is noticed.

    chip.sqlite3           table commit_count: 1234     changed by every transaction
    chip.sqlite3-commits   1234                         written after the commit, not synced

What SQLite finds damaged in its write-ahead log (-wal) it leaves out without a word, from there to
the end; where the log is gone, it goes on without it. The database then counts fewer commits than
the file beside it, as does an older copy in its place. The file is never ahead of what is on the
disk; after a power cut it may be behind, which says nothing.
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


def count(connection: sqlite3.Connection) -> int:
    """Count the open transaction, and return its number."""
    connection.execute("UPDATE commit_count SET number = number + 1")
    return counted(connection)


def counted(connection: sqlite3.Connection) -> int:
    """The count in the database."""
    return int(
        connection.execute("SELECT coalesce(max(number), 0) FROM commit_count").fetchone()[0]
    )


def noted(data_dir: Path) -> int:
    """The count beside the database; 0 where there is none, or none that can be read."""
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
        """Note that the commit with this number is on the disk."""
        # Where there is no room for it the note stays an old one, which says nothing.
        with contextlib.suppress(OSError):
            if self._file is None:
                self._file = create(commits_path(self._data_dir))
                os.pwrite(self._file, b"%020d\n" % number, 0)
                os.fsync(self._file)
                sync_directory(self._data_dir)
            else:
                os.pwrite(self._file, b"%020d\n" % number, 0)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
