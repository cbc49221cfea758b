"""The channels of a Chip that runs alone: one for each website that it serves.

Functions on a data directory, for a command line. They work beside a running Chip, which sees a
new channel at once; the directory's lock guards the queues, and these do not touch them.
"""

import secrets
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from chip.errors import ConfigError
from chip.sqlite.connection import connect
from chip.sqlite.files import database_path, make_database, make_directory
from chip.sqlite.schema import upgrade
from chip.sqlite.values import microseconds


class ListedChannel(NamedTuple):
    """A channel as a list shows it; its secret never leaves the database."""

    uuid: str
    name: str
    chats: int


def list_channels(data_dir: Path) -> list[ListedChannel]:
    """The active channels, oldest first."""
    with _database(data_dir) as db:
        rows = db.execute(
            "SELECT uuid, name, (SELECT count(*) FROM contact WHERE channel_uuid = uuid) AS chats"
            " FROM channel WHERE is_active ORDER BY created_on, uuid"
        )
        return [ListedChannel(*row) for row in rows]


def add_channel(data_dir: Path, name: str) -> ListedChannel:
    """Make a channel for one more website."""
    with _database(data_dir) as db:
        return ListedChannel(insert_channel(db, name), name, 0)


def remove_channel(data_dir: Path, channel: str) -> None:
    """Close a channel: its chats are kept, and nobody gets in any more.

    Raises ConfigError when there is no such active channel.
    """
    with _database(data_dir) as db:
        changed = db.execute(
            "UPDATE channel SET is_active = 0 WHERE uuid = ? AND is_active", (channel.lower(),)
        )
        if changed.rowcount == 0:
            raise ConfigError(f"channels: there is no channel {channel}")


def insert_channel(db: sqlite3.Connection, name: str) -> str:
    """Put a new channel into the database, in an org of its own, and return its uuid."""
    channel = str(uuid.uuid4())
    db.execute(
        "INSERT INTO channel (uuid, org_id, name, secret, created_on)"
        " SELECT ?, coalesce(max(org_id), 0) + 1, ?, ?, ? FROM channel",
        (channel, name, secrets.token_urlsafe(32), microseconds(datetime.now(UTC))),
    )
    return channel


@contextmanager
def _database(data_dir: Path) -> Iterator[sqlite3.Connection]:
    make_directory(data_dir)
    make_database(data_dir)
    db = connect(database_path(data_dir))
    try:
        upgrade(db)
        with db:
            db.execute("BEGIN IMMEDIATE")
            yield db
    except sqlite3.Error as error:
        raise ConfigError(f"data_dir: cannot use {data_dir}: {error}") from None
    finally:
        db.close()
