"""What the queues on SQLite share: the database, the limits, the time, and a chat's row."""

import time
from sqlite3 import Connection, Row
from typing import NamedTuple, cast

from chip.chat.outbound.ports import ABANDONED, REPORT_REST, claim_lasts
from chip.chat.ports import Loss
from chip.limits import Limits
from chip.models import ChatKey
from chip.sqlite.database import SqliteDatabase
from chip.tasks import BOOT_CLOCK

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
REST_MS = round(REPORT_REST * 1000)
ABANDONED_MS = ABANDONED * 1000


class SqliteContext(NamedTuple):
    """Handed to each part. `token` names this start of the process."""

    database: SqliteDatabase
    limits: Limits
    token: str

    def now(self) -> int:
        """Milliseconds since 1970 by the reactor's clock, which nobody can set."""
        return int(self.database.reactor.seconds() * 1000)


def claim_ms(limits: Limits) -> int:
    """Milliseconds that a claim lasts."""
    return round(claim_lasts(limits) * 1000)


def note_clock(connection: Connection, shared: SqliteContext) -> None:
    """Note what this process counts by, for others who look on (`clock_of_writer`)."""
    began = shared.now() - _since_boot()
    connection.execute("INSERT OR REPLACE INTO setting VALUES ('clock', ?)", (str(began),))


def clock_of_writer(connection: Connection) -> int:
    """The time in ms, as the process counts it that has the database open now."""
    row = connection.execute("SELECT value FROM setting WHERE name = 'clock'").fetchone()
    return int(row[0]) + _since_boot() if row else int(time.time() * 1000)


def _since_boot() -> int:
    return int(time.clock_gettime(BOOT_CLOCK) * 1000)


def chat_row(connection: Connection, chat: ChatKey, now: int) -> Row:
    """What the queues know of a chat, from now on if nothing yet."""
    found = find_chat(connection, chat)
    if found is None:
        connection.execute("INSERT INTO chat (name, touched) VALUES (?, ?)", (str(chat), now))
        found = find_chat(connection, chat)
    return cast(Row, found)


def find_chat(connection: Connection, chat: ChatKey) -> Row | None:
    """What the queues know of a chat, if anything."""
    row = connection.execute("SELECT * FROM chat WHERE name = ?", (str(chat),)).fetchone()
    return cast("Row | None", row)


def loss_of(connection: Connection, chat: Row | None, now: int) -> Loss | None:
    """What the chat's outbox was not filled after: that this database was made, maybe in the place
    of another one."""
    (made,) = connection.execute("SELECT value FROM setting WHERE name = 'made'").fetchone()
    if chat is not None and chat["filled"] == made:
        return None
    return Loss(made, max(0, now - int(made)))


def seen_before(connection: Connection, chat: ChatKey, names: list[str], now: int) -> bool:
    """Whether one of `names` was remembered for the chat and is not forgotten yet."""
    places = ", ".join("?" * len(names))
    query = f"SELECT 1 FROM seen WHERE chat = ? AND name IN ({places}) AND until > ?"  # noqa: S608
    return connection.execute(query, (str(chat), *names, now)).fetchone() is not None


def count_outcomes(
    connection: Connection, way: str, *, accepted: int = 0, done: int = 0, given_up: int = 0
) -> None:
    """Note what became of so many; see `ports.Balance`."""
    connection.execute(
        "UPDATE balance SET accepted = accepted + ?, done = done + ?, given_up = given_up + ?"
        " WHERE way = ?",
        (accepted, done, given_up, way),
    )


def forget(connection: Connection, chat: ChatKey, names: list[str]) -> None:
    """Remember `names` no longer."""
    connection.executemany(
        "DELETE FROM seen WHERE chat = ? AND name = ?", [(str(chat), name) for name in names]
    )


def last_seen(connection: Connection, chat: ChatKey, names: list[str], memory: int) -> int:
    """When one of `names` was last remembered for the chat, for `memory` ms; 0 for never."""
    places = ", ".join("?" * len(names))
    query = f"SELECT max(until) FROM seen WHERE chat = ? AND name IN ({places})"  # noqa: S608
    (until,) = connection.execute(query, (str(chat), *names)).fetchone()
    return int(until) - memory if until is not None else 0


def remember(connection: Connection, chat: ChatKey, names: list[str], now: int, until: int) -> None:
    """Remember `names` for the chat, and forget a few whose time is over, of whatever chat."""
    connection.execute(
        "DELETE FROM seen WHERE (chat, name) IN"
        " (SELECT chat, name FROM seen WHERE until <= ? LIMIT 8)",
        (now,),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO seen (chat, name, until) VALUES (?, ?, ?)",
        [(str(chat), name, until) for name in names],
    )
