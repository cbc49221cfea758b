"""The outbox on SQLite: messages waiting for their visitors (`ports.Outbox`)."""

from collections.abc import Sequence
from sqlite3 import Connection, Row
from typing import Any, Final, cast, get_args

from chip.chat.outbound.ports import Appended
from chip.chat.ports import Acked, Filled, OutboxItem, Page, WiredMessage
from chip.models import ChatKey, DeliveryStatus, MsgName, Report
from chip.queue.sqlite.claims import add_report
from chip.queue.sqlite.live import SqliteLive
from chip.queue.sqlite.shared import (
    DAY_MS,
    HOUR_MS,
    REST_MS,
    SqliteContext,
    chat_row,
    count_outcomes,
    find_chat,
    forget,
    last_seen,
    loss_of,
    remember,
    seen_before,
)
from chip.sqlite.values import stored_number

_INSERT: Final = """
    INSERT INTO outbox (chat, number, msg_id, uuid, stored, msg_out) VALUES (?, ?, ?, ?, ?, ?)
"""
_FORGET_WHEN: Final = "UPDATE chat SET last_text_on = 0 WHERE name = ?"
STATUSES: Final[tuple[DeliveryStatus, ...]] = get_args(DeliveryStatus)


class SqliteOutbox:
    """Rows of the outbox, numbered within each chat by the chat's row."""

    def __init__(self, shared: SqliteContext, live: SqliteLive) -> None:
        self._shared = shared
        self._live = live
        self._memory = int(shared.limits.duplicate_memory_hours * HOUR_MS)

    async def append(self, chat: ChatKey, name: MsgName, msg_out: bytes) -> Appended:
        """Store a message and push it to whoever has the chat open."""
        shared, now = self._shared, self._shared.now()

        def store(connection: Connection) -> tuple[Appended, int]:
            chat_row(connection, chat, now)
            if seen_before(connection, chat, _names(name), now):
                self._repeated(connection, chat, name, now)
                return "repeated", 0
            if self._is_full(connection, chat, len(msg_out)):
                return "full", 0
            number = _next_number(connection, chat, now)
            connection.execute(_INSERT, (str(chat), number, *name, now, msg_out))
            # Something was said in between, so that the visitor may repeat himself.
            connection.execute(_FORGET_WHEN, (str(chat),))
            count_outcomes(connection, "visitors", accepted=1)
            self._remember(connection, chat, _names(name), now)
            # What became of it when it was sent long ago says nothing of this time.
            forget(connection, chat, [f"{one}={it}" for one in _names(name) for it in STATUSES])
            return "queued", number

        result, number = await shared.database.write(store)
        if result == "queued":
            # Writes are answered in the order of the commit, so numbers arrive rising.
            self._live.arrived(chat, OutboxItem(number, name.outbox_id, msg_out))
        return result

    def _repeated(self, connection: Connection, chat: ChatKey, name: MsgName, now: int) -> None:
        """Courier has sent a message once more, and its own status goes over whatever was reported
        of it: so that is reported again. Where it still waits, its report will rest from now."""
        known = [one for one in _names(name) if seen_before(connection, chat, [one], now)]
        self._remember(connection, chat, known, now)
        for status in STATUSES:
            if seen_before(connection, chat, [f"{one}={status}" for one in known], now):
                report = Report(status, name.id, name.uuid)
                add_report(connection, chat, report, now + REST_MS)

    def _remember(self, connection: Connection, chat: ChatKey, names: list[str], now: int) -> None:
        remember(connection, chat, names, now, now + self._memory)

    def _is_full(self, connection: Connection, chat: ChatKey, size: int, messages: int = 1) -> bool:
        """Whether there is no room for so many more, of that size together."""
        waiting, total = connection.execute(
            "SELECT count(*), coalesce(sum(length(msg_out)), 0) FROM outbox WHERE chat = ?",
            (str(chat),),
        ).fetchone()
        limits = self._shared.limits
        # Reports are always taken, so what may become one must not be without bounds.
        (spooled,) = connection.execute(
            "SELECT (SELECT count(*) FROM spool WHERE chat = :chat)"
            " + (SELECT count(*) FROM report WHERE chat = :chat)",
            {"chat": str(chat)},
        ).fetchone()
        return bool(
            waiting + messages > limits.outbox_messages
            or total + size > limits.outbox_bytes
            or spooled >= 2 * limits.spool_events
        )

    async def read(self, chat: ChatKey, after: int, limit: int, max_bytes: int) -> Page:
        """Items numbered above `after`, oldest first, within the limits but for the first."""
        shared = self._shared

        def look(connection: Connection) -> Page:
            row = find_chat(connection, chat)
            head, loss = row["head"] if row else 0, loss_of(connection, row, shared.now())
            items: list[OutboxItem] = []
            room = max_bytes
            for found in connection.execute(
                "SELECT * FROM outbox WHERE chat = ? AND number > ? ORDER BY number LIMIT ?",
                (str(chat), after, limit + 1),
            ):
                room -= len(found["msg_out"])
                if len(items) == limit or (items and room < 0):
                    return Page(head, items, more=True, loss=loss)
                outbox_id = MsgName(found["msg_id"], found["uuid"]).outbox_id
                items.append(OutboxItem(found["number"], outbox_id, found["msg_out"]))
            return Page(head, items, more=False, loss=loss)

        return await shared.database.read(look)

    async def fill(self, chat: ChatKey, loss: str, messages: Sequence[WiredMessage]) -> Filled:
        """Put back those of `messages` that neither wait nor are remembered."""
        shared, now = self._shared, self._shared.now()

        def put_back(connection: Connection) -> tuple[Filled, list[OutboxItem]]:
            lost, is_full = self._lost(connection, chat, messages, now)
            moved = self._insert(connection, chat, lost, now)
            if not is_full:
                connection.execute("UPDATE chat SET filled = ? WHERE name = ?", (loss, str(chat)))
            return Filled(len(lost), is_full), moved

        filled, moved = await shared.database.write(put_back)
        for item in moved:
            self._live.arrived(chat, item)
        return filled

    def _lost(
        self, connection: Connection, chat: ChatKey, messages: Sequence[WiredMessage], now: int
    ) -> tuple[list[WiredMessage], bool]:
        """Those that are not known, as many as fit, and whether there are more."""
        chat_row(connection, chat, now)
        lost: list[WiredMessage] = []
        size = 0
        for message in messages:
            name = message.name
            if _find(connection, chat, name) or seen_before(connection, chat, _names(name), now):
                continue
            size += len(message.msg_out)
            if self._is_full(connection, chat, size, 1 + len(lost)):
                return lost, True
            lost.append(message)
        return lost, False

    def _insert(
        self, connection: Connection, chat: ChatKey, lost: Sequence[WiredMessage], now: int
    ) -> list[OutboxItem]:
        """Put each before the first one that waits with a higher id. Returns those that have new
        numbers: all from the first of them on."""
        waiting = connection.execute(
            "SELECT msg_id, uuid, stored, msg_out, number FROM outbox WHERE chat = ?"
            " ORDER BY number",
            (str(chat),),
        ).fetchall()
        merged: list[Sequence[Any]] = list(waiting)
        for name, msg_out, age in lost:
            later = (at for at, row in enumerate(merged) if (row[0] or 0) > (name.id or 0))
            merged.insert(next(later, len(merged)), (name.id, name.uuid, now - age, msg_out))
            self._remember(connection, chat, _names(name), now)
        pairs = enumerate(zip(waiting, merged, strict=False))
        kept = next((at for at, (old, new) in pairs if old is not new), len(waiting))
        connection.executemany(
            "DELETE FROM outbox WHERE chat = ? AND number = ?",
            [(str(chat), row["number"]) for row in waiting[kept:]],
        )
        moved = []
        for msg_id, uuid, stored, msg_out, *_ in merged[kept:]:
            number = _next_number(connection, chat, now)
            connection.execute(_INSERT, (str(chat), number, msg_id, uuid, stored, msg_out))
            moved.append(OutboxItem(number, MsgName(msg_id, uuid).outbox_id, msg_out))
        count_outcomes(connection, "visitors", accepted=len(lost))
        return moved

    async def ack(self, chat: ChatKey, name: MsgName) -> Acked | None:
        """Take a message out and leave its ``delivered`` report."""
        shared, now = self._shared, self._shared.now()

        def take(connection: Connection) -> Acked | None:
            row = _find(connection, chat, name)
            if row is None:
                return None
            self._take_out(connection, chat, row, "delivered", now)
            return Acked(row["number"], now - row["stored"])

        return await shared.database.write(take)

    async def expire(self, limit: int) -> int:
        """Take out messages beyond the age limit, and leave a ``failed`` report on each."""
        shared, now = self._shared, self._shared.now()
        oldest = now - int(shared.limits.outbox_days * DAY_MS)

        def sweep(connection: Connection) -> list[tuple[ChatKey, int]]:
            chats = connection.execute(
                "SELECT DISTINCT chat FROM outbox WHERE stored <= ? LIMIT ?", (oldest, limit)
            ).fetchall()
            taken = []
            for (text,) in chats:
                chat = ChatKey.parse(text)
                for row in connection.execute(
                    "SELECT * FROM outbox WHERE chat = ? AND stored <= ? ORDER BY number",
                    (text, oldest),
                ).fetchall():
                    self._take_out(connection, chat, row, "failed", now)
                    taken.append((chat, row["number"]))
            return taken

        taken = await shared.database.write(sweep)
        for chat, number in taken:
            self._live.acked(chat, number)
        return len(taken)

    def _take_out(
        self, connection: Connection, chat: ChatKey, row: Row, status: DeliveryStatus, now: int
    ) -> None:
        """Remove a message, and leave a report on it that comes no sooner than Courier can have
        written its own status: of two in one batch either may win there."""
        connection.execute(
            "DELETE FROM outbox WHERE chat = ? AND number = ?", (str(chat), row["number"])
        )
        is_shown = status == "delivered"
        count_outcomes(connection, "visitors", done=int(is_shown), given_up=int(not is_shown))
        names = _names(MsgName(row["msg_id"], row["uuid"]))
        last_sent = last_seen(connection, chat, names, self._memory)
        report = Report(status, row["msg_id"], row["uuid"])
        add_report(connection, chat, report, max(now, min(now, last_sent) + REST_MS))
        self._remember(connection, chat, [f"{name}={status}" for name in names], now)


def _next_number(connection: Connection, chat: ChatKey, now: int) -> int:
    """The number of a message that waits from now on."""
    (number,) = connection.execute(
        "UPDATE chat SET head = head + 1, touched = ? WHERE name = ? RETURNING head",
        (now, str(chat)),
    ).fetchone()
    return int(number)


def _find(connection: Connection, chat: ChatKey, name: MsgName) -> Row | None:
    """The message of this name that waits."""
    row = connection.execute(
        "SELECT * FROM outbox WHERE chat = ? AND (msg_id = ? OR (uuid = ? AND uuid != ''))",
        (str(chat), stored_number(name.id), name.uuid),
    ).fetchone()
    return cast("Row | None", row)


def _names(name: MsgName) -> list[str]:
    """What is remembered of a message."""
    return [f"m{known}" for known in name if known]
