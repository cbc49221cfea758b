"""External channels of a Chip that sees no database of RapidPro's.

Such a channel comes about in two steps, since RapidPro's form asks for Chip's address and the
authorization, and only then says what the channel is called. Between them it *waits*: it has a
name, a Courier and an authorization, and is not active.

Functions on a data directory, for a command line, as in `chip.desk.channels`.
"""

import re
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from chip.desk.channels import (
    WAITING,
    check_own_uuids,
    checked_name,
    checked_uuid,
    insert_channel,
    open_database,
)
from chip.errors import ConfigError
from chip.hosts import ascii_host
from chip.models import MAX_LENGTH, UUID_FORM
from chip.sqlite.files import make_database, make_directory

_RECEIVE: Final = re.compile(rf"/c/ex/({UUID_FORM})(?:/receive)?/?", re.IGNORECASE)
_WAITS: Final = "waiting-"
"""How the uuid of a channel begins that waits, and for which none was chosen."""
MOST_AUTHORIZATION: Final = 2048
SHORTEST: Final = 60
"""Bytes: the least that RapidPro's form takes for the maximum length."""


class Address(NamedTuple):
    """A Courier's base URL, and what it calls a channel; ``""`` where that is not said."""

    courier: str
    external_uuid: str


class ExternalChannel(NamedTuple):
    """A channel, with what has to be told about it. `uuid` is the public one; while the channel
    waits, that and `external_uuid` are ``""``."""

    name: str
    uuid: str
    courier: str
    external_uuid: str
    authorization: str
    max_length: int


def read_address(url: str) -> Address:
    """What a URL says: Courier's own, or the one that RapidPro shows as a channel's receive URL.

    Raises ConfigError.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    named = _RECEIVE.fullmatch(parts.path)
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    try:
        ascii_host(host, tls=parts.scheme == "https")
    except ValueError:
        host = ""
    usable = host.isascii() and parts.scheme in ("http", "https") and plain
    if not (host and usable and (named or parts.path in ("", "/"))):
        raise ConfigError(
            "channels: --external: expected Courier's address, like https://courier.example.org,"
            " or the receive URL that RapidPro shows, like https://courier.example.org/c/ex/"
            "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2/receive"
        )
    host = f"[{host}]" if ":" in host else host
    courier = f"{parts.scheme}://{host}{f':{port}' if port else ''}"
    return Address(courier, named[1].lower() if named else "")


def add_external_channel(
    data_dir: Path,
    name: str,
    address: Address,
    public_id: Callable[[str, str], str],
    authorization: Callable[[bool], str],
    *,
    uuid: str | None = None,
    max_length: int | None = None,
) -> ExternalChannel:
    """Make a channel that waits, or connect it once `address` has its name.

    `public_id` computes the uuid for pages of what Courier calls the channel and its authorization,
    unless `uuid` was given. A channel that RapidPro has already, and that does not wait here, is
    made and connected at once. `authorization` makes a new one, or asks for the one that RapidPro
    has: it is called with whether it is to be new. The same again changes nothing. Raises
    ConfigError.
    """
    name, chosen = checked_name(name), checked_uuid(uuid) if uuid is not None else ""
    if max_length is not None and not SHORTEST <= max_length <= MAX_LENGTH:
        raise ConfigError(f"channels: --max-length: expected {SHORTEST} to {MAX_LENGTH}")
    make_directory(data_dir)
    make_database(data_dir)
    with open_database(data_dir) as db:
        waits = _waiting(db)
        mine = next((row for row in waits if row["name"].casefold() == name.casefold()), None)
        if mine is None:
            _check_is_new(db, name, address.external_uuid)
            if address.external_uuid and waits:
                names = ", ".join(row["name"] for row in waits)
                raise ConfigError(f"channels: {name} does not wait to be connected; {names} does")
            given = authorization(not address.external_uuid)
            mine = _make(db, name, _checked_authorization(given))
        chosen = chosen or ("" if mine["uuid"].startswith(_WAITS) else mine["uuid"])
        channel = ExternalChannel(
            mine["name"],
            "",
            address.courier,
            address.external_uuid,
            mine["secret"],
            max_length or mine["max_length"],
        )
        if address.external_uuid:
            chosen = chosen or public_id(address.external_uuid, channel.authorization)
            channel = channel._replace(uuid=chosen)
        _write(db, mine["uuid"], chosen, channel)
        check_own_uuids(db, chosen, channel.external_uuid)
        return channel


def _waiting(db: sqlite3.Connection) -> list[sqlite3.Row]:
    return db.execute(WAITING).fetchall()


def _check_is_new(db: sqlite3.Connection, name: str, external_uuid: str) -> None:
    for row in db.execute("SELECT * FROM channel WHERE is_active AND NOT is_front"):
        if external_uuid and row["external_uuid"] == external_uuid:
            raise ConfigError(f"channels: {row['name']} is connected already: {row['uuid']}")
        if row["name"].casefold() == name.casefold():
            raise ConfigError(f"channels: {row['name']} is there already: {row['uuid']}")


def _make(db: sqlite3.Connection, name: str, authorization: str) -> sqlite3.Row:
    uuid = insert_channel(db, name, f"{_WAITS}{secrets.token_hex(8)}")
    db.execute(
        "UPDATE channel SET is_active = 0, courier = '?', secret = ? WHERE uuid = ?",
        (authorization, uuid),
    )
    made: sqlite3.Row = db.execute("SELECT * FROM channel WHERE uuid = ?", (uuid,)).fetchone()
    return made


def _write(db: sqlite3.Connection, before: str, uuid: str, channel: ExternalChannel) -> None:
    """Write what is known of the channel now. One of this uuid that was removed is opened again,
    with its chats."""
    known = uuid and uuid != before
    row = known and db.execute("SELECT * FROM channel WHERE uuid = ?", (uuid,)).fetchone()
    if row and (row["is_active"] or uuid in [waits["uuid"] for waits in _waiting(db)]):
        raise ConfigError(f"channels: {uuid} is {row['name']}'s already")
    if row:
        db.execute("DELETE FROM channel WHERE uuid = ?", (before,))
        before = uuid
    db.execute(
        "UPDATE channel SET uuid = ?, name = ?, courier = ?, external_uuid = ?, secret = ?,"
        " max_length = ?, is_active = ? WHERE uuid = ?",
        (
            uuid or before,
            channel.name,
            channel.courier,
            channel.external_uuid,
            channel.authorization,
            channel.max_length,
            bool(channel.external_uuid),
            before,
        ),
    )


def _checked_authorization(text: str) -> str:
    text = text.strip()
    if not (0 < len(text) <= MOST_AUTHORIZATION and text.isascii() and text.isprintable()):
        raise ConfigError("channels: expected the authorization that the channel has in RapidPro")
    return text
