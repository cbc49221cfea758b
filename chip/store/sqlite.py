"""The store on SQLite: channels, contacts, users and history (`ports.Store`).

It takes the place of RapidPro's database where Chip runs alone. The desk, in Courier's place,
writes its tables; the store reads them, and writes only e-mail addresses.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from sqlite3 import Connection, Row

import msgspec
from msgspec.structs import replace

from chip.chat.ports import MAX_HEARD, PAGE_MESSAGES
from chip.models import (
    Channel,
    Contact,
    HeardMessage,
    HistoryPage,
    MsgIn,
    MsgName,
    MsgOut,
    StoredMessage,
    User,
)
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.values import microseconds, stored_number, time_text
from chip.store.public_ids import keep_from_logs

_CHANNEL = "SELECT uuid, org_id, secret, external_uuid, courier, max_length FROM channel"
_COURIER_OF = (
    "SELECT courier FROM contact JOIN channel ON channel.uuid = channel_uuid WHERE contact.id = ?"
)
_USER = "SELECT * FROM user WHERE id = ?"
_encoder = msgspec.json.Encoder()
_strings = msgspec.json.Decoder(list[str])


class SqliteStore:
    """Every lookup is one read in the database's thread. Every method raises Unavailable when the
    database cannot be read or written."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._watchers: list[Callable[[int], None]] = []

    @property
    def database(self) -> SqliteDatabase:
        """The database that has the tables."""
        return self._database

    def on_email(self, watcher: Callable[[int], None]) -> None:
        """Call `watcher` with a contact's id whenever its e-mail address was written."""
        self._watchers.append(watcher)

    async def channel(self, uuid: str) -> Channel | None:
        """The active webchat channel with this uuid."""

        def look(connection: Connection) -> Channel | None:
            row = connection.execute(f"{_CHANNEL} WHERE uuid = ? AND is_active", (uuid,)).fetchone()
            return _channel(row) if row else None

        return await self._database.read(look)

    async def contact(self, channel: Channel, chat_id: str) -> Contact | None:
        """The contact of the channel's org that has this chat."""

        def look(connection: Connection) -> Contact | None:
            row = connection.execute(
                "SELECT id, email, coalesce((SELECT uuid FROM message WHERE contact_id = contact.id"
                " AND direction = 'I' ORDER BY id DESC LIMIT 1), '') AS last_heard"
                " FROM contact WHERE org_id = ? AND chat_id = ?",
                (channel.org_id, chat_id),
            ).fetchone()
            if row is None:
                return None
            return Contact(row["id"], row["id"], chat_id, row["email"], row["last_heard"])

        return await self._database.read(look)

    async def courier_channel(self, uuid: str, *, external: bool) -> Channel | None:
        """The active channel that the desk calls so, or that a Courier of its own does."""
        if not external:
            channel = await self.channel(uuid)
            return None if channel and channel.external_uuid else channel

        def look(connection: Connection) -> Channel | None:
            row = connection.execute(
                f"{_CHANNEL} WHERE external_uuid = ? AND external_uuid <> '' AND is_active",
                (uuid,),
            ).fetchone()
            return _channel(row) if row else None

        return await self._database.read(look)

    async def user(self, user_id: int) -> User | None:
        """The active user with this id."""

        def look(connection: Connection) -> User | None:
            row = connection.execute(
                "SELECT * FROM user WHERE id = ? AND is_active", (stored_number(user_id),)
            ).fetchone()
            return _user(row) if row else None

        return await self._database.read(look)

    async def message(self, contact: Contact, name: MsgName) -> StoredMessage | None:
        """The contact's outgoing message with this id, or with this uuid where there is no id."""

        def look(connection: Connection) -> StoredMessage | None:
            row = connection.execute(
                "SELECT id, uuid, created_on FROM message"
                " WHERE contact_id = ? AND direction = 'O' AND (id = ? OR uuid = ?)",
                (contact.id, stored_number(name.id), name.uuid if name.id is None else None),
            ).fetchone()
            return StoredMessage(row[0], row[1], time_text(row[2])) if row else None

        return await self._database.read(look)

    async def outgoing(self, contact: Contact, name: MsgName) -> MsgOut | None:
        """The contact's outgoing message of this name, as it is shown."""

        def look(connection: Connection) -> MsgOut | None:
            row = connection.execute(
                "SELECT * FROM message"
                " WHERE contact_id = ? AND direction = 'O' AND (id = ? OR uuid = ?)",
                (contact.id, stored_number(name.id), name.uuid if name.id is None else None),
            ).fetchone()
            user = cache(lambda number: _user(connection.execute(_USER, (number,)).fetchone()))
            return _msg_out(row, user) if row else None

        return await self._database.read(look)

    async def history(
        self, contact: Contact, before: datetime, max_bytes: int
    ) -> HistoryPage | None:
        """A page of this chat, newest first, not cut between equal times; None when there is no
        such contact any more."""
        end = microseconds(before)

        def page(connection: Connection) -> HistoryPage | None:
            known = connection.execute(_COURIER_OF, (contact.id,)).fetchone()
            if known is None:
                return None
            by_uuid = bool(known["courier"])
            user = cache(lambda number: _user(connection.execute(_USER, (number,)).fetchone()))
            rows = connection.execute(
                "SELECT * FROM message WHERE contact_id = ? AND created_on < ?"
                " ORDER BY created_on DESC, id DESC",
                (contact.id, end),
            )
            entries: list[bytes] = []
            size = 0
            for _, same_time in groupby(rows, itemgetter("created_on")):
                group = [_encoder.encode(_shown(row, user, by_uuid)) for row in same_time]
                size += sum(len(entry) + 1 for entry in group)
                if entries and (len(entries) >= PAGE_MESSAGES or size > max_bytes):
                    return _page(entries, more=True)
                entries += group
            return _page(entries, more=False)

        return await self._database.read(page, background=True)

    async def set_email(self, contact: Contact, email: str, *, only_if_empty: bool = False) -> None:
        """Write the e-mail address and the time of the change to the contact."""
        now = microseconds(datetime.now(UTC))
        changed = await self._database.write(
            lambda connection: (
                connection.execute(
                    "UPDATE contact SET email = ?, modified_on = ?"
                    " WHERE id = ? AND email <> ? AND (email = '' OR NOT ?)",
                    (email, now, contact.id, email, only_if_empty),
                ).rowcount
            )
        )
        for watcher in self._watchers if changed else ():
            watcher(contact.id)

    async def heard_since(
        self, contact: Contact, uuid: str, *, within: float
    ) -> list[HeardMessage]:
        """The incoming messages since that one, if it is there, oldest first."""
        earliest = microseconds(datetime.now(UTC)) - int(within * 1_000_000)

        def look(connection: Connection) -> list[HeardMessage]:
            rows = connection.execute(
                "SELECT uuid, text FROM message WHERE contact_id = ? AND direction = 'I'"
                " AND created_on > ? AND id > coalesce((SELECT id FROM message"
                " WHERE contact_id = ? AND uuid = ? AND direction = 'I'), 0) ORDER BY id LIMIT ?",
                (contact.id, earliest, contact.id, uuid, MAX_HEARD),
            )
            return [HeardMessage(*row) for row in rows]

        return await self._database.read(look)


def _channel(row: Row) -> Channel:
    channel = Channel(*row)
    keep_from_logs(channel)
    return channel


def _user(row: Row) -> User:
    name = f"{row['first_name']} {row['last_name']}".strip()
    return User(id=row["id"], email=row["email"], name=name, avatar=row["avatar"])


def _page(entries: list[bytes], *, more: bool) -> HistoryPage:
    return HistoryPage(b"[" + b",".join(entries) + b"]", more)


def _shown(row: Row, user: Callable[[int], User], by_uuid: bool) -> dict[str, MsgIn | MsgOut]:
    if row["direction"] == "O":
        msg_out = _msg_out(row, user)
        # What another Courier calls the message is not the number of its row here.
        return {"msg_out": replace(msg_out, id=msg_out.uuid) if by_uuid else msg_out}
    return {
        "msg_in": MsgIn(
            id=row["id"],
            text=row["text"],
            attachments=_strings.decode(row["attachments"]),
            time=time_text(row["created_on"]),
        )
    }


def _msg_out(row: Row, user: Callable[[int], User]) -> MsgOut:
    return MsgOut(
        id=row["id"],
        uuid=row["uuid"],
        text=row["text"],
        attachments=_strings.decode(row["attachments"]),
        quick_replies=_strings.decode(row["quick_replies"]),
        origin=row["origin"],
        user=user(row["user_id"]) if row["user_id"] else None,
        time=time_text(row["created_on"]),
    )
