"""The spool on SQLite: events waiting for Courier, and who is at work on them (`ports.Spool`).

A chat's row says when it is due next. Unclaimed, that is the time of the next try; claimed, it is
when Courier cannot be at work on the attempt any more, should the claim's owner have died.
"""

from collections.abc import Sequence
from sqlite3 import Connection, Row
from typing import Final

import msgspec

from chip.chat.outbound.ports import Appended, Batch, Outcome, Spooled, SpoolEntry, Step
from chip.models import ChatKey, Incoming, SpoolEvent
from chip.queue.sqlite.shared import (
    ABANDONED_MS,
    ATTEMPT_MS,
    HOUR_MS,
    SqliteContext,
    chat_row,
    remember,
    seen_before,
)

_BATCH = 50
_ALIVE_MS = 12_000

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(SpoolEvent)


class SqliteSpool:
    """Rows of the spool in the order in which they came, and the claims in the chats' rows."""

    BATCH: Final = _BATCH

    def __init__(self, shared: SqliteContext) -> None:
        self._shared = shared

    async def append(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, last_heard: str, may_claim: bool
    ) -> Spooled:
        """Store events durably, and claim the chat if nobody has and it may be."""
        shared, now = self._shared, self._shared.now()

        def store(connection: Connection) -> Spooled:
            row = chat_row(connection, chat, now)
            if row["last_heard"] is None:
                _set(connection, chat, last_heard=last_heard)
            results = [self._append(connection, chat, event, now) for event in events]
            return Spooled(results, claim_after_append(connection, shared, chat, now, may_claim))

        return await shared.database.write(store)

    def _append(
        self, connection: Connection, chat: ChatKey, event: SpoolEvent, now: int
    ) -> Appended:
        limits = self._shared.limits
        if isinstance(event, Incoming):
            names = [f"r{event.ref}"] if event.ref else []
            if names and seen_before(connection, chat, names, now):
                return "repeated"
            if _said(connection, chat) >= limits.spool_events:
                return "full"
            if _said_in_all(connection) >= limits.spool_total:
                return "full"
            memory = int((limits.spool_hours + limits.duplicate_memory_hours) * HOUR_MS)
            remember(connection, chat, names, now, now + memory)
        put(connection, chat, event, now)
        return "queued"

    async def claim(self, chat: ChatKey) -> Step:
        """Claim the chat if it is due and nobody holds it."""
        shared, now = self._shared, self._shared.now()
        return await shared.database.write(
            lambda connection: _claim_if_due(connection, shared, chat, now)
        )

    async def settle(self, batch: Batch, outcome: Outcome, *, may_continue: bool = True) -> Step:
        """Note how an attempt ended, and go on or give the claim up."""
        shared, now, chat = self._shared, self._shared.now(), batch.chat

        def step(connection: Connection) -> Step:
            row = chat_row(connection, chat, now)
            if row["claimed_by"] != shared.token or row["ticket"] != batch.ticket:
                return Step("elsewhere")
            _take_out(connection, batch, outcome)
            if outcome.last_heard:
                _set(connection, chat, last_heard=outcome.last_heard)
            if outcome.last_text:
                _set(connection, chat, last_text=outcome.last_text, last_text_on=now)
            tries, since = (0, 0) if outcome.remove else (row["tries"], row["failing_since"])
            if outcome.failed:
                tries, since = tries + 1, since or now
            _set(
                connection,
                chat,
                claimed_by="",
                under_way=0,
                unknown=outcome.unknown,
                tries=tries,
                failing_since=since,
                touched=now,
                due=now + outcome.delay,
            )
            if not _waits(connection, chat):
                _set(connection, chat, due=None, tries=0, failing_since=0, unknown=0)
                return Step("idle")
            if outcome.delay > 0 or not may_continue:
                return Step("waiting")
            return _claim_if_due(connection, shared, chat, now)

        return await shared.database.write(step)

    async def due(self, limit: int) -> list[ChatKey]:
        """Chats whose time has come, longest due first."""
        token, now = self._shared.token, self._shared.now()

        def look(connection: Connection) -> list[ChatKey]:
            rows = connection.execute(
                "SELECT name FROM chat WHERE due <= ? AND (claimed_by = '' OR (claimed_by != ?"
                " AND claimed_by NOT IN (SELECT token FROM process WHERE until > ?))"
                " OR (claimed_by = ? AND due <= ?)) ORDER BY due LIMIT ?",
                (now, token, now, token, now + ATTEMPT_MS - ABANDONED_MS, limit),
            )
            return [ChatKey.parse(name) for (name,) in rows]

        return await self._shared.database.read(look)

    async def keep_alive(self) -> None:
        """Renew all claims of this process."""
        token, now = self._shared.token, self._shared.now()
        # Asked first, because a write is an fsync and an idle server should let the disk sleep.
        holding = await self._shared.database.read(
            lambda connection: connection.execute(
                "SELECT 1 FROM chat WHERE due IS NOT NULL AND claimed_by = ?", (token,)
            ).fetchone()
        )
        # After a write that failed, one is tried: so an end of the trouble is noticed.
        if holding or not self._shared.database.takes_writes:
            await self._shared.database.write(lambda connection: _alive(connection, token, now))

    async def retire(self) -> None:
        """Whatever this process still holds may be claimed as if it had died."""
        token = self._shared.token
        await self._shared.database.write(
            lambda connection: connection.execute("DELETE FROM process WHERE token = ?", (token,))
        )


# Steps inside a transaction.


def put(connection: Connection, chat: ChatKey, event: SpoolEvent, now: int) -> None:
    """Append one event to the chat's spool, whatever the limits say."""
    connection.execute(
        "INSERT INTO spool (chat, stored, said, event) VALUES (?, ?, ?, ?)",
        (str(chat), now, isinstance(event, Incoming), _encoder.encode(event)),
    )


def claim_after_append(
    connection: Connection, shared: SqliteContext, chat: ChatKey, now: int, may_claim: bool
) -> Step:
    """What follows when something was appended: the chat is due, unless it was anyway."""
    row = chat_row(connection, chat, now)
    if row["due"] is None:
        if not _waits(connection, chat):
            return Step("idle")
        _set(connection, chat, due=now, touched=now)
    if may_claim:
        return _claim_if_due(connection, shared, chat, now)
    return Step("elsewhere" if _is_held(connection, shared, row, now) else "waiting")


def _claim_if_due(connection: Connection, shared: SqliteContext, chat: ChatKey, now: int) -> Step:
    row = chat_row(connection, chat, now)
    if row["due"] is None:
        return Step("idle")
    if _is_held(connection, shared, row, now):
        return Step("elsewhere")
    if row["due"] > now:
        return Step("waiting")
    entries = _oldest(connection, chat, now)
    unknown = max(row["unknown"], row["under_way"])
    _alive(connection, shared.token, now)
    _set(
        connection,
        chat,
        claimed_by=shared.token,
        ticket=row["ticket"] + 1,
        under_way=len(entries),
        unknown=unknown,
        due=now + ATTEMPT_MS,
        touched=now,
    )
    batch = Batch(
        chat=chat,
        ticket=row["ticket"] + 1,
        entries=entries,
        unknown=min(unknown, len(entries)),
        last_heard=row["last_heard"],
        last_text=row["last_text"],
        since_last_text=now - row["last_text_on"] if row["last_text"] else 0,
        tries=row["tries"],
        failing_for=now - row["failing_since"] if row["failing_since"] else 0,
        email=row["email"] if row["email_until"] > now else "",
    )
    return Step("claimed", batch)


def _take_out(connection: Connection, batch: Batch, outcome: Outcome) -> None:
    """Remove what is done with, and forget the refs of what was rejected."""
    name = str(batch.chat)
    connection.execute(
        "DELETE FROM spool WHERE id IN (SELECT id FROM spool WHERE chat = ? ORDER BY id LIMIT ?)",
        (name, outcome.remove),
    )
    rejected = [entry.event for entry in batch.entries[: outcome.rejected]]
    connection.executemany(
        "DELETE FROM seen WHERE chat = ? AND name = ?",
        [(name, f"r{event.ref}") for event in rejected if isinstance(event, Incoming)],
    )


def _is_held(connection: Connection, shared: SqliteContext, row: Row, now: int) -> bool:
    """Whether a living process is at work on the chat, or a dead one's attempt may be."""
    owner = row["claimed_by"]
    if not owner:
        return False
    if owner == shared.token:
        return bool(row["due"] > now + ATTEMPT_MS - ABANDONED_MS)
    if row["due"] > now:
        return True
    alive = connection.execute(
        "SELECT 1 FROM process WHERE token = ? AND until > ?", (owner, now)
    ).fetchone()
    return alive is not None


def _alive(connection: Connection, token: str, now: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO process (token, until) VALUES (?, ?)", (token, now + _ALIVE_MS)
    )


def _oldest(connection: Connection, chat: ChatKey, now: int) -> list[SpoolEntry]:
    rows = connection.execute(
        "SELECT event, stored FROM spool WHERE chat = ? ORDER BY id LIMIT ?", (str(chat), _BATCH)
    )
    return [SpoolEntry(_decoder.decode(row["event"]), now - row["stored"]) for row in rows]


def _waits(connection: Connection, chat: ChatKey) -> bool:
    row = connection.execute("SELECT 1 FROM spool WHERE chat = ? LIMIT 1", (str(chat),))
    return row.fetchone() is not None


def _said(connection: Connection, chat: ChatKey) -> int:
    query = "SELECT count(*) FROM spool WHERE chat = ? AND said"
    return int(connection.execute(query, (str(chat),)).fetchone()[0])


def _said_in_all(connection: Connection) -> int:
    return int(connection.execute("SELECT said FROM spool_total").fetchone()[0])


def _set(connection: Connection, chat: ChatKey, **columns: str | int | None) -> None:
    changes = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(
        f"UPDATE chat SET {changes} WHERE name = ?",  # noqa: S608
        (*columns.values(), str(chat)),
    )
