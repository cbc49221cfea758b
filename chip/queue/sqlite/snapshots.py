"""Snapshots of chats, read from the database's file beside the process that uses it."""

from sqlite3 import Connection, Row

from chip.limits import Limits
from chip.models import ChatKey, MsgName
from chip.queue.snapshot import (
    MOST_CHATS,
    ChatSnapshot,
    HeldClaim,
    WaitingMessage,
    sent_by_name,
    waiting_event,
)
from chip.queue.sqlite.shared import HOUR_MS, claim_ms, find_chat


def take(connection: Connection, chat: ChatKey, now: int, limits: Limits) -> ChatSnapshot:
    """What is there of the chat at `now`, in ms since 1970. For a transaction that only reads."""
    row, name = find_chat(connection, chat), (str(chat),)
    memory = int(limits.duplicate_memory_hours * HOUR_MS)
    outbox = connection.execute("SELECT * FROM outbox WHERE chat = ? ORDER BY number", name)
    spool = connection.execute("SELECT * FROM spool WHERE chat = ? ORDER BY id", name)
    reports = connection.execute("SELECT * FROM report WHERE chat = ? ORDER BY ready", name)
    seen = connection.execute("SELECT * FROM seen WHERE chat = ? AND name LIKE 'm%'", name)
    return ChatSnapshot(
        outbox=[
            WaitingMessage(MsgName(one["msg_id"], one["uuid"]), now - one["stored"])
            for one in outbox
        ],
        spool=[waiting_event(one["event"], now - one["stored"]) for one in spool],
        reports=[waiting_event(one["event"], 0, one["ready"] - now) for one in reports],
        sent=sent_by_name({one["name"]: now - (one["until"] - memory) for one in seen}),
        claim=_claim(connection, row, now, limits),
        due_in=row["due"] - now if row and row["due"] is not None else None,
        tries=row["tries"] if row else 0,
        failing_for=now - row["failing_since"] if row and row["failing_since"] else 0,
        unknown=row["unknown"] if row else 0,
        reason=row["reason"] if row and row["ticket"] else None,
        last_confirmed=(row["last_heard"] if row else None) or "",
        listeners=None,
    )


def waiting(connection: Connection, chat_id: str, channel_uuid: str) -> list[ChatKey]:
    """Chats whose id and whose channel begin so, and for which something waits."""
    rows = connection.execute(
        "SELECT name FROM chat WHERE name GLOB ?"
        " AND (due IS NOT NULL OR EXISTS (SELECT 1 FROM outbox WHERE chat = name)) LIMIT ?",
        (f"{chat_id}*@{channel_uuid}*", MOST_CHATS),
    )
    return [ChatKey.parse(name) for (name,) in rows]


def _claim(connection: Connection, row: Row | None, now: int, limits: Limits) -> HeldClaim | None:
    if row is None or not row["claimed_by"]:
        return None
    alive = connection.execute(
        "SELECT 1 FROM process WHERE token = ? AND until > ?", (row["claimed_by"], now)
    ).fetchone()
    age = claim_ms(limits) - ((row["due"] or now) - now)
    return HeldClaim(row["claimed_by"], age, alive is not None, row["under_way"])
