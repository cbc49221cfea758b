"""Finding chats and messages in RapidPro's database by what an operator knows of them.

It reads what the store reads, with the same rights.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chip.errors import Unavailable
from chip.models import ChatKey, MsgName
from chip.store.found import FoundChat, FoundMessage
from chip.store.rapidpro import statements
from chip.store.rapidpro.channel_ids import external_channel
from chip.store.rapidpro.connection import QueryFailed, Row, Statement
from chip.store.rapidpro.listing import JudgedChannel, judged_channels
from chip.store.rapidpro.pool import PostgresPool


class RapidproFinder:
    """A connection that only looks. Raises ConfigError when `url` is not PostgreSQL's.

    `external_ids` maps public ids that were chosen to the External channels that have them. Every
    method raises Unavailable, in a line for operators, when there is no answer.
    """

    def __init__(self, url: str, reactor: Any, external_ids: Mapping[str, str]) -> None:
        self._database = PostgresPool(url, reactor, connections=1)
        self._external_ids = external_ids
        self._chosen = {external_uuid: uuid for uuid, external_uuid in external_ids.items()}

    async def open(self) -> None:
        """Connect."""
        await self._database.open()

    async def close(self) -> None:
        """End the connection."""
        await self._database.close()

    async def channels(self) -> list[JudgedChannel]:
        """The active channels, oldest first."""
        return await judged_channels(self._query, self._external_ids)

    async def chats(self, chat_id: str) -> list[FoundChat]:
        """The contacts that have this chat, by channel; first the channel used last."""
        rows = await self._query(statements.FIND_CHAT, f"{statements.SCHEME}{chat_id}")
        found: dict[ChatKey, FoundChat] = {}
        for contact, active, open_, *channel in rows:
            uuid = self._channel(channel)
            chat = ChatKey(chat_id, uuid)
            one = FoundChat(chat, int(contact), active == b"true", open_ == b"true")
            # Two channels have one id where an External one has that of the CHP channel before.
            if uuid and (chat not in found or one.channel_is_active):
                found[chat] = one
        return list(found.values())

    async def message(self, name: MsgName) -> FoundMessage | None:
        """The message with this id, or with this uuid."""
        if name.id is None:
            rows = await self._query(statements.FIND_MESSAGE_BY_UUID, name.uuid)
        elif name.id < statements.BIGINT:
            rows = await self._query(statements.FIND_MESSAGE_BY_ID, str(name.id))
        else:
            rows = []
        for number, uuid, direction, status, time, identity, *channel in rows:
            chat_id = identity.decode().removeprefix(statements.SCHEME)
            channel_uuid = self._channel(channel)
            is_of_a_chat = channel_uuid and identity.startswith(statements.SCHEME.encode())
            return FoundMessage(
                int(number),
                uuid.decode(),
                direction.decode(),
                status.decode(),
                time.decode(),
                ChatKey(chat_id, channel_uuid) if is_of_a_chat else None,
            )
        return None

    def _channel(self, columns: Sequence[bytes]) -> str:
        """What pages call the channel; ``""`` when it is none of ours."""
        type_, uuid, authorization = [column.decode() for column in columns]
        if type_ != "EX":
            return uuid
        channel = external_channel(uuid, 0, authorization, self._chosen)
        return channel.uuid if channel else ""

    async def _query(self, statement: Statement, *values: str) -> list[Row]:
        try:
            return await self._database.query(statement, *[value.encode() for value in values])
        except QueryFailed as error:
            if error.sqlstate == statements.TOO_SLOW:
                raise Unavailable(
                    "the database takes too long to find it: releases of RapidPro before 26 have no"
                    " index on a message's uuid; ask by its id, or by the chat"
                ) from None
            raise Unavailable(f"the database refuses: {error.message}") from None
