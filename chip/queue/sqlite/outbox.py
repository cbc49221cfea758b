"""The outbox on SQLite: messages waiting for their visitors (`ports.Outbox`)."""

from sqlite3 import Connection, Row
from typing import Protocol

from chip.chat.outbound.ports import Appended
from chip.chat.ports import Acked, OutboxItem, Page
from chip.models import ChatKey, DeliveryStatus, MsgName, Report
from chip.queue.sqlite.shared import (
    DAY_MS,
    HOUR_MS,
    SqliteContext,
    chat_row,
    find_chat,
    remember,
    seen_before,
)
from chip.queue.sqlite.spool import claim_after_append, put
from chip.sqlite.values import stored_number


class _Push(Protocol):
    def arrived(self, chat: ChatKey, item: OutboxItem) -> None: ...


class SqliteOutbox:
    """Rows of the outbox, numbered within each chat by the chat's row."""

    def __init__(self, shared: SqliteContext, live: _Push) -> None:
        self._shared = shared
        self._live = live

    async def append(self, chat: ChatKey, name: MsgName, msg_out: bytes) -> Appended:
        """Store a message and push it to whoever has the chat open."""
        shared, now = self._shared, self._shared.now()
        memory = int(shared.limits.duplicate_memory_hours * HOUR_MS)
        names = [f"m{known}" for known in name if known]

        def store(connection: Connection) -> tuple[Appended, int]:
            row = chat_row(connection, chat, now)
            if seen_before(connection, chat, names, now):
                return "repeated", 0
            if self._is_full(connection, chat, len(msg_out)):
                return "full", 0
            number = row["head"] + 1
            connection.execute(
                "UPDATE chat SET head = ?, touched = ?, last_text = '', last_text_on = 0"
                " WHERE name = ?",
                (number, now, str(chat)),
            )
            connection.execute(
                "INSERT INTO outbox (chat, number, msg_id, uuid, stored, msg_out)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (str(chat), number, name.id, name.uuid, now, msg_out),
            )
            remember(connection, chat, names, now, now + memory)
            return "queued", number

        result, number = await shared.database.write(store)
        if result == "queued":
            # Writes are answered in the order of the commit, so numbers arrive rising.
            self._live.arrived(chat, OutboxItem(number, name.outbox_id, msg_out))
        return result

    def _is_full(self, connection: Connection, chat: ChatKey, size: int) -> bool:
        count, total = connection.execute(
            "SELECT count(*), coalesce(sum(length(msg_out)), 0) FROM outbox WHERE chat = ?",
            (str(chat),),
        ).fetchone()
        limits = self._shared.limits
        # Reports are always taken, so what may become one must not be without bounds.
        (spooled,) = connection.execute(
            "SELECT count(*) FROM spool WHERE chat = ?", (str(chat),)
        ).fetchone()
        return bool(
            count >= limits.outbox_messages
            or total + size > limits.outbox_bytes
            or spooled >= 2 * limits.spool_events
        )

    async def read(self, chat: ChatKey, after: int, limit: int, max_bytes: int) -> Page:
        """Items numbered above `after`, oldest first, within the limits but for the first."""

        def look(connection: Connection) -> Page:
            row = find_chat(connection, chat)
            items: list[OutboxItem] = []
            room = max_bytes
            for found in connection.execute(
                "SELECT * FROM outbox WHERE chat = ? AND number > ? ORDER BY number LIMIT ?",
                (str(chat), after, limit + 1),
            ):
                room -= len(found["msg_out"])
                if len(items) == limit or (items and room < 0):
                    return Page(row["head"] if row else 0, items, more=True)
                outbox_id = MsgName(found["msg_id"], found["uuid"]).outbox_id
                items.append(OutboxItem(found["number"], outbox_id, found["msg_out"]))
            return Page(row["head"] if row else 0, items, more=False)

        return await self._shared.database.read(look)

    async def ack(self, chat: ChatKey, name: MsgName, *, may_claim: bool) -> Acked | None:
        """Take a message out and spool its ``delivered`` report."""
        shared, now = self._shared, self._shared.now()

        def take(connection: Connection) -> Acked | None:
            row = connection.execute(
                "SELECT * FROM outbox WHERE chat = ? AND (msg_id = ? OR (uuid = ? AND uuid != ''))",
                (str(chat), stored_number(name.id), name.uuid),
            ).fetchone()
            if row is None:
                return None
            _take_out(connection, chat, row, "delivered", now)
            step = claim_after_append(connection, shared, chat, now, may_claim)
            return Acked(row["number"], now - row["stored"], step)

        return await shared.database.write(take)

    async def expire(self, limit: int) -> int:
        """Take out messages beyond the age limit, and spool a ``failed`` report for each."""
        shared, now = self._shared, self._shared.now()
        oldest = now - int(shared.limits.outbox_days * DAY_MS)

        def sweep(connection: Connection) -> int:
            chats = connection.execute(
                "SELECT DISTINCT chat FROM outbox WHERE stored <= ? LIMIT ?", (oldest, limit)
            ).fetchall()
            taken = 0
            for (text,) in chats:
                chat = ChatKey.parse(text)
                for row in connection.execute(
                    "SELECT * FROM outbox WHERE chat = ? AND stored <= ? ORDER BY number",
                    (text, oldest),
                ).fetchall():
                    _take_out(connection, chat, row, "failed", now)
                    taken += 1
                claim_after_append(connection, shared, chat, now, False)
            return taken

        return await shared.database.write(sweep)


def _take_out(
    connection: Connection, chat: ChatKey, row: Row, status: DeliveryStatus, now: int
) -> None:
    connection.execute(
        "DELETE FROM outbox WHERE chat = ? AND number = ?", (str(chat), row["number"])
    )
    put(connection, chat, Report(status, row["msg_id"], row["uuid"]), now)
