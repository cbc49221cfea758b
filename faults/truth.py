"""What has really arrived: the rows that are there in the end, whoever was killed meanwhile."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psycopg

from chip.sqlite.files import database_path
from tests.support.courier import Courier


class Row(NamedTuple):
    """A message as the database has it. `direction` is I(n) or O(ut); `status` D(elivered),
    F(ailed)…; `at` are seconds since 1970."""

    chat: str
    text: str
    direction: str
    status: str
    name: str
    at: float


class Report(NamedTuple):
    """What Courier was told of a message by its uuid or id, and when."""

    name: str
    status: str
    at: float


class Truth(Protocol):
    """Blocks. `rows` are in the order in which they were written; `note` remembers what Courier is
    about to forget; `reports` are those that were noted."""

    reports: list[Report]

    def rows(self) -> list[Row]: ...
    def note(self) -> None: ...


class RapidproTruth:
    """RapidPro's database, and what Courier remembers of reports until it ends."""

    def __init__(self, database: str, courier: Courier) -> None:
        self.reports: list[Report] = []
        self._database = database
        self._courier = courier

    def rows(self) -> list[Row]:
        """All messages. Raises psycopg.OperationalError while the database is away."""
        query = (
            "SELECT urn.path, msg.text, msg.direction, msg.status, msg.uuid::text,"
            " extract(epoch FROM msg.created_on)::float FROM msgs_msg msg"
            " JOIN contacts_contacturn urn ON urn.id = msg.contact_urn_id ORDER BY msg.id"
        )
        with psycopg.connect(self._database, connect_timeout=5) as connection:
            return [Row(*row) for row in connection.execute(query).fetchall()]

    def note(self) -> None:
        """Remember what Courier was told, and has taken."""
        self.reports += _reports(self._courier.requests())
        self._courier.clear()


def _reports(requests: list[dict[str, Any]]) -> Iterator[Report]:
    for request in requests:
        for event, _ in zip(request["events"], request["done"], strict=False):
            if event["type"] == "msg_status":
                status = event["status"]
                yield Report(str(status["msg_uuid"]), status["status"], request["at"])


class DeskTruth:
    """The database of a Chip that runs alone. It does not say when a report came."""

    def __init__(self, data: Path) -> None:
        self.reports: list[Report] = []
        self._path = database_path(data)

    def rows(self) -> list[Row]:
        """All messages, also while Chip is dead."""
        query = (
            "SELECT chat_id, text, direction, status, uuid, message.created_on / 1e6"
            " FROM message JOIN contact ON contact.id = contact_id ORDER BY message.id"
        )
        uri = f"file:{self._path}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            return [Row(*row) for row in connection.execute(query).fetchall()]

    def note(self) -> None:
        """There is no Courier: the rows have what was reported last."""
