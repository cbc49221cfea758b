"""Messages from a Courier of a channel's own: their parts are kept, joined, and shown as one.

Each part is stored before Courier is answered. It owns when a message is whole:

    it ends by itself (`may_go_on` says no)     at once
    it may go on                                1.5 s after its last part
    it may go on, and Chip was started since,   16 minutes after: Courier sends again, from the
    or could not store the part behind it       first part on, what failed 5 and 10 minutes before

What the parts mean is in `chip.protocol.external_parts`.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

import msgspec

from chip.chat.archive import Archive, Part
from chip.chat.hops import HOPS
from chip.chat.lookups import Lookups
from chip.chat.observer import Observer
from chip.chat.ports import Outbox
from chip.errors import QueueFull, Unavailable
from chip.models import Channel, ChatKey, MsgName
from chip.protocol.external_parts import may_go_on, position
from chip.protocol.external_send import ExternalSend
from chip.tasks import Clock, Semaphore, Tasks

JOIN_WITHIN: Final = 1.5
"""Seconds within which the next part comes: Courier sends them one after the other."""
AGAIN_WITHIN: Final = 960.0
"""Seconds within which Courier has sent again what failed: 5 minutes, then 10, and some."""
SHOW_AGAIN: Final = 5.0
"""Seconds until the next try to show what could not be."""
MOST_ROUNDS_KEPT: Final = 1000
"""Messages of which it is known when their last part came."""


class _Round(NamedTuple):
    """When the last part came, in seconds of the clock; how many came with it in a row; and
    whether the message ended with it."""

    at: float
    heard: int
    ended: bool


class Joiner:
    """Takes parts, and shows messages."""

    def __init__(
        self,
        *,
        archive: Archive,
        lookups: Lookups,
        outbox: Outbox,
        tasks: Tasks,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._archive = archive
        self._lookups = lookups
        self._outbox = outbox
        self._tasks = tasks
        self._clock = clock
        self._observer = observer
        self._stopped = False
        # The messages that wait, by chat and uuid, each with the timer that shows it.
        self._timers: dict[ChatKey, dict[str, Any]] = {}
        self._rounds: OrderedDict[tuple[ChatKey, str], _Round] = OrderedDict()
        self._turns: dict[ChatKey, Semaphore] = {}

    async def start(self) -> None:
        """Take up what was left. Raises Unavailable."""
        for one in await self._archive.unfinished():
            goes_on = may_go_on(one.text, one.quick_replies, one.max_length)
            delay = max(0.0, AGAIN_WITHIN - max(0.0, one.age)) if goes_on else 0.0
            self._show_after(delay, one.chat, one.uuid)

    def stop(self) -> None:
        """Show nothing more by itself; what waits is stored."""
        self._stopped = True
        for timers in self._timers.values():
            for timer in timers.values():
                timer.cancel()
        self._timers.clear()

    async def take(self, channel: Channel, send: ExternalSend) -> None:
        """Keep a part of a message, or a whole one; when this returns, it is stored.

        Raises Refused and Unavailable.
        """
        chat = ChatKey(send.chat_id, channel.uuid)
        uuid = send.name.uuid or _uuid_of(channel, send.name)
        part = Part(MsgName(send.name.id, uuid), send.text, send.quick_replies)
        HOPS.tell("received", chat, (part.name,))
        async with self._turn(chat):
            goes_on = self._goes_on(chat, uuid)
            heard = self._rounds[chat, uuid].heard if goes_on else 0

            def place(known: Sequence[str]) -> int:
                return position(send.text, known, heard, goes_on=goes_on)

            try:
                kept = await self._archive.keep_part(channel, send.chat_id, part, place)
            except Unavailable:
                if self._waits(chat, uuid):
                    self._show_after(AGAIN_WITHIN, chat, uuid)
                raise
            is_last = kept.position + 1 >= kept.parts
            ends = is_last and not may_go_on(send.text, send.quick_replies, channel.max_length)
            self._note(chat, uuid, kept.position + 1, ends)
            if kept.waiting and not ends:
                self._show_after(JOIN_WITHIN, chat, uuid)
            elif kept.waiting and (before := self._others_wait(chat, uuid)):
                self._show_after(before, chat, uuid)
            elif is_last and kept.parts:
                await self._show(channel, chat, uuid)

    async def _show(self, channel: Channel, chat: ChatKey, uuid: str) -> None:
        """Put a message into the outbox. What was there before only has its report repeated, since
        Courier's own status of the repetition goes over it."""
        self._forget_timer(chat, uuid)
        try:
            whole = await self._archive.whole(channel, chat.chat_id, uuid)
            if whole is None:
                return
            encoded = msgspec.json.encode(whole.msg_out)
            result = await self._outbox.append(chat, whole.name, encoded)
            HOPS.tell("stored", chat, (whole.name,), result)
            self._observer.message("courier", chat.channel_uuid, result)
            if result == "full":
                raise QueueFull("the outbox of this chat is full", retry_after=60)
            await self._archive.shown(chat, uuid, whole.end)
        except Unavailable:
            self._show_after(SHOW_AGAIN, chat, uuid)
            raise

    def _show_after(self, seconds: float, chat: ChatKey, uuid: str) -> None:
        """Show a message then, unless its next part comes before."""
        self._forget_timer(chat, uuid)
        if not self._stopped:
            timers = self._timers.setdefault(chat, {})
            timers[uuid] = self._clock.callLater(seconds, self._due, chat, uuid)

    def _due(self, chat: ChatKey, uuid: str) -> None:
        self._drop_timer(chat, uuid)
        self._tasks.spawn("showing a message", self._show_in_turn(chat, uuid))

    async def _show_in_turn(self, chat: ChatKey, uuid: str) -> None:
        async with self._turn(chat):
            if self._waits(chat, uuid):
                return  # another part has come meanwhile
            try:
                channel = await self._lookups.channel(chat.channel_uuid)
            except Unavailable:
                self._show_after(SHOW_AGAIN, chat, uuid)
                raise
            if channel:
                await self._show(channel, chat, uuid)

    def _others_wait(self, chat: ChatKey, uuid: str) -> float:
        """Seconds until the messages before this one are shown; 0 when there are none, or when they
        wait for longer than a part takes."""
        now = self._clock.seconds()
        waits = (
            timer.getTime() - now
            for other, timer in self._timers.get(chat, {}).items()
            if other != uuid
        )
        return max((wait + 0.001 for wait in waits if wait <= JOIN_WITHIN), default=0.0)

    def _waits(self, chat: ChatKey, uuid: str) -> bool:
        return uuid in self._timers.get(chat, {})

    def _forget_timer(self, chat: ChatKey, uuid: str) -> None:
        if self._waits(chat, uuid):
            self._drop_timer(chat, uuid).cancel()

    def _drop_timer(self, chat: ChatKey, uuid: str) -> Any:
        timer = self._timers[chat].pop(uuid)
        if not self._timers[chat]:
            del self._timers[chat]
        return timer

    def _goes_on(self, chat: ChatKey, uuid: str) -> bool:
        """Whether a part that comes now follows on the last one. Else it begins a repetition."""
        last = self._rounds.get((chat, uuid))
        if last is None or last.ended:
            return False
        return self._clock.seconds() - last.at < JOIN_WITHIN

    def _note(self, chat: ChatKey, uuid: str, heard: int, ended: bool) -> None:
        self._rounds[chat, uuid] = _Round(self._clock.seconds(), heard, ended)
        self._rounds.move_to_end((chat, uuid))
        if len(self._rounds) > MOST_ROUNDS_KEPT:
            self._rounds.popitem(last=False)

    @asynccontextmanager
    async def _turn(self, chat: ChatKey) -> AsyncIterator[None]:
        """One thing at a time in each chat."""
        turn = self._turns.setdefault(chat, Semaphore())
        await turn.acquire()
        try:
            yield
        finally:
            turn.release()
            if turn.tokens == turn.limit:
                self._turns.pop(chat, None)


def _uuid_of(channel: Channel, name: MsgName) -> str:
    """What a message goes by here whose Courier calls it by a number."""
    return str(uuid5(UUID(channel.uuid), str(name.id)))
