"""The channels of a Chip that runs alone: one for each website that it serves.

Functions on a data directory, for a command line. They work beside a running Chip, which sees a
new channel at once; the directory's lock guards the queues, and these do not touch them.
"""

import contextlib
import secrets
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from chip.errors import ConfigError
from chip.sqlite.check import unusable
from chip.sqlite.connection import connect
from chip.sqlite.files import database_path, make_database, make_directory, require_database
from chip.sqlite.schema import upgrade
from chip.sqlite.trouble import UNREADABLE
from chip.sqlite.values import microseconds

MOST_CHARACTERS = 100
"""Of a channel's name."""
FRONT = "Chip's front page"
"""What the desk calls the front page."""
WAITING = (
    "SELECT * FROM channel WHERE NOT is_active AND courier <> '' AND external_uuid = ''"
    " ORDER BY created_on"
)
"""External channels that are not connected yet (see `chip.desk.external_channels`)."""


class ListedChannel(NamedTuple):
    """A channel as a list shows it; its secret never leaves the database. `courier` is the one of
    an External channel's own, ``""`` for channels of the desk."""

    uuid: str
    name: str
    chats: int
    courier: str = ""


def list_channels(data_dir: Path) -> list[ListedChannel]:
    """The active channels of websites, oldest first."""
    with open_database(data_dir) as db:
        return _active(db)


def list_waiting(data_dir: Path) -> list[tuple[str, str]]:
    """The names of channels that are not connected yet, and their Couriers; oldest first."""
    with open_database(data_dir) as db:
        return [(row["name"], row["courier"]) for row in db.execute(WAITING)]


def add_channel(data_dir: Path, name: str, channel: str | None = None) -> ListedChannel:
    """Make a channel for one more website, with the uuid that its pages have if they have one.

    A channel that was removed is opened again, with its chats. Raises ConfigError when the name or
    the uuid is no such, or is taken.
    """
    name = checked_name(name)
    if channel is not None:
        channel = checked_uuid(channel)
    make_directory(data_dir)
    make_database(data_dir)
    with open_database(data_dir) as db:
        if channel is not None and channel == front_channel(db):
            raise ConfigError(f"channels: {channel} is the front page's own")
        for other in _active(db):
            if other.uuid == channel:
                raise ConfigError(f"channels: {channel} is {other.name}'s already")
            if other.name.casefold() == name.casefold():
                raise ConfigError(f"channels: {other.name} is there already: {other.uuid}")
        for waits in db.execute(WAITING):
            if waits["uuid"] == channel:
                raise ConfigError(f"channels: {channel} is {waits['name']}'s already")
            if waits["name"].casefold() == name.casefold():
                raise ConfigError(f"channels: {waits['name']} is there already: it waits")
        added = insert_channel(db, name, channel)
        check_own_uuids(db, added)
        return next(one for one in _active(db) if one.uuid == added)


def remove_channel(data_dir: Path, channel: str) -> None:
    """Close a channel: its chats are kept, and nobody gets in any more. One that is not connected
    yet goes by its name.

    Raises ConfigError when there is no such channel.
    """
    with open_database(data_dir) as db:
        for waits in db.execute(WAITING).fetchall():
            if waits["name"] == channel:
                db.execute("DELETE FROM channel WHERE uuid = ?", (waits["uuid"],))
                return
        changed = db.execute(
            "UPDATE channel SET is_active = 0 WHERE uuid = ? AND is_active AND NOT is_front",
            (channel.lower(),),
        )
        if changed.rowcount == 0:
            raise ConfigError(f"channels: there is no channel {channel}")


def insert_channel(db: sqlite3.Connection, name: str, channel: str | None = None) -> str:
    """Put a channel into the database, in an org of its own, or open it again; return its uuid."""
    channel = channel or str(uuid.uuid4())
    db.execute(
        "INSERT INTO channel (uuid, org_id, name, secret, created_on)"
        " SELECT ?, coalesce(max(org_id), 0) + 1, ?, ?, ? FROM channel WHERE true"
        " ON CONFLICT (uuid) DO UPDATE SET is_active = 1, name = excluded.name",
        (channel, name, secrets.token_urlsafe(32), microseconds(datetime.now(UTC))),
    )
    return channel


def check_own_uuids(db: sqlite3.Connection, uuid: str, external_uuid: str = "") -> None:
    """See that pages are given no External channel's own UUID, now that a channel has these two.

    Raises ConfigError, whose text does not quote it.
    """
    given = db.execute(
        "SELECT 1 FROM channel page JOIN channel own ON own.external_uuid = page.uuid"
        " WHERE page.uuid = ? OR page.uuid = ? AND page.is_active",
        (uuid, external_uuid),
    )
    if given.fetchone():
        raise ConfigError(
            "channels: that is RapidPro's own name of a channel, by which anybody could speak for"
            " its visitors: pages need another: --uuid"
        )


def first_channel(db: sqlite3.Connection) -> str:
    """The oldest active channel of a website that is answered at the desk; ``""`` for none."""
    row = db.execute(
        "SELECT uuid FROM channel WHERE is_active AND NOT is_front AND courier = ''"
        " ORDER BY created_on LIMIT 1"
    ).fetchone()
    return str(row["uuid"]) if row else ""


def front_channel(db: sqlite3.Connection) -> str:
    """The channel of the front page's own chat; ``""`` for none yet."""
    row = db.execute("SELECT uuid FROM channel WHERE is_front").fetchone()
    return str(row["uuid"]) if row else ""


def insert_front_channel(db: sqlite3.Connection) -> str:
    """Make it; return its uuid."""
    channel = insert_channel(db, FRONT)
    db.execute("UPDATE channel SET is_front = 1 WHERE uuid = ?", (channel,))
    return channel


def _active(db: sqlite3.Connection) -> list[ListedChannel]:
    rows = db.execute(
        "SELECT uuid, name, (SELECT count(*) FROM contact WHERE channel_uuid = uuid) AS chats,"
        " courier FROM channel WHERE is_active AND NOT is_front ORDER BY created_on, uuid"
    )
    return [ListedChannel(*row) for row in rows]


def checked_name(name: str) -> str:
    name = name.strip()
    if not (name and name.isprintable() and len(name) <= MOST_CHARACTERS):
        raise ConfigError(f"channels: expected a name of 1 to {MOST_CHARACTERS} characters")
    return name


def checked_uuid(text: str) -> str:
    with contextlib.suppress(ValueError):
        if str(uuid.UUID(text)) == text.lower():
            return text.lower()
    raise ConfigError("channels: expected a UUID like 7d62d551-3030-4100-a260-2d7c4e9693e7")


@contextmanager
def open_database(data_dir: Path) -> Iterator[sqlite3.Connection]:
    require_database(data_dir)
    path = database_path(data_dir)
    try:
        with contextlib.closing(connect(path)) as db:
            upgrade(db)
            with db:
                db.execute("BEGIN IMMEDIATE")
                yield db
    except (sqlite3.Error, *UNREADABLE) as error:
        raise unusable(path, error) from None
