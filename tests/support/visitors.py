"""Visitors who keep talking whatever happens, as a widget does, and a Courier who talks back.

    visitors = Visitors(courier, channel, [chip.url])
    await visitors.come(10)
    async with visitors.talking():
        chip.kill()
        chip.start()
    await visitors.come_to_rest()          # and nothing was lost, doubled or reordered

Every visitor reconnects when his connection ends, sends again, with the same ref, what was not
accepted, and acknowledges what he is shown. Courier posts a message again until it is taken.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from autobahn.exception import Disconnected
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError, ConnectionLost

from chip.tasks import pause
from tests.support.checker import Ledger
from tests.support.courier import Courier
from tests.support.rapidpro import Channel
from tests.support.visitor import RefusedError, Visitor

_TROUBLE = (
    AssertionError,
    ConnectError,
    ConnectionLost,
    Disconnected,
    RefusedError,
    TimeoutError,
)
_AGAIN = 0.1
_REST = 90.0


class Regular:
    """One visitor in one chat, with one connection at a time."""

    def __init__(self, visitors: Visitors, chat_id: str | None = None) -> None:
        self._visitors = visitors
        self._unaccepted: dict[str, str] = {}
        self._stopped = False
        self.chat_id = chat_id
        self.visitor: Visitor | None = None
        self.refused: list[dict[str, Any]] = []
        self.living = Deferred.fromCoroutine(self._live())

    def say(self, text: str) -> None:
        """Say something, now or as soon as there is a connection."""
        assert self.chat_id
        ref = f"ref-{next(self._visitors.numbers)}"
        self._unaccepted[ref] = text
        self._visitors.ledger.incoming.said(self.chat_id, text)
        if self.visitor and (self._visitors.pipelined or len(self._unaccepted) == 1):
            self._send(self.visitor, ref, text)

    def _send_all(self, visitor: Visitor) -> None:
        """Send again what was not accepted; one by one where refusals must not change the order."""
        for ref, text in list(self._unaccepted.items()):
            self._send(visitor, ref, text)
            if not self._visitors.pipelined:
                break

    def _send(self, visitor: Visitor, ref: str, text: str) -> None:
        if visitor.connected:
            with suppress(Disconnected):  # it is closing; all goes again on the next one
                visitor.send(text, ref)

    @property
    def has_said_all(self) -> bool:
        return not self._unaccepted

    async def vanish(self) -> None:
        """Drop the connection without a word; a new one follows."""
        if self.visitor and self.visitor.connected:
            await self.visitor.vanish()

    async def leave(self) -> None:
        """Go for good."""
        self._stopped = True
        await self.vanish()
        await self.living

    async def _live(self) -> None:
        while not self._stopped:
            visitor = Visitor(self._visitors.pick(), self._visitors.page, self.chat_id)
            try:
                await visitor.connect()
                answer = await visitor.start_chat()
                if self.chat_id:
                    assert answer["chat_id"] == self.chat_id, "a known chat must be resumed"
                self.chat_id = visitor.chat_id
                self.visitor = visitor
                self._send_all(visitor)
                while visitor.connected:
                    await self._hear(visitor)
            except _TROUBLE:
                if visitor.connected:
                    await visitor.vanish()
                await pause(reactor, _AGAIN)

    async def _hear(self, visitor: Visitor) -> None:
        event = await visitor.next()
        ledger, chat_id = self._visitors.ledger, visitor.chat_id
        if event["type"] == "chat_out":
            ledger.shown(chat_id, [event])
            if visitor.connected:
                with suppress(Disconnected):
                    visitor.ack(event)
        elif event["type"] == "msg_accepted":
            text = self._unaccepted.pop(event["ref"], None)
            if text is not None:
                ledger.incoming.accepted(chat_id, text)
                if not self._visitors.pipelined:
                    self._send_all(visitor)
        elif event["type"] == "error" and "ref" in event:
            await self._again(visitor, event)

    async def _again(self, visitor: Visitor, error: dict[str, Any]) -> None:
        """What was not accepted goes again, all of it: order matters more than haste."""
        if error["code"] == "rejected":
            self.refused.append(error)
            return
        await pause(reactor, _AGAIN)
        self._send_all(visitor)


class Visitors:
    """So many visitors of one channel, at one or several Chips in turn.

    `pipelined` visitors do not wait for one message to be accepted before they send the next. Where
    Chip refuses one of them for a while, what was sent behind it may overtake it. `page` is what
    pages call the channel, where that is not its uuid.
    """

    def __init__(
        self,
        courier: Courier,
        channel: Channel,
        chips: list[str],
        *,
        pipelined: bool = True,
        page: str = "",
    ) -> None:
        self.pipelined = pipelined
        self.page = page or channel.uuid
        self.courier = courier
        self.channel = channel
        self.ledger = Ledger()
        self.numbers = itertools.count(1)
        self.regulars: list[Regular] = []
        self._turns = itertools.cycle(chips)
        self._talking = False

    def pick(self) -> str:
        """The Chip whose turn it is."""
        return next(self._turns)

    async def come(self, count: int, tabs: int = 1) -> None:
        """So many visitors start a chat each, with so many tabs open."""
        first = [Regular(self) for _ in range(count)]
        self.regulars += first
        await self.until(lambda: all(regular.chat_id for regular in first), "the chats to start")
        self.regulars += [Regular(self, r.chat_id) for r in first for _ in range(tabs - 1)]
        everybody = self.regulars
        await self.until(lambda: all(r.visitor for r in everybody), "all tabs to open")

    @property
    def chats(self) -> list[str]:
        return list(dict.fromkeys(regular.chat_id or "" for regular in self.regulars))

    @asynccontextmanager
    async def talking(self, every: float = 0.05) -> AsyncIterator[None]:
        """While this lasts, everybody says something every so many seconds, and hears something."""
        self._talking = True
        both = [Deferred.fromCoroutine(self._answer(chat, every)) for chat in self.chats]
        # Of a chat's tabs one talks: between two there is no order that could be kept.
        first = {regular.chat_id: regular for regular in reversed(self.regulars)}
        both += [Deferred.fromCoroutine(self._chat(regular, every)) for regular in first.values()]
        try:
            yield
        finally:
            self._talking = False
            await gatherResults(both, consumeErrors=True)

    async def _chat(self, regular: Regular, every: float) -> None:
        while self._talking:
            regular.say(f"visitor {next(self.numbers)}")
            await pause(reactor, every)

    async def _answer(self, chat: str, every: float) -> None:
        while self._talking:
            await self.tell(chat, f"courier {next(self.numbers)}")
            await pause(reactor, every)

    async def tell(self, chat: str, text: str) -> None:
        """Courier says this to the visitor, and again until Chip takes it."""
        self.ledger.outgoing.said(chat, text)
        try:
            sent = await self.courier.apart.send(self.channel, chat, text, chip=self.pick())
        except ValueError:
            return  # Courier's own database is away: it has promised nothing
        status = sent["status"]
        while status != 200:
            assert status is None or status >= 500, f"a send must not fail for good: {sent}"
            await pause(reactor, _AGAIN)
            (again,) = await self.courier.apart.again(sent, chip=self.pick())
            status = again["status"]
        self.ledger.outgoing.accepted(chat, text)

    async def come_to_rest(self) -> None:
        """Wait until all that was accepted has arrived; then everybody goes, and all is counted."""
        try:
            await self.until(self.has_said_all, "everything to be accepted")
            await self.until(lambda: not self.ledger.outgoing.waiting(), "messages to be shown")
            for _ in range(int(_REST / _AGAIN)):
                if await self.all_arrived():
                    break
                await pause(reactor, _AGAIN)
        finally:
            await gatherResults(
                [Deferred.fromCoroutine(regular.leave()) for regular in self.regulars]
            )
        for chat in self.chats:
            self.ledger.arrived(chat, await self.courier.apart.texts(chat))
        self.ledger.check()

    def has_said_all(self) -> bool:
        """Whether everything that visitors said was accepted."""
        return all(regular.has_said_all for regular in self.regulars)

    async def all_arrived(self) -> bool:
        """Whether as much has arrived at Courier as was accepted."""
        arrived = await self.courier.apart.texts()
        return len(arrived) >= self.ledger.incoming.total()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that connections bring about."""
        for _ in range(int(_REST / _AGAIN)):
            if condition():
                return
            await pause(reactor, _AGAIN)
        raise TimeoutError(f"waited {_REST:g} s for {what}: {self.ledger.summary()}")
