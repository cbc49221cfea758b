"""What the desk knows about when a website is answered: its settings, and how long answers took.

Owns the measure. A visitor asks by the first message that no person has answered yet, and is
answered by the next one of a person; the guide does not count.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from sqlite3 import Connection, Row
from statistics import median
from typing import Final, NamedTuple

from chip.desk.hours import opening
from chip.models import Availability
from chip.sqlite.database import SqliteDatabase

MEASURED_EVERY: Final = 60.0
"""Seconds for which an answer is remembered: a change of the settings counts after that."""
MOST_REMEMBERED: Final = 1000
"""Channels whose answer is remembered."""
DAYS_MEASURED: Final = 30
"""Days back from now in which the messages lie that it is measured on."""
CONVERSATIONS: Final = 100
"""The newest ones, of which it is measured."""
MESSAGES: Final = 50
"""The newest ones of each."""
MOST_ANSWERS: Final = 50
"""The newest answers, of which the median is taken."""
FEWEST_ANSWERS: Final = 5
"""Of fewer answers nothing is said."""

_MICROSECONDS: Final = 1_000_000


class Answered(NamedTuple):
    """When a visitor asked, and when he was answered; microseconds since 1970."""

    asked: int
    answered: int


class Availabilities:
    """`seconds` is a clock that only goes forward, `now` the time of day."""

    def __init__(
        self, database: SqliteDatabase, seconds: Callable[[], float], now: Callable[[], float]
    ) -> None:
        self._database = database
        self._seconds = seconds
        self._now = now
        self._known: OrderedDict[str, tuple[float, Availability]] = OrderedDict()

    async def of(self, channel: str) -> Availability:
        """What is known about an active channel. Raises Unavailable."""
        known = self._known.get(channel)
        if known:
            if self._seconds() - known[0] < MEASURED_EVERY:
                return known[1]
            # Whoever else asks meanwhile gets what was known.
            self._known[channel] = (self._seconds(), known[1])
        since = int((self._now() - DAYS_MEASURED * 86_400) * _MICROSECONDS)
        found = await self._database.read(lambda db: _look(db, channel, since), background=True)
        self._known[channel] = (self._seconds(), found)
        self._known.move_to_end(channel)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return found


def _look(db: Connection, channel: str, since: int) -> Availability:
    row = db.execute(
        "SELECT hours, zone, available, away FROM channel WHERE uuid = ?", (channel,)
    ).fetchone()
    is_open = opening(row["hours"], row["zone"]) if row["hours"] else None
    newest = sorted(_answers(db, channel, since), key=lambda pair: pair.answered, reverse=True)
    counted = (
        (pair.answered - pair.asked) / _MICROSECONDS
        for pair in newest
        if is_open is None or is_open(datetime.fromtimestamp(pair.asked / _MICROSECONDS, UTC))
    )
    waits = list(islice(counted, MOST_ANSWERS))
    usually = max(1, round(median(waits))) if len(waits) >= FEWEST_ANSWERS else 0
    return Availability(**row, usually=usually)


def _answers(db: Connection, channel: str, since: int) -> Iterator[Answered]:
    conversations = db.execute(
        "SELECT id FROM contact WHERE channel_uuid = ? AND active_on > ?"
        " ORDER BY active_on DESC LIMIT ?",
        (channel, since, CONVERSATIONS),
    ).fetchall()
    for conversation in conversations:
        messages = db.execute(
            "SELECT direction, user_id, created_on FROM message"
            " WHERE contact_id = ? AND created_on > ? ORDER BY created_on DESC LIMIT ?",
            (conversation["id"], since, MESSAGES),
        ).fetchall()
        yield from _pairs(reversed(messages))


def _pairs(messages: Iterator[Row]) -> Iterator[Answered]:
    asked: int | None = None
    for message in messages:
        if message["direction"] == "I":
            asked = message["created_on"] if asked is None else asked
        elif message["user_id"] is not None and asked is not None:
            yield Answered(asked, message["created_on"])
            asked = None
