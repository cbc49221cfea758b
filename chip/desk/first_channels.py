"""The channels that are there from the first start on, made where they are missing: one for a
website, and the front page's own."""

from collections.abc import Awaitable, Callable
from sqlite3 import Connection

from chip.desk.channels import first_channel, front_channel, insert_channel, insert_front_channel
from chip.errors import Unavailable
from chip.models import Channel
from chip.sqlite.database import SqliteDatabase


class FirstChannels:
    """`look_up` finds an active channel by its uuid."""

    def __init__(
        self, database: SqliteDatabase, look_up: Callable[[str], Awaitable[Channel | None]]
    ) -> None:
        self._database = database
        self._look_up = look_up

    async def site(self) -> Channel:
        """The oldest channel of a website."""
        return await self._found_or_made(first_channel, lambda db: insert_channel(db, "Website"))

    async def front(self) -> Channel:
        """The channel of the front page's own chat, where the guide answers."""
        return await self._found_or_made(front_channel, insert_front_channel)

    async def _found_or_made(
        self, find: Callable[[Connection], str], make: Callable[[Connection], str]
    ) -> Channel:
        uuid = await self._database.read(find)
        if not uuid:
            uuid = await self._database.write(lambda db: find(db) or make(db))
        channel = await self._look_up(uuid)
        if channel is None:
            raise Unavailable("the channel was closed meanwhile")
        return channel
