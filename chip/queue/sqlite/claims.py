"""Who is at work on a chat, and what waits there: steps inside a transaction on SQLite.

A chat's row says when it is due next. Unclaimed, that is the time of the next try; claimed, it is
when Courier cannot be at work on the attempt any more, should the claim's owner have died.
"""

from operator import itemgetter
from sqlite3 import Connection, Row

import msgspec

from chip.chat.outbound.ports import ALIVE, BATCH, Batch, ClaimResult, Outcome, SpoolEntry
from chip.models import ChatKey, Incoming, Report, SpoolEvent
from chip.queue.sqlite.shared import (
    ABANDONED_MS,
    SqliteContext,
    chat_row,
    claim_ms,
    count_outcomes,
    forget,
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(SpoolEvent)


def add_report(connection: Connection, chat: ChatKey, report: Report, ready: int) -> None:
    """Leave a report for Courier, which may go from `ready` on. The same one again only moves its
    time."""
    values = {"chat": str(chat), "event": _encoder.encode(report).decode(), "ready": ready}
    added = connection.execute(
        "INSERT OR IGNORE INTO report (chat, event, ready) VALUES (:chat, :event, :ready)", values
    )
    if added.rowcount:
        count_outcomes(connection, "courier", accepted=1)
    else:
        connection.execute(
            "UPDATE report SET ready = :ready WHERE chat = :chat AND event = :event", values
        )
    make_due(connection, chat, ready)


def put(connection: Connection, chat: ChatKey, event: SpoolEvent, now: int) -> None:
    """Append one event to the chat's spool, whatever the limits say."""
    connection.execute(
        "INSERT INTO spool (chat, stored, said, event) VALUES (?, ?, ?, ?)",
        (str(chat), now, isinstance(event, Incoming), _encoder.encode(event)),
    )


def make_due(connection: Connection, chat: ChatKey, time: int) -> None:
    """The chat is due from `time` on, unless an attempt must wait or it is claimed."""
    connection.execute(
        "UPDATE chat SET due = min(coalesce(due, ?1), max(?1, not_before))"
        " WHERE name = ?2 AND claimed_by = ''",
        (time, str(chat)),
    )


def claim_if_free(
    connection: Connection, shared: SqliteContext, chat: ChatKey, now: int, may_claim: bool
) -> ClaimResult:
    """Who forwards the chat? If nobody does and it is due, this process gets it if it may."""
    row = chat_row(connection, chat, now)
    if row["due"] is None:
        return ClaimResult("idle")
    if _is_held(connection, shared, row, now):
        return ClaimResult("elsewhere")
    if row["due"] > now:
        return ClaimResult("waiting", delay=row["due"] - now)
    return give(connection, shared, chat, now) if may_claim else ClaimResult("waiting")


def give(connection: Connection, shared: SqliteContext, chat: ChatKey, now: int) -> ClaimResult:
    """Give the chat to this process."""
    _take_in_reports(connection, chat, now)
    entries = _oldest(connection, chat, now)
    if not entries:
        return rest(connection, chat, now)
    row = chat_row(connection, chat, now)
    unknown = max(row["unknown"], row["under_way"])
    note_alive(connection, shared.token, now)
    set_columns(
        connection,
        chat,
        claimed_by=shared.token,
        ticket=row["ticket"] + 1,
        under_way=len(entries),
        unknown=unknown,
        due=now + claim_ms(shared.limits),
        not_before=0,
        touched=now,
    )
    batch = Batch(
        chat=chat,
        grant=str(row["ticket"] + 1),
        asked_at=shared.database.reactor.seconds(),
        entries=entries,
        unknown=min(unknown, len(entries)),
        last_confirmed=row["last_heard"],
        last_text=row["last_text"],
        since_last_text=now - row["last_text_on"] if row["last_text_on"] else None,
        tries=row["tries"],
        failing_for=now - row["failing_since"] if row["failing_since"] else 0,
    )
    return ClaimResult("claimed", batch)


def _take_in_reports(connection: Connection, chat: ChatKey, now: int) -> None:
    """Put the reports whose time has come behind what waits in the spool."""
    ready = connection.execute(
        "DELETE FROM report WHERE chat = ? AND ready <= ? RETURNING event, ready", (str(chat), now)
    ).fetchall()
    for event, _ in sorted(ready, key=itemgetter(1)):
        put(connection, chat, _decoder.decode(event), now)


def rest(connection: Connection, chat: ChatKey, now: int) -> ClaimResult:
    """Nothing can go now. Where reports still rest, the chat is due with the first of them."""
    (due,) = connection.execute(
        "SELECT min(ready) FROM report WHERE chat = ?", (str(chat),)
    ).fetchone()
    set_columns(connection, chat, due=due, tries=0, failing_since=0, unknown=0, not_before=0)
    if due is None:
        return ClaimResult("idle")
    return ClaimResult("waiting", delay=max(0, due - now))


def remove_done(connection: Connection, batch: Batch, outcome: Outcome) -> None:
    """Remove what is done with, and forget the refs of what was rejected."""
    removed = connection.execute(
        "DELETE FROM spool WHERE id IN (SELECT id FROM spool WHERE chat = ? ORDER BY id LIMIT ?)",
        (str(batch.chat), outcome.remove),
    ).rowcount
    given_up = min(outcome.rejected, removed)
    count_outcomes(connection, "courier", done=removed - given_up, given_up=given_up)
    rejected = [entry.event for entry in batch.entries[: outcome.rejected]]
    refs = [f"r{event.ref}" for event in rejected if isinstance(event, Incoming)]
    forget(connection, batch.chat, refs)


def _is_held(connection: Connection, shared: SqliteContext, row: Row, now: int) -> bool:
    """Whether a living process is at work on the chat, or a dead one's attempt may be."""
    owner = row["claimed_by"]
    if not owner:
        return False
    if owner == shared.token:
        return bool(row["due"] > now + claim_ms(shared.limits) - ABANDONED_MS)
    if row["due"] > now:
        return True
    alive = connection.execute(
        "SELECT 1 FROM process WHERE token = ? AND until > ?", (owner, now)
    ).fetchone()
    return alive is not None


def note_alive(connection: Connection, token: str, now: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO process (token, until) VALUES (?, ?)", (token, now + ALIVE * 1000)
    )


def _oldest(connection: Connection, chat: ChatKey, now: int) -> list[SpoolEntry]:
    rows = connection.execute(
        "SELECT event, stored FROM spool WHERE chat = ? ORDER BY id LIMIT ?", (str(chat), BATCH)
    )
    return [SpoolEntry(_decoder.decode(row["event"]), now - row["stored"]) for row in rows]


def something_waits(connection: Connection, chat: ChatKey) -> bool:
    row = connection.execute("SELECT 1 FROM spool WHERE chat = ? LIMIT 1", (str(chat),))
    return row.fetchone() is not None


def said(connection: Connection, chat: ChatKey) -> int:
    query = "SELECT count(*) FROM spool WHERE chat = ? AND said"
    return int(connection.execute(query, (str(chat),)).fetchone()[0])


def said_in_all(connection: Connection) -> int:
    return int(connection.execute("SELECT said FROM spool_total").fetchone()[0])


def set_columns(connection: Connection, chat: ChatKey, **columns: str | int | None) -> None:
    changes = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(
        f"UPDATE chat SET {changes} WHERE name = ?",  # noqa: S608
        (*columns.values(), str(chat)),
    )
