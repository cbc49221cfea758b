"""RapidPro, as far as a webchat server can see it: rows in its database, put there by hand.

Owns filling the tables and looking things up in them, in any release.
"""

from __future__ import annotations

import datetime
import itertools
import json
import secrets
import string
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from .tables import COLUMNS, QuickReply, Tables

# What an operator is told to write into RapidPro's form.
EXTERNAL_BODY = "id={{id}}&to={{to}}&text={{text}}&channel={{channel}}{{quick_replies}}"
_numbers = itertools.count(1)


def chat_id() -> str:
    """Return 24 random letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))


@dataclass(frozen=True, slots=True)
class Channel:
    id: int
    org: int
    uuid: str
    secret: str


@dataclass(frozen=True, slots=True)
class Contact:
    id: int
    org: int
    urn: int
    chat_id: str


@dataclass(frozen=True, slots=True)
class User:
    id: int
    email: str
    first_name: str
    last_name: str
    avatar: str | None


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    uuid: str
    text: str
    created_on: datetime.datetime


class Rapidpro:
    """A RapidPro database, of whichever release, open for writing."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.tables = Tables(connection.execute(COLUMNS).fetchall())
        self._admin = self.user(f"admin-{_uuid()}@rapidpro.example").id

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect to a database; every statement is committed."""
        return cls(psycopg.connect(url, autocommit=True, connect_timeout=5))

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    # Putting things there.

    def org(self, name: str = "Test") -> int:
        """Make a workspace and return its id."""
        return self._insert("orgs_org", name=name, **self._made_by())

    def channel(
        self,
        org: int,
        *,
        secret: str | None = "sesame",
        active: bool = True,
        type: str = "CHP",
        uuid: str | None = None,
        config: dict[str, Any] | None = None,
    ) -> Channel:
        """Make a channel. `secret` None leaves it without one; `config` replaces it whole."""
        address = uuid or _uuid()
        if config is None:
            config = {} if secret is None else {"secret": secret}
        number = self._insert(
            "channels_channel",
            uuid=address,
            org_id=org,
            channel_type=type,
            is_active=active,
            config=json.dumps(config),
            **self._made_by(),
        )
        return Channel(number, org, address, secret or "")

    def external_channel(
        self,
        org: int,
        *,
        send_url: str = "https://chat.example.org/wc/external",
        authorization: str = "Bearer sesame",
        max_length: int = 6400,
        method: str = "POST",
        content_type: str = "urlencoded",
        body: str = EXTERNAL_BODY,
        response_check: str = "queued",
        address: str = "chat.example.org",
        active: bool = True,
        uuid: str | None = None,
        **config: Any,
    ) -> Channel:
        """Make an External channel as RapidPro's form does; its `secret` is the authorization.

        `config` holds further keys, such as `headers`.
        """
        config |= {
            "send_url": send_url,
            "method": method,
            "content_type": content_type,
            "body": body,
            "max_length": max_length,
            "encoding": "D",
            "send_authorization": authorization,
            "mt_response_check": response_check,
        }
        made = self.channel(org, type="EX", active=active, uuid=uuid, config=config)
        self.update("channels_channel", made.id, address=address, name=address)
        return replace(made, secret=authorization)

    def contact(
        self, org: int, chat: str | None = None, email: str | None = None, **columns: Any
    ) -> Contact:
        """Make a contact with a webchat URN; `chat` None invents the chat id."""
        path = chat or chat_id()
        number = self._insert("contacts_contact", org_id=org, **columns)
        urn = self.urn(number, org, f"webchat:{path}", display=email)
        return Contact(number, org, urn, path)

    def urn(self, contact: int, org: int, identity: str, **columns: Any) -> int:
        """Give a contact one more URN, such as `tel:+250788123123`; return its id."""
        scheme, path = identity.split(":", 1)
        return self._insert(
            "contacts_contacturn",
            identity=identity,
            scheme=scheme,
            path=path,
            contact_id=contact,
            org_id=org,
            **columns,
        )

    def user(
        self,
        email: str = "",
        first: str = "",
        last: str = "",
        avatar: str | None = None,
        active: bool = True,
    ) -> User:
        """Make somebody who can answer visitors."""
        email = email or f"agent{next(_numbers)}@rapidpro.example"
        number = self._insert(
            "users_user",
            email=email,
            first_name=first,
            last_name=last,
            avatar=avatar,
            is_active=active,
        )
        return User(number, email, first, last, avatar)

    def incoming(
        self,
        contact: Contact,
        text: str = "hello",
        *,
        channel: Channel,
        created_on: datetime.datetime | None = None,
        attachments: Sequence[str] = (),
        **columns: Any,
    ) -> Message:
        """Record what a visitor said."""
        return self._message(
            contact, "I", text, channel, created_on, attachments, {"status": "H", **columns}
        )

    def outgoing(
        self,
        contact: Contact,
        text: str = "hi",
        *,
        channel: Channel,
        created_on: datetime.datetime | None = None,
        attachments: Sequence[str] = (),
        quick_replies: Sequence[QuickReply] = (),
        flow: bool = False,
        broadcast: bool = False,
        ticket: bool | int | uuid.UUID = False,
        user: User | None = None,
        **columns: Any,
    ) -> Message:
        """Record what was said to a visitor. `ticket` may be an id or a uuid of its own."""
        columns |= self.tables.quick_replies(quick_replies) | self.tables.ticket(ticket)
        if flow:
            columns["flow_id"] = next(_numbers)
        if broadcast:
            columns["broadcast_id"] = next(_numbers)
        if user:
            columns["created_by_id"] = user.id
        return self._message(
            contact, "O", text, channel, created_on, attachments, {"status": "Q", **columns}
        )

    def _message(
        self,
        contact: Contact,
        direction: str,
        text: str,
        channel: Channel,
        created_on: datetime.datetime | None,
        attachments: Sequence[str],
        columns: dict[str, Any],
    ) -> Message:
        when = created_on or datetime.datetime.now(datetime.UTC)
        address = _uuid()
        row = {
            "uuid": address,
            "text": text,
            "direction": direction,
            "created_on": when,
            "modified_on": when,
            "attachments": list(attachments) or None,
            "org_id": contact.org,
            "contact_id": contact.id,
            "contact_urn_id": contact.urn,
            "channel_id": channel.id,
            **columns,
        }
        if row["status"] in "WSDR":
            row.setdefault("sent_on", when)
        number = self._insert("msgs_msg", **row)
        return Message(number, str(row["uuid"]), text, when)

    def _made_by(self) -> dict[str, int]:
        return {"created_by_id": self._admin, "modified_by_id": self._admin}

    def _insert(self, table: str, **values: Any) -> int:
        row = self.tables.row(table, **values)
        found = self.connection.execute(Tables.insert(table, row), row).fetchone()
        assert found
        return int(found[0])

    # Changing and looking.

    def update(self, table: str, id: int, **columns: Any) -> None:
        """Change columns of one row."""
        changes = ", ".join(f"{name} = %({name})s" for name in columns)
        self.connection.execute(
            f"UPDATE {table} SET {changes} WHERE id = %(id)s", {**columns, "id": id}
        )

    def change_config(self, channel: Channel, **keys: Any) -> None:
        """Change keys of a channel's config by SQL, the only way for an External one."""
        self.connection.execute(
            "UPDATE channels_channel SET config = config || %s WHERE id = %s",
            (json.dumps(keys), channel.id),
        )

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Return the rows of a query, as dictionaries."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, parameters).fetchall()

    def find_contact(self, org: int, chat: str) -> Contact | None:
        """Return the contact with this chat id, if there is one."""
        for row in self.rows(
            "SELECT * FROM contacts_contacturn WHERE org_id = %s AND identity = %s",
            org,
            f"webchat:{chat}",
        ):
            return Contact(row["contact_id"], org, row["id"], chat)
        return None

    def email(self, contact: Contact) -> str | None:
        """Return what stands in `display` of the contact's URN."""
        query = "SELECT display FROM contacts_contacturn WHERE id = %s"
        return self.rows(query, contact.urn)[0]["display"]

    def messages(self, contact: Contact, direction: str = "I") -> list[dict[str, Any]]:
        """Return a chat's messages, oldest first."""
        return self.rows(
            "SELECT * FROM msgs_msg WHERE contact_urn_id = %s AND direction = %s ORDER BY id",
            contact.urn,
            direction,
        )

    def status(self, message: Message | int) -> str:
        """Return a message's status: Q(ueued), W(ired), D(elivered), F(ailed), E(rrored)…"""
        number = message if isinstance(message, int) else message.id
        return str(self.rows("SELECT status FROM msgs_msg WHERE id = %s", number)[0]["status"])


def _uuid() -> str:
    return str(uuid.uuid4())
