"""The desk's writing half: what is written about contacts and messages, in Courier's place.

Owns each such step as one transaction on the store's tables. It knows no HTTP and no queue,
and sends nothing.
"""

import uuid as uuids
from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import NamedTuple

import msgspec

from chip.desk.records import Reply
from chip.errors import Refused
from chip.models import Channel, ChatKey, Origin
from chip.protocol.attachments import typed
from chip.sqlite.conversations import contact_of, moment_after_all
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.values import stored_number

_REPORTS = {"sent": "W", "delivered": "D", "failed": "F"}
_strings = msgspec.json.Decoder(list[str])


class Heard(NamedTuple):
    """The visitor said something: the message's `id` and `uuid`. `earlier` is what was said to him
    without a person's help, `taken_over` whether a person has answered this conversation, and
    `on_front_page` whether that is where it is."""

    id: int
    uuid: str
    text: str
    earlier: list[str]
    taken_over: bool
    on_front_page: bool


class Waiting(NamedTuple):
    """A message on its way to the visitor."""

    id: int
    uuid: str
    chat: ChatKey
    secret: str
    text: str
    attachments: list[str]
    quick_replies: list[str]
    origin: Origin
    user_id: int | None


class DeskCommands:
    """`seconds` tells the time of day."""

    def __init__(self, database: SqliteDatabase, seconds: Callable[[], float]) -> None:
        self._database = database
        self._seconds = seconds

    # As Courier.

    async def start_chat(self, channel: Channel, chat_id: str) -> int:
        """The contact who has this chat, from now on if not before."""
        now = self._now()
        return await self._database.write(lambda db: contact_of(db, channel, chat_id, now))

    async def hear(self, channel: Channel, chat_id: str, text: str) -> tuple[int, Heard]:
        """Note what the visitor said."""
        now = self._now()

        def note(db: Connection) -> tuple[int, Heard]:
            contact = contact_of(db, channel, chat_id, now)
            uuid = str(uuids.uuid4())
            number = db.execute(
                "INSERT INTO message (uuid, contact_id, direction, text, status, created_on)"
                " VALUES (?, ?, 'I', ?, 'H', ?) RETURNING id",
                (uuid, contact, text, moment_after_all(db, contact, now)),
            ).fetchone()[0]
            earlier = db.execute(
                "SELECT text FROM message WHERE contact_id = ? AND direction = 'O'"
                " AND user_id IS NULL ORDER BY id DESC LIMIT 50",
                (contact,),
            )
            said = [row[0] for row in earlier]
            row = db.execute(
                "SELECT answered, is_front FROM contact JOIN channel ON channel.uuid = channel_uuid"
                " WHERE contact.id = ?",
                (contact,),
            ).fetchone()
            answered, is_front = bool(row["answered"]), bool(row["is_front"])
            return contact, Heard(number, uuid, text, said, answered, is_front)

        return await self._database.write(note)

    async def report(
        self, channel: Channel, chat_id: str, msg_id: int, msg_uuid: str, status: str
    ) -> tuple[int, str] | None:
        """Note what became of a message; returns its id and uuid, None if there is no such one."""

        def note(db: Connection) -> tuple[int, str] | None:
            row = db.execute(
                "SELECT message.id, message.uuid FROM message"
                " JOIN contact ON contact.id = contact_id WHERE org_id = ? AND chat_id = ?"
                " AND direction = 'O' AND (message.id = ? OR message.uuid = ?)",
                (channel.org_id, chat_id, stored_number(msg_id), msg_uuid),
            ).fetchone()
            if row is None:
                return None
            _mark(db, row["id"], _REPORTS[status])
            return row["id"], row["uuid"]

        return await self._database.write(note)

    # As whoever answers.

    async def reply(self, conversation: int, reply: Reply) -> int | None:
        """Put a person's answer on its way; returns its id, None for no such conversation.

        Raises Refused where RapidPro answers."""

        def put(db: Connection) -> int | None:
            _check_answerable(db, conversation)
            known = db.execute(
                "SELECT id, contact_id FROM message WHERE uuid = ?", (reply.uuid,)
            ).fetchone()
            if known and known["contact_id"] != conversation:
                raise Refused("a message of another conversation has this uuid")
            if known:
                return int(known["id"])
            user = _author(db, reply.author.strip() or "Support")
            db.execute("UPDATE contact SET answered = 1 WHERE id = ?", (conversation,))
            return self._put(db, conversation, reply, "chat", user)

        return await self._database.write(put)

    async def guide(self, conversation: int, replies: Sequence[Reply]) -> list[int]:
        """Put the guide's answers on their way, unless a person has answered meanwhile."""

        def put(db: Connection) -> list[int]:
            row = db.execute(
                "SELECT answered FROM contact WHERE id = ?", (conversation,)
            ).fetchone()
            if row["answered"]:
                return []
            ids = [self._put(db, conversation, reply, "flow", None) for reply in replies]
            return [number for number in ids if number is not None]

        return await self._database.write(put)

    def _put(
        self, db: Connection, conversation: int, reply: Reply, origin: Origin, user: int | None
    ) -> int | None:
        if not db.execute("SELECT 1 FROM contact WHERE id = ?", (conversation,)).fetchone():
            return None
        created = moment_after_all(db, conversation, self._now())
        return db.execute(
            "INSERT INTO message (uuid, contact_id, direction, text, attachments, quick_replies,"
            " origin, user_id, status, created_on) VALUES (?, ?, 'O', ?, ?, ?, ?, ?, 'Q', ?)",
            (
                reply.uuid,
                conversation,
                reply.text,
                _json([typed(url) for url in reply.attachments]),
                _json(reply.quick_replies),
                origin,
                user,
                created,
            ),
        ).lastrowid

    async def mark(self, message: int, status: str) -> None:
        """Note that a message is W(ired) or F(ailed). Never a step back
        from D(elivered)."""
        await self._database.write(lambda db: _mark(db, message, status))

    async def retry(self, conversation: int, message: int) -> None:
        """Put an answer on its way once more. Raises Refused where RapidPro answers."""

        def put(db: Connection) -> None:
            _check_answerable(db, conversation)
            _mark(db, message, "Q")

        await self._database.write(put)

    async def read(self, conversation: int, up_to: int) -> None:
        """Note that somebody has seen the conversation up to this message, and none to come."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE contact SET read_id = max(read_id, min(?, (SELECT coalesce(max(id), 0)"
                " FROM message WHERE contact_id = contact.id))) WHERE id = ?",
                (up_to, conversation),
            )
        )

    async def rename(self, conversation: int, name: str) -> None:
        """Call the visitor something else."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE contact SET name = ? WHERE id = ?", (name.strip(), conversation)
            )
        )

    # On the way to visitors.

    async def waiting_conversations(self) -> list[int]:
        """The conversations with messages on their way."""

        def look(db: Connection) -> list[int]:
            rows = db.execute("SELECT DISTINCT contact_id FROM message WHERE status = 'Q'")
            return [row[0] for row in rows]

        return await self._database.read(look)

    async def next_waiting(self, conversation: int) -> Waiting | None:
        """The oldest message on its way in a conversation."""

        def look(db: Connection) -> Waiting | None:
            row = db.execute(
                "SELECT message.*, contact.chat_id, contact.channel_uuid, channel.secret"
                " FROM message JOIN contact ON contact.id = contact_id"
                " JOIN channel ON channel.uuid = channel_uuid"
                " WHERE contact_id = ? AND status = 'Q' ORDER BY message.id LIMIT 1",
                (conversation,),
            ).fetchone()
            if row is None:
                return None
            return Waiting(
                id=row["id"],
                uuid=row["uuid"],
                chat=ChatKey(row["chat_id"], row["channel_uuid"]),
                secret=row["secret"],
                text=row["text"],
                attachments=_strings.decode(row["attachments"]),
                quick_replies=_strings.decode(row["quick_replies"]),
                origin=row["origin"],
                user_id=row["user_id"],
            )

        return await self._database.read(look)

    # Settings.

    async def setting(self, name: str, default: str) -> str:
        """What is set under this name."""

        def look(db: Connection) -> str:
            row = db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
            return str(row["value"]) if row else default

        return await self._database.read(look)

    async def set(self, name: str, value: str) -> None:
        """Set this name."""
        await self._database.write(
            lambda db: db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))
        )

    # Inside.

    def _now(self) -> int:
        return int(self._seconds() * 1_000_000)


# Steps inside a transaction.


def _check_answerable(db: Connection, conversation: int) -> None:
    row = db.execute(
        "SELECT channel.name FROM contact JOIN channel ON channel.uuid = channel_uuid"
        " WHERE contact.id = ? AND courier <> ''",
        (conversation,),
    ).fetchone()
    if row:
        raise Refused(f"{row['name']} is an External channel: RapidPro answers there")


def _author(db: Connection, name: str) -> int | None:
    row = db.execute("SELECT id FROM user WHERE first_name = ? AND is_active", (name,)).fetchone()
    if row:
        return int(row["id"])
    return db.execute("INSERT INTO user (first_name) VALUES (?)", (name,)).lastrowid


def _mark(db: Connection, message: int, status: str) -> None:
    db.execute("UPDATE message SET status = ? WHERE id = ? AND status != 'D'", (status, message))


def _json(strings: Sequence[str]) -> str:
    return msgspec.json.encode(strings).decode()
