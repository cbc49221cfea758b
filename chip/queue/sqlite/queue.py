"""The queues on SQLite: outboxes, spool, notes and the live push of one process.

Owns how the parts are connected, and what a start recovers. The data directory's lock
says that no other process is at work, so whatever another token has claimed is a dead one's.
"""

from sqlite3 import Connection, Row

from chip.chat.ports import Balance, Balances, Depths
from chip.limits import Limits
from chip.queue.sqlite.live import SqliteLive
from chip.queue.sqlite.notes import SqliteNotes
from chip.queue.sqlite.outbox import SqliteOutbox
from chip.queue.sqlite.shared import DAY_MS, REST_MS, SqliteContext, claim_ms, note_clock
from chip.queue.sqlite.spool import SqliteSpool
from chip.sqlite.database import SqliteDatabase

_FORGET_CHATS_AFTER_MS = 180 * DAY_MS


class SqliteQueue:
    """All queues (`ports.Queue`). `token` is random and belongs to this start of the process."""

    def __init__(self, database: SqliteDatabase, limits: Limits, token: str) -> None:
        shared = SqliteContext(database, limits, token)
        self._shared = shared
        self.live = SqliteLive()
        self.spool = SqliteSpool(shared)
        self.outbox = SqliteOutbox(shared, self.live)
        self.notes = SqliteNotes(shared)

    async def open(self, *, courier_died: bool = False) -> None:
        """Free what dead processes had claimed. Called once, on an open database, before all else.

        What was under way may still be with Courier: its chats wait until it cannot be, or not at
        all with `courier_died`, when Courier is the desk of the process that has died.
        """
        now = self._shared.now()

        def recover(connection: Connection) -> None:
            note_clock(connection, self._shared)
            connection.execute("DELETE FROM process")
            for table, column, latest in (
                ("chat", "due", now + claim_ms(self._shared.limits)),
                ("chat", "not_before", now + claim_ms(self._shared.limits)),
                ("chat", "failing_since", now),
                ("chat", "last_text_on", now),
                ("outbox", "stored", now),
                ("report", "ready", now + REST_MS),
                ("spool", "stored", now),
            ):
                # The clock may have been set back meanwhile.
                connection.execute(
                    f"UPDATE {table} SET {column} = :latest WHERE {column} > :latest",  # noqa: S608
                    {"latest": latest},
                )
            if courier_died:
                connection.execute("UPDATE chat SET due = ? WHERE claimed_by != ''", (now,))
            # Nobody is connected yet, so nobody remembers a number of these chats.
            connection.execute(
                "DELETE FROM chat WHERE touched < ? AND due IS NULL"
                " AND NOT EXISTS (SELECT 1 FROM outbox WHERE chat = chat.name)",
                (now - _FORGET_CHATS_AFTER_MS,),
            )

        await self._shared.database.write(recover)

    async def depths(self) -> Depths:
        """Count what waits."""
        now = self._shared.now()

        def count(connection: Connection) -> Depths:
            chats, oldest = connection.execute(
                "SELECT count(DISTINCT chat), min(stored) FROM outbox"
            ).fetchone()
            events, first = connection.execute(
                "SELECT count(*), min(since) FROM"
                " (SELECT stored AS since FROM spool UNION ALL SELECT ready FROM report)"
            ).fetchone()
            return Depths(chats, _seconds(now, oldest), events, _seconds(now, first))

        return await self._shared.database.read(count)

    async def balances(self) -> Balances:
        """What became of everything that was ever accepted."""

        def look(connection: Connection) -> Balances:
            counted = connection.execute("SELECT * FROM balance").fetchall()
            waiting = connection.execute(
                "SELECT (SELECT count(*) FROM outbox) AS visitors,"
                " (SELECT count(*) FROM spool) + (SELECT count(*) FROM report) AS courier"
            ).fetchone()
            found = {row["way"]: _balance(row, waiting[row["way"]]) for row in counted}
            return Balances(found["visitors"], found["courier"])

        return await self._shared.database.read(look)


def _balance(row: Row, waiting: int) -> Balance:
    accepted, done, given_up = row["accepted"], row["done"], row["given_up"]
    return Balance(accepted, done, given_up, waiting, accepted - done - given_up - waiting)


def _seconds(now: int, since: int | None) -> float:
    return 0.0 if since is None else max(0, now - since) / 1000
