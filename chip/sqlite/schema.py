"""The schema's versions, and the steps from each to the next."""

import sqlite3
from collections.abc import Sequence
from importlib.resources import files

from chip.errors import ConfigError
from chip.sqlite import commits

UPGRADES = tuple(
    (files("chip.sqlite") / f"schema-{version}.sql").read_text("utf-8") for version in range(1, 8)
)
"""The SQL from each version of the schema to the next, beginning with an empty database."""


def upgrade(connection: sqlite3.Connection, upgrades: Sequence[str] = UPGRADES) -> None:
    """Bring the schema to the newest version, each step in a transaction.

    Raises ConfigError when it is newer than any that this Chip knows.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(upgrades):
        raise ConfigError(
            f"data_dir: the database has version {version}, and this Chip knows only"
            f" {len(upgrades)}; it was made by a newer one"
        )
    for number, script in enumerate(upgrades[version:], version + 1):
        _run(connection, f"{script}\nPRAGMA user_version = {number};")
    # Not a version of its own: an older Chip ignores this table.
    _run(connection, commits.TABLE)


def _run(connection: sqlite3.Connection, script: str) -> None:
    try:
        connection.executescript(f"BEGIN;\n{script}\nCOMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
