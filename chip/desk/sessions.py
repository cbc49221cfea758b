"""Browsers that have been let in at the desk.

Owns what a browser's cookie is worth: it is random, kept only as a digest, good for so many days,
and ends when its browser signs out. Sessions are in the database, so they outlive a restart.
"""

import hashlib
import secrets
from collections.abc import Callable
from sqlite3 import Connection
from typing import Final

from chip.sqlite.database import SqliteDatabase

SESSION_DAYS: Final = 30
"""Days for which a browser stays let in."""
MOST_SESSIONS: Final = 200
"""Sessions that are kept; beyond that the oldest end."""


class Sessions:
    """The sessions that began under one configured token, which `label` stands for: another token
    ends them all. `seconds` tells the time."""

    def __init__(self, database: SqliteDatabase, label: str, seconds: Callable[[], float]) -> None:
        self._database = database
        self._label = label
        self._seconds = seconds
        # By the digest of the cookie, until when it is good; in the order of their beginning.
        self._good: dict[str, int] = {}

    async def load(self) -> None:
        """Take up the sessions that an earlier start has left, and forget those that are over."""
        now, label = int(self._seconds()), self._label

        def look(connection: Connection) -> dict[str, int]:
            connection.execute(
                "DELETE FROM desk_session WHERE until <= ? OR label != ?", (now, label)
            )
            rows = connection.execute("SELECT digest, until FROM desk_session ORDER BY until")
            return dict(tuple(row) for row in rows)

        self._good = await self._database.write(look)

    async def begin(self) -> str:
        """A new session's cookie."""
        cookie = secrets.token_urlsafe(32)
        digest, until = _digest(cookie), int(self._seconds()) + SESSION_DAYS * 86_400
        over = list(self._good)[: max(0, len(self._good) + 1 - MOST_SESSIONS)]

        def note(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO desk_session (digest, label, until) VALUES (?, ?, ?)",
                (digest, self._label, until),
            )
            connection.executemany(
                "DELETE FROM desk_session WHERE digest = ?", [(one,) for one in over]
            )

        await self._database.write(note)
        self._good[digest] = until
        for one in over:
            self._good.pop(one, None)
        return cookie

    def is_good(self, cookie: str) -> bool:
        """Whether this cookie lets its browser in. What is looked up is a digest, so how long that
        takes says nothing about cookies."""
        return self._good.get(_digest(cookie), 0) > self._seconds()

    async def end(self, cookie: str) -> None:
        """This browser has signed out. In memory at once, so that it ends whatever else fails."""
        digest = _digest(cookie)
        self._good.pop(digest, None)
        await self._database.write(
            lambda connection: connection.execute(
                "DELETE FROM desk_session WHERE digest = ?", (digest,)
            )
        )


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
