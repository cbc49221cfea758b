"""How a row of RapidPro's looks in whichever release made the database.

Owns the defaults that RapidPro itself would fill in; knows no connection, so that the stand-in
Courier and the tests can share it.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COLUMNS = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = current_schema()"
)

QuickReply = str | tuple[str, str]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _dated() -> dict[str, Any]:
    now = _now()
    return {"is_active": True, "created_on": now, "modified_on": now, "uuid": str(uuid.uuid4())}


# What must stand in a row besides what a caller says about it. Columns that a release does not
# have are left out.
_DEFAULTS: dict[str, Mapping[str, Any]] = {
    "orgs_org": {
        "name": "Test",
        "timezone": "UTC",
        "date_format": "D",
        "flow_languages": ["eng"],
        "input_collation": "default",
        "config": "{}",
        "features": [],
        "limits": "{}",
        "api_rates": "{}",
        "is_anon": False,
        "is_flagged": False,
        "is_suspended": False,
    },
    "channels_channel": {
        "is_system": False,
        "channel_type": "CHP",
        "name": "Website",
        "config": "{}",
        "schemes": ["webchat"],
        "role": "SR",
        "log_policy": "A",
        "is_enabled": True,
    },
    "contacts_contact": {"status": "A", "ticket_count": 0},
    "contacts_contacturn": {"scheme": "webchat", "priority": 1000},
    "users_user": {
        "password": "!",
        "is_superuser": False,
        "is_staff": False,
        "is_system": False,
        "first_name": "",
        "last_name": "",
        "language": "en-us",
        "settings": "{}",
    },
    "msgs_msg": {
        "msg_type": "T",
        "visibility": "V",
        "is_android": False,
        "msg_count": 1,
        "error_count": 0,
    },
}


class Tables:
    """The columns of one database, by table."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self.columns: dict[str, set[str]] = {}
        for table, column in rows:
            self.columns.setdefault(table, set()).add(column)

    def row(self, table: str, **values: Any) -> dict[str, Any]:
        """Return a complete row. A value for a column that does not exist is a KeyError."""
        columns = self.columns[table]
        if unknown := values.keys() - columns:
            raise KeyError(f"{table} has no {', '.join(sorted(unknown))} in this release")
        defaults = {**_dated(), **_DEFAULTS[table]}
        if table == "users_user":
            defaults["date_joined"] = defaults["created_on"]
        return {key: value for key, value in defaults.items() if key in columns} | values

    @staticmethod
    def insert(table: str, row: Iterable[str], returning: str = "id") -> str:
        """Return the statement that takes such a row by name."""
        names = list(row)
        places = ", ".join(f"%({name})s" for name in names)
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places}) RETURNING {returning}"

    def quick_replies(self, replies: Sequence[QuickReply]) -> dict[str, Any]:
        """Return the column and value that hold these; an entry may be (text, extra)."""
        if not replies:
            return {}
        pairs = [(entry, "") if isinstance(entry, str) else entry for entry in replies]
        if "quickreplies" in self.columns["msgs_msg"]:
            entries = [
                {"type": "text", "text": text} | ({"extra": extra} if extra else {})
                for text, extra in pairs
            ]
            return {"quickreplies": json.dumps(entries)}
        return {"quick_replies": [f"{text}\n{extra}" if extra else text for text, extra in pairs]}

    def ticket(self, ticket: bool | int | uuid.UUID) -> dict[str, Any]:
        """Return the column and value for a ticket; True stands for some ticket."""
        if ticket is False:
            return {}
        if isinstance(ticket, uuid.UUID):
            return {"ticket_uuid": ticket}
        if ticket is True and "ticket_uuid" in self.columns["msgs_msg"]:
            return {"ticket_uuid": uuid.uuid4()}
        return {"ticket_id": int(ticket)}
