"""Finding chats and messages in RapidPro's database by what an operator knows of them.

It reads what the store reads, with the same rights.
"""

from typing import Any

from chip.errors import Unavailable
from chip.models import ChatKey, MsgName
from chip.store.found import FoundChat, FoundMessage
from chip.store.rapidpro import statements
from chip.store.rapidpro.connection import QueryFailed, Row, Statement
from chip.store.rapidpro.pool import PostgresPool


class RapidproFinder:
    """A connection that only looks. Raises ConfigError when `url` is not PostgreSQL's.

    Every method raises Unavailable, in a line for operators, when there is no answer.
    """

    def __init__(self, url: str, reactor: Any) -> None:
        self._database = PostgresPool(url, reactor, connections=1)

    async def open(self) -> None:
        """Connect."""
        await self._database.open()

    async def close(self) -> None:
        """End the connection."""
        await self._database.close()

    async def chats(self, chat_id: str) -> list[FoundChat]:
        """The contacts that have this chat, by channel; first the channel used last."""
        rows = await self._query(statements.FIND_CHAT, f"{statements.SCHEME}{chat_id}")
        return [
            FoundChat(
                ChatKey(chat_id, channel.decode()),
                int(contact),
                active == b"true",
                open_ == b"true",
            )
            for contact, active, channel, open_ in rows
        ]

    async def message(self, name: MsgName) -> FoundMessage | None:
        """The message with this id, or with this uuid."""
        if name.id is None:
            rows = await self._query(statements.FIND_MESSAGE_BY_UUID, name.uuid)
        elif name.id < statements.BIGINT:
            rows = await self._query(statements.FIND_MESSAGE_BY_ID, str(name.id))
        else:
            rows = []
        for number, uuid, direction, status, time, identity, channel in rows:
            chat = ChatKey(identity.decode().removeprefix(statements.SCHEME), channel.decode())
            return FoundMessage(
                int(number),
                uuid.decode(),
                direction.decode(),
                status.decode(),
                time.decode(),
                chat if channel and identity.startswith(statements.SCHEME.encode()) else None,
            )
        return None

    async def _query(self, statement: Statement, value: str) -> list[Row]:
        try:
            return await self._database.query(statement, value.encode())
        except QueryFailed as error:
            if error.sqlstate == statements.TOO_SLOW:
                raise Unavailable(
                    "the database takes too long to find it: releases of RapidPro before 26 have no"
                    " index on a message's uuid; ask by its id, or by the chat"
                ) from None
            raise Unavailable(f"the database refuses: {error.message}") from None
