"""The spool on SQLite: events waiting for Courier (`ports.Spool`).

What is at work on which chat, and until when, is in `claims`.
"""

from collections.abc import Sequence
from sqlite3 import Connection

from chip.chat.outbound.ports import Appended, Batch, ClaimResult, Outcome, Spooled
from chip.models import ChatKey, Incoming, SpoolEvent
from chip.queue.sqlite.claims import (
    claim_if_free,
    give,
    make_due,
    note_alive,
    put,
    remove_done,
    rest,
    said,
    said_in_all,
    set_columns,
    something_waits,
)
from chip.queue.sqlite.shared import (
    ABANDONED_MS,
    HOUR_MS,
    SqliteContext,
    chat_row,
    claim_ms,
    count_outcomes,
    remember,
    seen_before,
)


class SqliteSpool:
    """Rows of the spool in the order in which they came, and the claims in the chats' rows."""

    def __init__(self, shared: SqliteContext) -> None:
        self._shared = shared

    async def append(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, last_confirmed: str, may_claim: bool
    ) -> Spooled:
        """Store events durably, and claim the chat if nobody has and it may be."""
        shared, now = self._shared, self._shared.now()

        def store(connection: Connection) -> Spooled:
            row = chat_row(connection, chat, now)
            if row["last_heard"] is None:
                set_columns(connection, chat, last_heard=last_confirmed)
            results = [self._append(connection, chat, event, now) for event in events]
            if "queued" in results:
                make_due(connection, chat, now)
            return Spooled(results, claim_if_free(connection, shared, chat, now, may_claim))

        return await shared.database.write(store)

    def _append(
        self, connection: Connection, chat: ChatKey, event: SpoolEvent, now: int
    ) -> Appended:
        limits = self._shared.limits
        if isinstance(event, Incoming):
            names = [f"r{event.ref}"] if event.ref else []
            if names and seen_before(connection, chat, names, now):
                return "repeated"
            if said(connection, chat) >= limits.spool_events:
                return "full"
            if said_in_all(connection) >= limits.spool_total:
                return "full"
            memory = int((limits.spool_hours + limits.duplicate_memory_hours) * HOUR_MS)
            remember(connection, chat, names, now, now + memory)
        put(connection, chat, event, now)
        count_outcomes(connection, "courier", accepted=1)
        return "queued"

    async def claim(self, chat: ChatKey) -> ClaimResult:
        """Claim the chat if it is due and nobody holds it."""
        shared, now = self._shared, self._shared.now()
        return await shared.database.write(
            lambda connection: claim_if_free(connection, shared, chat, now, may_claim=True)
        )

    async def settle(
        self, batch: Batch, outcome: Outcome, *, may_continue: bool = True
    ) -> ClaimResult:
        """Note how an attempt ended, and go on or give the claim up."""
        shared, now, chat = self._shared, self._shared.now(), batch.chat

        def note(connection: Connection) -> ClaimResult:
            row = chat_row(connection, chat, now)
            email = row["email"] if outcome.remove and row["email_until"] > now else ""
            if row["claimed_by"] != shared.token or str(row["ticket"]) != batch.grant:
                return ClaimResult("elsewhere", email=email)
            remove_done(connection, batch, outcome)
            if outcome.last_confirmed:
                set_columns(connection, chat, last_heard=outcome.last_confirmed)
            if outcome.last_text:
                set_columns(connection, chat, last_text=outcome.last_text, last_text_on=now)
            set_columns(
                connection, chat, claimed_by="", under_way=0, touched=now, reason=outcome.reason
            )
            if not something_waits(connection, chat):
                return rest(connection, chat, now)._replace(email=email)
            tries, since = (0, 0) if outcome.remove else (row["tries"], row["failing_since"])
            if outcome.failed:
                tries, since = tries + 1, since or now
            due = now + outcome.delay
            set_columns(
                connection,
                chat,
                unknown=outcome.unknown,
                tries=tries,
                failing_since=since,
                due=due,
                not_before=due if outcome.delay else 0,
            )
            if outcome.delay or not may_continue:
                return ClaimResult("waiting", delay=outcome.delay, email=email)
            return give(connection, shared, chat, now)._replace(email=email)

        return await shared.database.write(note)

    async def due(self, limit: int) -> list[ChatKey]:
        """Chats whose time has come, longest due first."""
        token, now = self._shared.token, self._shared.now()

        def look(connection: Connection) -> list[ChatKey]:
            rows = connection.execute(
                "SELECT name FROM chat WHERE due <= ? AND (claimed_by = '' OR (claimed_by != ?"
                " AND claimed_by NOT IN (SELECT token FROM process WHERE until > ?))"
                " OR (claimed_by = ? AND due <= ?)) ORDER BY due LIMIT ?",
                (now, token, now, token, now + claim_ms(self._shared.limits) - ABANDONED_MS, limit),
            )
            return [ChatKey.parse(name) for (name,) in rows]

        return await self._shared.database.read(look)

    async def keep_alive(self) -> str:
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
            await self._shared.database.write(lambda connection: note_alive(connection, token, now))
        return ""

    async def retire(self) -> None:
        """Whatever this process still holds may be claimed as if it had died."""
        token = self._shared.token
        await self._shared.database.write(
            lambda connection: connection.execute("DELETE FROM process WHERE token = ?", (token,))
        )
