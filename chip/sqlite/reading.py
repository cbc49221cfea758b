"""Reading the database from another process, beside the Chip that uses it."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chip.errors import ConfigError
from chip.sqlite.check import unusable
from chip.sqlite.connection import connect_to_read
from chip.sqlite.files import database_path, require_database
from chip.sqlite.schema import UPGRADES
from chip.sqlite.trouble import UNREADABLE


@contextmanager
def reading(data_dir: Path) -> Iterator[sqlite3.Connection]:
    """A transaction on one snapshot of what was committed; it changes nothing.

    Raises ConfigError when there is no database, or it cannot be read, or it is another version's.
    """
    require_database(data_dir)
    path = database_path(data_dir)
    try:
        with contextlib.closing(connect_to_read(path)) as connection:
            connection.execute("BEGIN")
            if connection.execute("PRAGMA user_version").fetchone()[0] != len(UPGRADES):
                raise ConfigError(f"data_dir: {path} is of another version of Chip's")
            yield connection
    except (sqlite3.Error, *UNREADABLE) as error:
        raise unusable(path, error) from None
