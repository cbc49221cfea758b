"""``twistd chip inspect``: what became of a message, and what waits for a chat.

    message ──▶ its row ──▶ its chat ──▶ the chat's outbox and spool
    chat ─────────────────────▲

It changes nothing and works beside running Chips. Where the database or the queues do not answer,
what the other knows is told all the same. Owns the order of the questions.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from chip.app.inspect.lines import contact_lines, message_lines, queue_lines, whereabouts
from chip.app.inspect.queues_and_records import Queues, Records, Source, queues_of, records_of
from chip.app.inspect.wanted import WantedChat, parse_wanted
from chip.config.schema import Config
from chip.errors import ChipError
from chip.models import ChatKey, MsgName
from chip.queue.snapshot import ChatSnapshot
from chip.store.found import FoundChat

_Say = Callable[[str], object]
T = TypeVar("T")


async def inspect_wanted(config: Config, reactor: Any, wanted: str, say: _Say) -> bool:
    """`say` what is known of what is `wanted`, line by line; return whether anything is.

    Raises ChipError, after what could be told, when something could not be asked.
    """
    asked = parse_wanted(wanted)
    queues, records = queues_of(config, reactor), records_of(config, reactor)
    troubles: list[ChipError] = []
    async with opened(queues, troubles) as queues_open, opened(records, troubles) as records_open:
        inspection = Inspection(
            queues if queues_open else None, records if records_open else None, say, troubles
        )
        found = await (
            inspection.chat(asked) if isinstance(asked, WantedChat) else inspection.message(asked)
        )
    if troubles:
        raise troubles[0]
    return found


@asynccontextmanager
async def opened(source: Source, troubles: list[ChipError]) -> AsyncIterator[bool]:
    """Whether the source could be opened; if not, `troubles` has the reason."""
    try:
        await source.open()
    except ChipError as error:
        troubles.append(error)
        yield False
        return
    try:
        yield True
    finally:
        await source.close()


class Inspection:
    """Asks those sources that could be opened. What one refuses goes to `troubles`."""

    def __init__(
        self,
        queues: Queues | None,
        records: Records | None,
        say: _Say,
        troubles: list[ChipError],
    ) -> None:
        self._queues = queues
        self._records = records
        self._say_line = say
        self._troubles = troubles

    async def message(self, name: MsgName) -> bool:
        """Tell of a message. Whether there is one."""
        found = await self._ask(self._records.message(name), None) if self._records else None
        if found is None:
            return False
        self._say(message_lines(found))
        if found.chat:
            seen = await self._take(found.chat)
            if seen:
                self._say([whereabouts(found, seen)])
            await self._tell(found.chat, seen)
        return True

    async def chat(self, wanted: WantedChat) -> bool:
        """Tell of a chat. Whether there is one."""
        keys = dict.fromkeys(await self._keys(wanted))
        told = [await self._tell(key, await self._take(key)) for key in keys]
        return any(told)

    async def _keys(self, wanted: WantedChat) -> list[ChatKey]:
        """The chats that are meant: those for which something waits, then others."""
        if wanted.is_whole and wanted.channel:
            return [ChatKey(wanted.chat_id, wanted.channel)]
        keys: list[ChatKey] = []
        if self._queues:
            keys += await self._ask(self._queues.waiting(wanted.chat_id, wanted.channel), [])
        if wanted.is_whole:
            found = await self._chats(wanted.chat_id) or []
            # Of a workspace's channels the one that the chat used last.
            keys += [one.chat for one in found[:1]]
        return keys

    async def _tell(self, chat: ChatKey, seen: ChatSnapshot | None) -> bool:
        chats = await self._chats(chat.chat_id)
        found = [one for one in chats or () if one.chat == chat]
        if not found and (seen is None or seen.is_empty):
            return False
        if chats is not None:
            self._say(contact_lines(chat, found[0] if found else None))
        if seen:
            self._say(queue_lines(seen))
        return True

    async def _take(self, chat: ChatKey) -> ChatSnapshot | None:
        return await self._ask(self._queues.take(chat), None) if self._queues else None

    async def _chats(self, chat_id: str) -> list[FoundChat] | None:
        return await self._ask(self._records.chats(chat_id), None) if self._records else None

    async def _ask(self, answer: Coroutine[Any, Any, T], otherwise: T) -> T:
        """The answer, or `otherwise` when the source has none."""
        try:
            return await answer
        except ChipError as error:
            self._troubles.append(error)
            return otherwise

    def _say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._say_line(line)
