"""The External channels of the embedded store, read from another process than Chip's."""

import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from chip.models import Channel
from chip.sqlite.check import unusable
from chip.sqlite.connection import connect_to_read
from chip.sqlite.files import database_path
from chip.sqlite.trouble import UNREADABLE
from chip.store.public_ids import keep_from_logs

_FIRST_VERSION = 3
"""The version of the schema that has such channels."""


class NamedChannel(NamedTuple):
    """A channel and what it is called; `is_connected` is False until RapidPro has named it."""

    name: str
    channel: Channel
    is_connected: bool


def external_channels(data_dir: Path) -> list[NamedChannel]:
    """Channels that name a Courier of their own, oldest first. Raises ConfigError."""
    path = database_path(data_dir)
    if not path.exists():
        return []
    try:
        with contextlib.closing(connect_to_read(path)) as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] < _FIRST_VERSION:
                return []
            rows = connection.execute(
                "SELECT name, is_active, uuid, org_id, secret, external_uuid, courier, max_length"
                " FROM channel WHERE courier <> '' AND (is_active OR external_uuid = '')"
                " ORDER BY created_on"
            ).fetchall()
    except (sqlite3.Error, *UNREADABLE) as error:
        raise unusable(path, error) from None
    found = [NamedChannel(name, Channel(*row), bool(is_on)) for name, is_on, *row in rows]
    for one in found:
        keep_from_logs(one.channel)
    return found
