"""The archive on SQLite: messages of channels that name a Courier of their own
(`chip.chat.archive.Archive`).

They go into the same tables as those of the desk, which shows them.
"""

import time
from collections.abc import Callable, Sequence
from sqlite3 import Connection, Row
from typing import Final
from uuid import UUID, uuid5

import msgspec

from chip.chat.archive import Kept, Part, Place, Unfinished, Whole
from chip.errors import QueueFull, Refused
from chip.models import Channel, ChatKey, MsgName, MsgOut, Report
from chip.protocol.external_parts import joined, parted
from chip.sqlite.conversations import contact_of, moment_after_all
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.values import time_text

MOST_WAITING: Final = 200
"""Parts of one chat that may wait to be shown."""
MOST_PARTS: Final = 1000
"""Parts of one message."""
MOST_UNFINISHED: Final = 10_000
"""Messages whose parts are taken up at a start."""
SHOWN_KEPT_MICROSECONDS: Final = 3 * 86_400 * 1_000_000
"""Microseconds for which parts that were shown are known again."""

_STATUSES: Final = {"delivered": "D", "failed": "F"}
_strings = msgspec.json.Decoder(list[str])


class SqliteArchive:
    """Messages in the store's tables. `seconds` tells the time of day."""

    def __init__(self, database: SqliteDatabase, seconds: Callable[[], float] = time.time) -> None:
        self._database = database
        self._seconds = seconds
        self._watchers: list[Callable[[int], None]] = []

    def on_message(self, watcher: Callable[[int], None]) -> None:
        """Call `watcher` with the number of a message that is new here, or has another state."""
        self._watchers.append(watcher)

    async def said(self, channel: Channel, chat_id: str, text: str, uuid: str) -> None:
        """Keep what the visitor said, once for each uuid."""
        now = self._now()

        def keep(db: Connection) -> int | None:
            contact = contact_of(db, channel, chat_id, now)
            if _message(db, uuid):
                return None
            return _insert(db, contact, now, uuid=uuid, direction="I", text=text, status="H")

        self._tell(await self._database.write(keep))

    async def reported(self, chat: ChatKey, report: Report) -> None:
        """Keep what became of a message."""

        def note(db: Connection) -> int | None:
            row = db.execute(
                "SELECT message.id FROM message JOIN contact ON contact.id = contact_id"
                " WHERE message.uuid = ? AND channel_uuid = ? AND chat_id = ?"
                " AND direction = 'O' AND status <> 'D'",
                (report.uuid, chat.channel_uuid, chat.chat_id),
            ).fetchone()
            if row is None:
                return None
            status = _STATUSES[report.status]
            db.execute("UPDATE message SET status = ? WHERE id = ?", (status, row["id"]))
            return int(row["id"])

        self._tell(await self._database.write(note))

    async def keep_part(self, channel: Channel, chat_id: str, part: Part, place: Place) -> Kept:
        """Keep a part, unless it is there."""
        chat, uuid, now = str(ChatKey(chat_id, channel.uuid)), part.name.uuid, self._now()

        def keep(db: Connection) -> Kept:
            contact = contact_of(db, channel, chat_id, now)
            message = _message(db, uuid)
            if message and (message["contact_id"], message["direction"]) != (contact, "O"):
                raise Refused("the id is that of another message")
            rows = _parts(db, chat, uuid)
            if message and not rows:
                return Kept(0, 0, 0)
            waiting = sum(not row["shown"] for row in rows)
            position = place([row["text"] for row in rows])
            if position < len(rows):
                return Kept(position, len(rows), waiting)
            if _waiting(db, chat) >= MOST_WAITING or position >= MOST_PARTS:
                raise QueueFull("too much of this chat waits", retry_after=60)
            db.execute(
                "DELETE FROM part WHERE came_on < ? AND shown", (now - SHOWN_KEPT_MICROSECONDS,)
            )
            db.execute(
                "INSERT INTO part (chat, uuid, position, msg_id, text, quick_replies, came_on)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (chat, uuid, position, part.name.id, part.text, _json(part.quick_replies), now),
            )
            return Kept(position, position + 1, waiting + 1)

        return await self._database.write(keep)

    async def whole(self, channel: Channel, chat_id: str, uuid: str) -> Whole | None:
        """Put what waits of a message into history."""
        chat, now = str(ChatKey(chat_id, channel.uuid)), self._now()

        def put(db: Connection) -> tuple[Whole | None, int | None]:
            rows = _parts(db, chat, uuid)
            waiting = [row for row in rows if not row["shown"]]
            name = MsgName(rows[0]["msg_id"] if rows else None, uuid)
            if not waiting:
                message = _message(db, uuid) if rows else None
                again = Whole(name, _msg_out(message), len(rows)) if message else None
                return again, None
            first = waiting[0]["position"]
            if first:
                name = MsgName(None, str(uuid5(UUID(uuid), str(first))))
            text, attachments = parted(joined([row["text"] for row in waiting], channel.max_length))
            message = _put(
                db,
                contact_of(db, channel, chat_id, now),
                name.uuid,
                now,
                text=text,
                attachments=_json(attachments),
                quick_replies=waiting[-1]["quick_replies"],
            )
            return Whole(name, _msg_out(message), len(rows)), message["id"]

        whole, number = await self._database.write(put)
        self._tell(number)
        return whole

    async def shown(self, chat: ChatKey, uuid: str, end: int) -> None:
        """The parts before `end` wait no more."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE part SET shown = 1 WHERE chat = ? AND uuid = ? AND position < ?",
                (str(chat), uuid, end),
            )
        )

    async def unfinished(self) -> list[Unfinished]:
        """What waits, oldest first."""
        now = self._now()

        def look(db: Connection) -> list[Unfinished]:
            rows = db.execute(
                "SELECT part.chat, part.uuid, text, quick_replies, came_on, position,"
                " max(position), channel.max_length FROM part"
                " JOIN channel ON channel.uuid = substr(chat, instr(chat, '@') + 1)"
                " WHERE NOT shown GROUP BY chat, part.uuid ORDER BY came_on LIMIT ?",
                (MOST_UNFINISHED,),
            )
            return [
                Unfinished(
                    ChatKey.parse(row["chat"]),
                    row["uuid"],
                    row["text"],
                    _strings.decode(row["quick_replies"]),
                    (now - row["came_on"]) / 1_000_000,
                    row["max_length"],
                )
                for row in rows
            ]

        return await self._database.read(look)

    def _now(self) -> int:
        return int(self._seconds() * 1_000_000)

    def _tell(self, message: int | None) -> None:
        if message is not None:
            for watcher in self._watchers:
                watcher(message)


# Steps inside a transaction.


def _message(db: Connection, uuid: str) -> Row | None:
    found: Row | None = db.execute("SELECT * FROM message WHERE uuid = ?", (uuid,)).fetchone()
    return found


def _parts(db: Connection, chat: str, uuid: str) -> list[Row]:
    return db.execute(
        "SELECT * FROM part WHERE chat = ? AND uuid = ? ORDER BY position", (chat, uuid)
    ).fetchall()


def _waiting(db: Connection, chat: str) -> int:
    counted = db.execute("SELECT count(*) FROM part WHERE chat = ? AND NOT shown", (chat,))
    return int(counted.fetchone()[0])


def _put(db: Connection, contact: int, uuid: str, now: int, **shown: str) -> Row:
    """The row of the message to the visitor, made, or changed where it was put before."""
    known = _message(db, uuid)
    if known is None:
        more = {"uuid": uuid, "direction": "O", "origin": "chat", "status": "W"}
        number = _insert(db, contact, now, **shown, **more)
    else:
        number = known["id"]
        columns = ", ".join(f"{column} = ?" for column in shown)
        sql = f"UPDATE message SET {columns} WHERE id = ?"  # noqa: S608 - names of columns
        db.execute(sql, (*shown.values(), number))
    row: Row = db.execute("SELECT * FROM message WHERE id = ?", (number,)).fetchone()
    return row


def _insert(db: Connection, contact: int, now: int, **columns: str) -> int:
    names = ", ".join(["contact_id", "created_on", *columns])
    marks = ", ".join("?" * (len(columns) + 2))
    added = db.execute(
        f"INSERT INTO message ({names}) VALUES ({marks})",  # noqa: S608 - names of columns
        (contact, moment_after_all(db, contact, now), *columns.values()),
    )
    return int(added.lastrowid or 0)


def _msg_out(row: Row) -> MsgOut:
    return MsgOut(
        id=row["uuid"],
        uuid=row["uuid"],
        text=row["text"],
        attachments=_strings.decode(row["attachments"]),
        quick_replies=_strings.decode(row["quick_replies"]),
        origin="chat",
        time=time_text(row["created_on"]),
    )


def _json(strings: Sequence[str]) -> str:
    return msgspec.json.encode(list(strings)).decode()
