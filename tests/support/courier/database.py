"""RapidPro's database as Courier writes it: contacts, what visitors said, what became of messages.

Owns the SQL and the connections; knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import select
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import psycopg

from tests.support.rapidpro.tables import COLUMNS, Tables

_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Channel:
    id: int
    org: int
    uuid: str
    kind: str
    address: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def secret(self) -> str | None:
        return self.config.get("secret")


@dataclass(frozen=True, slots=True)
class Urn:
    id: int
    contact: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    id: int
    uuid: str


class Named(NamedTuple):
    """A message by its id, or else by its uuid, on a channel."""

    channel: int
    id: int | None
    uuid: str | None


class Backend(Protocol):
    """What the stand-in Courier needs of a database. Failures are psycopg.Error."""

    async def channel(self, address: str) -> Channel | None: ...
    async def urn(self, channel: Channel, chat: str, new: bool = False) -> Urn: ...
    async def has_contact(self, channel: Channel, chat: str) -> bool: ...
    async def bind(self, channel: Channel, urn: Urn) -> None: ...
    async def stop(self, urn: Urn) -> None: ...
    async def incoming(self, channel: Channel, urn: Urn, text: str, **columns: Any) -> str: ...
    async def outgoing(self, channel: Channel, chat: str, **columns: Any) -> Outgoing: ...
    async def row_of(self, message: Named) -> Named: ...
    async def chat_of(self, message: Named) -> str: ...
    async def set_status(self, message: Named, status: str) -> None: ...


class Memory:
    """No database at all: every channel exists, with the one secret, and nothing is kept."""

    def __init__(self, secret: str | None) -> None:
        self._secret = secret
        self._numbers = itertools.count(1)
        self._urns: dict[str, Urn] = {}

    async def channel(self, address: str) -> Channel | None:
        return Channel(1, 1, address, "", config={"secret": self._secret})

    async def urn(self, channel: Channel, chat: str, new: bool = False) -> Urn:
        if chat not in self._urns:
            number = next(self._numbers)
            self._urns[chat] = Urn(number, number)
        return self._urns[chat]

    async def has_contact(self, channel: Channel, chat: str) -> bool:
        return chat in self._urns

    async def bind(self, channel: Channel, urn: Urn) -> None:
        """Nothing is kept."""

    async def stop(self, urn: Urn) -> None:
        """Nothing is kept."""

    async def incoming(self, channel: Channel, urn: Urn, text: str, **columns: Any) -> str:
        return str(columns.get("uuid") or uuid.uuid4())

    async def outgoing(self, channel: Channel, chat: str, **columns: Any) -> Outgoing:
        return Outgoing(next(self._numbers), str(uuid.uuid4()))

    async def row_of(self, message: Named) -> Named:
        return message

    async def chat_of(self, message: Named) -> str:
        return ""

    async def set_status(self, message: Named, status: str) -> None:
        """Nothing is kept."""


class Database:
    """A RapidPro database of any release.

    With `messages` False, contacts are made, but rows of messages are not written and channels
    and contacts are looked up once: a benchmark does not want to measure Courier.
    """

    def __init__(self, url: str, messages: bool = True) -> None:
        self._url = url
        self._messages = messages
        self._pool: asyncio.LifoQueue[psycopg.AsyncConnection[Any] | None] = asyncio.LifoQueue()
        for _ in range(_CONNECTIONS):
            self._pool.put_nowait(None)
        self._tables: Tables | None = None
        self._channels: dict[str, Channel] = {}
        self._urns: dict[tuple[int, str], Urn] = {}
        self._numbers = itertools.count(1_000_000)

    # Looking things up.

    async def channel(self, address: str) -> Channel | None:
        if found := self._channels.get(address):
            return found
        rows = await self._run(
            "SELECT id, org_id, uuid::text, channel_type, address, config FROM channels_channel"
            " WHERE uuid::text = %s AND is_active",
            (address,),
        )
        if not rows:
            return None
        channel = Channel(*rows[0])
        if not self._messages:
            self._channels[address] = channel
        return channel

    async def urn(self, channel: Channel, chat: str, new: bool = False) -> Urn:
        """Return the visitor's URN, made together with a contact if there is none.

        `new` says that there hardly is one, which saves the look.
        """
        key = (channel.org, chat)
        if found := self._urns.get(key):
            return found
        urn = None if new else await self._find_urn(channel, chat)
        if urn is None:
            try:
                urn = await self._make_contact(channel, chat)
            except psycopg.errors.UniqueViolation:
                # It is there after all, or another request of the same visitor was quicker.
                urn = await self._find_urn(channel, chat)
                assert urn
        if not self._messages:
            self._urns[key] = urn
        return urn

    async def has_contact(self, channel: Channel, chat: str) -> bool:
        """Tell whether the visitor is known in the channel's workspace."""
        return await self._find_urn(channel, chat) is not None

    async def _find_urn(self, channel: Channel, chat: str) -> Urn | None:
        rows = await self._run(
            "SELECT id, contact_id FROM contacts_contacturn WHERE org_id = %s AND identity = %s",
            (channel.org, f"webchat:{chat}"),
        )
        return Urn(*rows[0]) if rows else None

    async def _make_contact(self, channel: Channel, chat: str) -> Urn:
        tables = await self._known_tables()
        contact = tables.row("contacts_contact", org_id=channel.org)
        urn = tables.row(
            "contacts_contacturn",
            identity=f"webchat:{chat}",
            path=chat,
            org_id=channel.org,
            channel_id=channel.id,
        )
        # One statement, so that nobody ever sees a contact without its URN.
        names = ", ".join(urn)
        places = ", ".join(f"%(urn_{name})s" for name in urn)
        rows = await self._run(
            f"WITH contact AS ({Tables.insert('contacts_contact', contact)})"
            f" INSERT INTO contacts_contacturn ({names}, contact_id)"
            f" SELECT {places}, id FROM contact RETURNING id, contact_id",
            contact | {f"urn_{name}": value for name, value in urn.items()},
        )
        return Urn(*rows[0])

    # Writing.

    async def bind(self, channel: Channel, urn: Urn) -> None:
        """The visitor is heard on this channel, which wipes the e-mail out of his URN."""
        if self._messages:
            await self._run(
                "UPDATE contacts_contacturn SET display = NULL, channel_id = %s WHERE id = %s"
                " AND (display IS NOT NULL OR channel_id IS DISTINCT FROM %s)",
                (channel.id, urn.id, channel.id),
            )

    async def stop(self, urn: Urn) -> None:
        """The visitor wants to hear nothing more."""
        await self._run("UPDATE contacts_contact SET status = 'S' WHERE id = %s", (urn.contact,))

    async def incoming(self, channel: Channel, urn: Urn, text: str, **columns: Any) -> str:
        """Record what a visitor said; return its uuid."""
        address = str(columns.setdefault("uuid", str(uuid.uuid4())))
        if self._messages:
            await self._insert_message(
                channel, urn, text=text, direction="I", status="P", **columns
            )
        return address

    async def row_of(self, message: Named) -> Named:
        """The same message by its id, if there is one."""
        if message.id is not None or not self._messages:
            return message
        rows = await self._run(
            "SELECT id FROM msgs_msg WHERE uuid = %s AND channel_id = %s AND direction = 'O'",
            (message.uuid, message.channel),
        )
        return Named(message.channel, rows[0][0], None) if rows else message

    async def chat_of(self, message: Named) -> str:
        """Return the chat id of whoever an outgoing message is for, empty when there is none."""
        if not self._messages:
            return ""
        rows = await self._run(
            "SELECT urn.path FROM msgs_msg JOIN contacts_contacturn urn ON urn.id = contact_urn_id"
            f" WHERE msgs_msg.{'uuid' if message.id is None else 'id'} = %s AND direction = 'O'",
            (message.uuid if message.id is None else message.id,),
        )
        return rows[0][0] if rows else ""

    async def set_status(self, message: Named, status: str) -> None:
        """Set what became of an outgoing message; one that is not there is passed over. Courier's
        own `wired` goes over whatever was there before; the third error is a failure."""
        if not self._messages:
            return
        by_id = message.id is not None
        await self._run(
            "UPDATE msgs_msg SET modified_on = now(),"
            " status = CASE WHEN %(new)s = 'E' AND error_count >= 2 THEN 'F' ELSE %(new)s END,"
            " failed_reason = CASE WHEN %(new)s = 'E' AND error_count >= 2 THEN 'E'"
            " ELSE failed_reason END,"
            " error_count = error_count + CASE WHEN %(new)s = 'E' THEN 1 ELSE 0 END,"
            " sent_on = CASE WHEN %(new)s IN ('W', 'S', 'D') THEN coalesce(sent_on, now())"
            " ELSE sent_on END"
            f" WHERE {'id' if by_id else 'uuid'} = %(name)s AND channel_id = %(channel)s"
            " AND direction = 'O'",
            {
                "new": status,
                "name": message.id if by_id else message.uuid,
                "channel": message.channel,
            },
        )

    async def outgoing(self, channel: Channel, chat: str, **columns: Any) -> Outgoing:
        """Record what RapidPro wants to say to a visitor."""
        if not self._messages:
            return Outgoing(next(self._numbers), str(uuid.uuid4()))
        urn = await self.urn(channel, chat)
        tables = await self._known_tables()
        columns |= tables.quick_replies(columns.pop("quick_replies", ()))
        columns |= tables.ticket(columns.pop("ticket", False))
        address = columns.setdefault("uuid", str(uuid.uuid4()))
        number = await self._insert_message(channel, urn, direction="O", status="Q", **columns)
        return Outgoing(number, address)

    async def _insert_message(self, channel: Channel, urn: Urn, **columns: Any) -> int:
        tables = await self._known_tables()
        row = tables.row(
            "msgs_msg",
            org_id=channel.org,
            channel_id=channel.id,
            contact_id=urn.contact,
            contact_urn_id=urn.id,
            **columns,
        )
        rows = await self._run(Tables.insert("msgs_msg", row), row)
        return int(rows[0][0])

    # Connections.

    async def _known_tables(self) -> Tables:
        if self._tables is None:
            self._tables = Tables(await self._run(COLUMNS))
        return self._tables

    async def _run(
        self, query: str, parameters: Sequence[Any] | dict[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        async with self._connection() as connection:
            cursor = await connection.execute(query, parameters)  # type: ignore[arg-type]
            return await cursor.fetchall() if cursor.description else []

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        connection = await self._pool.get()
        try:
            if connection is None or connection.closed or _stale(connection):
                connection = await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=5
                )
            yield connection
        finally:
            self._pool.put_nowait(connection)


def _stale(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Tell whether the server has said something to an idle connection: goodbye, as a rule."""
    return bool(select.select([connection.fileno()], [], [], 0)[0])
