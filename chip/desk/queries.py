"""The desk's reading half: conversations and messages as the page shows them.

Reads only. Whether a visitor is online is asked of whoever knows.
"""

from collections.abc import Callable
from sqlite3 import Connection, Row

import msgspec

from chip.desk.records import Conversation, DeskMessage, MessageState
from chip.desk.searching import has, parameters, teach
from chip.models import ChatKey
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.values import time_text

PAGE = 50

_STATES: dict[str, MessageState] = {
    "H": "heard",
    "Q": "queued",
    "W": "sent",
    "D": "delivered",
    "F": "failed",
}
_strings = msgspec.json.Decoder(list[str])

_MESSAGE = (
    "SELECT message.*, trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')) AS author"
    " FROM message LEFT JOIN user ON user.id = user_id"
)
_CONVERSATION = (
    "SELECT contact.*, channel.name AS site, courier, (SELECT count(*) FROM message"
    " WHERE contact_id = contact.id AND direction = 'I' AND message.id > read_id) AS unread"
    " FROM contact JOIN channel ON channel.uuid = channel_uuid"
)
_NUMBERED = "'Visitor ' || contact.id"  # as the page calls those without a name
_SEARCH = (  # What is searched for comes as a parameter.
    f"{_CONVERSATION} WHERE (:wanted = '' OR {has('contact.name')} OR {has('email')}"  # noqa: S608
    f" OR {has(_NUMBERED)} OR EXISTS (SELECT 1 FROM message"
    f" WHERE contact_id = contact.id AND {has('text')})) AND (:before = 0"
    " OR (active_on, contact.id) < (SELECT active_on, id FROM contact WHERE id = :before))"
    " ORDER BY active_on DESC, contact.id DESC LIMIT :limit"
)
_UNREAD = (
    "SELECT count(*) FROM contact JOIN message ON contact_id = contact.id AND direction = 'I'"
    " AND message.id > read_id"
)


class DeskQueries:
    """`online` says whether a visitor has his chat open."""

    def __init__(self, database: SqliteDatabase, online: Callable[[ChatKey], bool]) -> None:
        self._database = database
        self._online = online

    async def conversations(
        self, search: str, before: int, limit: int = PAGE
    ) -> tuple[list[Conversation], bool]:
        """Conversations by newest activity, and whether there are more.

        `search` is looked for in names, e-mails and texts. `before` is the id of the last
        conversation of the page before, or 0.
        """
        wanted = parameters(search)

        def look(db: Connection) -> tuple[list[Conversation], bool]:
            teach(db)
            page = {"before": before, "limit": limit + 1}
            rows = db.execute(_SEARCH, {**wanted, **page}).fetchall()
            return [self._conversation(db, row) for row in rows[:limit]], len(rows) > limit

        return await self._database.read(look, background=bool(search))

    async def unread(self) -> int:
        """How many messages of visitors nobody at the desk has seen."""
        return await self._database.read(lambda db: int(db.execute(_UNREAD).fetchone()[0]))

    async def conversation(self, number: int) -> Conversation | None:
        """One conversation."""

        def look(db: Connection) -> Conversation | None:
            row = db.execute(f"{_CONVERSATION} WHERE contact.id = ?", (number,)).fetchone()
            return self._conversation(db, row) if row else None

        return await self._database.read(look)

    async def find(self, chat: ChatKey) -> int | None:
        """The number of the conversation that is this chat."""

        def look(db: Connection) -> int | None:
            row = db.execute(
                "SELECT id FROM contact WHERE channel_uuid = ? AND chat_id = ?",
                (chat.channel_uuid, chat.chat_id),
            ).fetchone()
            return int(row["id"]) if row else None

        return await self._database.read(look)

    async def messages(
        self, conversation: int, before: int = 0, limit: int = PAGE
    ) -> tuple[list[DeskMessage], bool]:
        """The newest messages before the one with the id `before`, oldest first, and whether
        there are earlier ones."""

        def look(db: Connection) -> tuple[list[DeskMessage], bool]:
            rows = db.execute(
                f"{_MESSAGE} WHERE contact_id = ? AND (? = 0 OR message.id < ?)"
                " ORDER BY message.id DESC LIMIT ?",
                (conversation, before, before, limit + 1),
            ).fetchall()
            return [_message(row) for row in reversed(rows[:limit])], len(rows) > limit

        return await self._database.read(look)

    async def message(self, number: int) -> DeskMessage | None:
        """One message."""

        def look(db: Connection) -> DeskMessage | None:
            row = db.execute(f"{_MESSAGE} WHERE message.id = ?", (number,)).fetchone()
            return _message(row) if row else None

        return await self._database.read(look)

    def _conversation(self, db: Connection, row: Row) -> Conversation:
        last = db.execute(
            f"{_MESSAGE} WHERE contact_id = ? ORDER BY message.id DESC LIMIT 1", (row["id"],)
        ).fetchone()
        return Conversation(
            id=row["id"],
            name=row["name"],
            email=row["email"],
            site=row["site"],
            online=self._online(ChatKey(row["chat_id"], row["channel_uuid"])),
            answered=bool(row["answered"]),
            read_only=bool(row["courier"]),
            unread=row["unread"],
            active=time_text(row["active_on"]),
            started=time_text(row["created_on"]),
            last=_message(last) if last else None,
        )


def _message(row: Row) -> DeskMessage:
    return DeskMessage(
        id=row["id"],
        uuid=row["uuid"],
        conversation=row["contact_id"],
        incoming=row["direction"] == "I",
        text=row["text"],
        attachments=_strings.decode(row["attachments"]),
        quick_replies=_strings.decode(row["quick_replies"]),
        origin=row["origin"],
        author=row["author"],
        state=_STATES[row["status"]],
        time=time_text(row["created_on"]),
    )
