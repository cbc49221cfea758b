"""Visitors with several tabs each, and agents who answer: they go on whatever happens.

Every tab comes back whenever its connection ends, acknowledges what it is shown, and finds out by a
ping whether a silent connection is alive, as the widget does. One tab of each visitor talks: it
sends a message again, with the same ref, until it is accepted, and only then the next. Agents hand
a message over again until Chip takes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Any, Final

from autobahn.exception import Disconnected
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError, ConnectionLost

from chip.tasks import pause
from faults.history import History
from tests.support.rapidpro import Channel
from tests.support.visitor import RefusedError, Visitor

PATIENCE: Final = 4.0
"""Seconds of silence after which a tab pings, and again until it gives the connection up."""
AGAIN: Final = 0.15
"""Seconds between two tries."""
_TROUBLE: Final = (
    *(AssertionError, ConnectError, ConnectionLost, Disconnected, RefusedError, TimeoutError),
)
_NO_ANSWER: Final = (OSError, ValueError, HTTPException)
"""How it shows that the office's own process, or its database, is away: it has promised nothing."""


class Tab:
    """One page that is open on a chat, with one connection at a time."""

    def __init__(self, crowd: Crowd, name: str, chat: str | None = None) -> None:
        self._crowd = crowd
        self._waiting: tuple[str, str] | None = None
        self._stopped = False
        self._visitor: Visitor | None = None
        self.name = name
        self.chat = chat
        self.living = Deferred.fromCoroutine(self._live())

    def say(self, text: str) -> None:
        """Say something, now or as soon as there is a connection. One at a time."""
        self._waiting = (f"ref-{text}", text)
        self._crowd.history.says(self.chat or "", "in", text)
        self._send()

    @property
    def has_said(self) -> bool:
        """Whether what was said was accepted."""
        return self._waiting is None

    async def vanish(self) -> None:
        """Drop the connection without a word; a new one follows."""
        if self._visitor and self._visitor.connected:
            await self._visitor.vanish()

    async def leave(self) -> None:
        """Go for good."""
        self._stopped = True
        await self.vanish()
        await self.living

    def _send(self) -> None:
        if self._waiting and self._visitor and self._visitor.connected:
            ref, text = self._waiting
            with suppress(Disconnected):  # it is closing; all goes again on the next one
                self._visitor.send(text, ref)

    async def _live(self) -> None:
        while not self._stopped:
            crowd = self._crowd
            visitor = Visitor(crowd.pick(), crowd.channel.uuid, self.chat, patience=PATIENCE)
            try:
                await visitor.connect()
                await visitor.start_chat()
                self.chat = visitor.chat_id
                self._visitor = visitor
                self._send()
                while visitor.connected:
                    self._hear(visitor, await _next(visitor))
            except _TROUBLE:
                if visitor.connected:
                    await visitor.vanish()
                await pause(reactor, AGAIN)

    def _hear(self, visitor: Visitor, event: dict[str, Any]) -> None:
        history, chat = self._crowd.history, self.chat or ""
        ref, text = self._waiting or ("", "")
        if event["type"] == "chat_out":
            message = event["msg_out"]
            identity = str(message.get("uuid") or message["id"])
            history.shows(chat, self.name, message["text"], identity)
            with suppress(Disconnected):
                visitor.ack(event)
        elif event["type"] == "msg_accepted" and event["ref"] == ref:
            history.accepts(chat, "in", text)
            self._waiting = None
        elif event["type"] == "error" and event.get("ref") == ref:
            if event["code"] == "rejected":
                history.refuses(chat, text, "the visitor was told that it was rejected")
                self._waiting = None
            else:
                self._crowd.later(self._send)


async def _next(visitor: Visitor) -> dict[str, Any]:
    """The next event; a connection on which nothing comes is asked for a sign of life."""
    try:
        return await visitor.next()
    except TimeoutError:
        visitor.command("ping")
        return await visitor.next()


class Crowd:
    """Everybody: `tabs` of visitors at the Chips in turn, and an agent for each chat."""

    def __init__(self, fronts: list[str], channel: Channel, office: Any, history: History) -> None:
        self.channel = channel
        self.history = history
        self.tabs: list[Tab] = []
        self._office = office
        self._fronts = itertools.cycle(fronts)
        self._numbers = itertools.count(1)
        self._talking = False
        self._talks: list[Deferred[Any]] = []

    def later(self, call: Callable[[], None]) -> None:
        """Call it after a moment."""
        clock: Any = reactor  # whose interface's stub takes a function for the delay
        clock.callLater(AGAIN, call)

    def pick(self) -> str:
        """The Chip whose turn it is."""
        return next(self._fronts)

    async def come(self, visitors: int, tabs: int) -> None:
        """So many visitors start a chat each, and open so many tabs of it."""
        first = [Tab(self, f"{number}a") for number in range(1, visitors + 1)]
        self.tabs += first
        await self._until(lambda: all(tab.chat for tab in first))
        for tab, letter in itertools.product(first, "bcdef"[: tabs - 1]):
            self.tabs.append(Tab(self, tab.name[:-1] + letter, tab.chat))

    def begin(self, every: float) -> None:
        """From now on everybody says something every so many seconds."""
        self._talking = True
        for tab in [tab for tab in self.tabs if tab.name.endswith("a")]:
            self._talks.append(Deferred.fromCoroutine(self._talk(tab, every)))
            self._talks.append(Deferred.fromCoroutine(self._answer(tab.chat or "", every)))

    async def vanish(self) -> None:
        """Half of the tabs lose their connections."""
        for tab in self.tabs[next(self._numbers) % 2 :: 2]:
            await tab.vanish()

    async def finish(self) -> None:
        """Everybody says what they were about to say, which is accepted, and then no more."""
        self._talking = False
        await gatherResults(self._talks, consumeErrors=True)

    async def leave(self) -> None:
        """All tabs are closed."""
        await gatherResults([Deferred.fromCoroutine(tab.leave()) for tab in self.tabs])

    async def _talk(self, tab: Tab, every: float) -> None:
        while self._talking:
            tab.say(f"visitor {next(self._numbers)}")
            await self._until(lambda: tab.has_said)
            await pause(reactor, every)

    async def _answer(self, chat: str, every: float) -> None:
        while self._talking:
            await self._tell(chat, f"agent {next(self._numbers)}")
            await pause(reactor, every)

    async def _tell(self, chat: str, text: str) -> None:
        self.history.says(chat, "out", text)
        try:
            sent = await self._office.apart.send(self.channel, chat, text, chip=self.pick())
        except _NO_ANSWER:
            await pause(reactor, AGAIN)
            return
        status = sent["status"]
        while status != 200:
            if status is not None and status < 500:
                self.history.refuses(chat, text, f"Courier was answered {status}, for good")
                return
            await pause(reactor, AGAIN)
            with suppress(*_NO_ANSWER):
                [again] = await self._office.apart.again(sent, chip=self.pick())
                status = again["status"]
        self.history.accepts(chat, "out", text)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await pause(reactor, 0.02)
