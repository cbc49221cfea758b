"""Visitors who keep talking whatever happens, as a widget does, and a Courier who talks back.

    visitors = Visitors(courier, channel, [chip.url])
    await visitors.come(10)
    async with visitors.talking():
        chip.kill()
        chip.start()
    await visitors.come_to_rest()          # and nothing was lost, doubled or reordered

Every tab comes back whenever its connection ends, acknowledges what it is shown, fetches history
when it is told to, and finds out by a ping whether a silent connection is alive. What was not
accepted goes again, with the same ref. Courier posts a message again until it is taken.
"""

from __future__ import annotations

import itertools
import string
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, Final

from autobahn.exception import Disconnected
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError, ConnectionLost

from chip.tasks import pause
from tests.support.checker import check_messages
from tests.support.history import Forwarded, History
from tests.support.rapidpro import Channel
from tests.support.visitor import RefusedError, Visitor

PATIENCE: Final = 4.0
"""Seconds of silence after which a tab pings, and again until it gives the connection up."""
AGAIN: Final = 0.1
"""Seconds between two tries."""
REST: Final = 90.0
"""Seconds in which everything has to arrive."""
_TROUBLE: Final = (
    *(AssertionError, ConnectError, ConnectionLost, Disconnected, RefusedError, TimeoutError),
)
_NO_ANSWER: Final = (OSError, ValueError, HTTPException)
"""How it shows that Courier itself, or its database, is away: it has promised nothing."""


class Tab:
    """One page that is open on a chat, with one connection at a time."""

    def __init__(self, visitors: Visitors, name: str, chat: str | None = None) -> None:
        self._visitors = visitors
        # By ref, in the order of saying.
        self._unaccepted: dict[str, str] = {}
        self._stopped = False
        self.name = name
        self.chat = chat
        self.visitor: Visitor | None = None
        self.living = Deferred.fromCoroutine(self._live())

    @property
    def talks(self) -> bool:
        """Of a chat's tabs one does: between two there is no order that could be kept."""
        return self.name.endswith("a")

    @property
    def has_said_all(self) -> bool:
        """Whether everything that was said was accepted."""
        return not self._unaccepted

    def say(self, text: str) -> None:
        """Say something, now or as soon as there is a connection."""
        ref = f"ref-{text}"
        self._unaccepted[ref] = text
        self._visitors.history.says(self.chat or "", "in", text)
        if self._visitors.pipelined or len(self._unaccepted) == 1:
            self._send(ref, text)

    async def vanish(self) -> None:
        """Drop the connection without a word; a new one follows."""
        if self.visitor and self.visitor.connected:
            await self.visitor.vanish()

    async def leave(self) -> None:
        """Go for good."""
        self._stopped = True
        await self.vanish()
        await self.living

    def _send_all(self) -> None:
        """Send again what was not accepted; one by one where refusals must not change the order."""
        for ref, text in list(self._unaccepted.items()):
            self._send(ref, text)
            if not self._visitors.pipelined:
                break

    def _send(self, ref: str, text: str) -> None:
        if self.visitor and self.visitor.connected:
            with suppress(Disconnected):  # it is closing; all goes again on the next one
                self.visitor.send(text, ref)

    async def _live(self) -> None:
        while not self._stopped:
            visitors = self._visitors
            visitor = Visitor(visitors.pick(), visitors.page, self.chat, patience=PATIENCE)
            try:
                await visitor.connect()
                answer = await visitor.start_chat()
                if self.chat:
                    assert answer["chat_id"] == self.chat, "a known chat must be resumed"
                self.chat = visitor.chat_id
                self.visitor = visitor
                if self._stopped:  # it has left while this one was coming
                    await visitor.vanish()
                    return
                self._send_all()
                while visitor.connected:
                    self._hear(visitor, await _next(visitor))
            except _TROUBLE:
                if visitor.connected:
                    await visitor.vanish()
                await pause(reactor, AGAIN)

    def _hear(self, visitor: Visitor, event: dict[str, Any]) -> None:
        history, chat = self._visitors.history, self.chat or ""
        if event["type"] == "chat_out":
            message = event["msg_out"]
            identity = str(message.get("uuid") or message["id"])
            history.shows(chat, self.name, message["text"], identity)
            with suppress(Disconnected):
                visitor.ack(event)
        elif event["type"] == "resync":
            visitor.get_history(datetime.now(UTC).isoformat())
        elif event["type"] == "history":
            for one in event["history"]:
                if message := one.get("msg_out"):
                    history.fetches(chat, self.name, message["text"])
        elif event["type"] == "msg_accepted":
            if text := self._unaccepted.pop(event["ref"], None):
                history.accepts(chat, "in", text)
                if not self._visitors.pipelined:
                    self._send_all()
        elif event["type"] == "error" and event.get("ref") in self._unaccepted:
            if event["code"] == "rejected":
                text = self._unaccepted.pop(event["ref"])
                history.refuses(chat, text, "the visitor was told that it was rejected")
            else:
                # All of it: order matters more than haste.
                self._visitors.later(self._send_all)


async def _next(visitor: Visitor) -> dict[str, Any]:
    """The next event; a connection on which nothing comes is asked for a sign of life."""
    try:
        return await visitor.next()
    except TimeoutError:
        visitor.command("ping")
        return await visitor.next()


class Visitors:
    """So many visitors of one channel, at one or several Chips in turn.

    `pipelined` visitors do not wait for one message to be accepted before they send the next. Where
    Chip refuses one of them for a while, what was sent behind it may overtake it. `page` is what
    pages call the channel, where that is not its uuid. `courier` is whatever says things to
    visitors, a `Courier` or a `DeskApi`.
    """

    def __init__(
        self,
        courier: Any,
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
        self.history = History()
        self.tabs: list[Tab] = []
        self._numbers = itertools.count(1)
        self._chips = itertools.cycle(chips)
        self._halves = itertools.cycle((0, 1))
        self._talking = False
        self._talks: list[Deferred[Any]] = []

    def pick(self) -> str:
        """The Chip whose turn it is."""
        return next(self._chips)

    def later(self, call: Callable[[], None]) -> None:
        """Call it after a moment."""
        clock: Any = reactor  # whose interface's stub takes a function for the delay
        clock.callLater(AGAIN, call)

    async def come(self, count: int, tabs: int = 1) -> None:
        """So many visitors start a chat each, with so many tabs open."""
        first = [Tab(self, f"{number}a") for number in range(1, count + 1)]
        self.tabs += first
        await self.until(lambda: all(tab.chat for tab in first), "the chats to start")
        for tab, letter in itertools.product(first, string.ascii_lowercase[1:tabs]):
            self.tabs.append(Tab(self, tab.name[:-1] + letter, tab.chat))
        await self.until(lambda: all(tab.visitor for tab in self.tabs), "all tabs to open")

    @property
    def chats(self) -> list[str]:
        return list(dict.fromkeys(tab.chat or "" for tab in self.tabs))

    def begin(self, every: float) -> None:
        """From now on everybody says something every so many seconds, and hears something."""
        self._talking = True
        for tab in self.tabs:
            if tab.talks:
                self._talks.append(Deferred.fromCoroutine(self._talk(tab, every)))
                self._talks.append(Deferred.fromCoroutine(self._answer(tab.chat or "", every)))

    async def finish(self) -> None:
        """Everybody ends what they were about to say; Courier, when it was taken."""
        self._talking = False
        await gatherResults(self._talks, consumeErrors=True)

    @asynccontextmanager
    async def talking(self, every: float = 0.05) -> AsyncIterator[None]:
        """While this lasts, everybody talks."""
        self.begin(every)
        try:
            yield
        finally:
            await self.finish()

    async def vanish(self) -> None:
        """Half of the tabs lose their connections: the other half, next time."""
        for tab in self.tabs[next(self._halves) :: 2]:
            await tab.vanish()

    async def leave(self) -> None:
        """All tabs are closed."""
        await gatherResults([Deferred.fromCoroutine(tab.leave()) for tab in self.tabs])

    async def _talk(self, tab: Tab, every: float) -> None:
        while self._talking:
            tab.say(f"visitor {next(self._numbers)}")
            await pause(reactor, every)

    async def _answer(self, chat: str, every: float) -> None:
        while self._talking:
            await self.tell(chat, f"courier {next(self._numbers)}")
            await pause(reactor, every)

    async def tell(self, chat: str, text: str) -> None:
        """Courier says this to the visitor, and again until Chip takes it."""
        self.history.says(chat, "out", text)
        try:
            sent = await self.courier.apart.send(self.channel, chat, text, chip=self.pick())
        except _NO_ANSWER:
            return
        status = sent["status"]
        while status != 200:
            if status is not None and status < 500:
                self.history.refuses(chat, text, f"Courier was answered {status}, for good")
                return
            await pause(reactor, AGAIN)
            with suppress(*_NO_ANSWER):
                (again,) = await self.courier.apart.again(sent, chip=self.pick())
                status = again["status"]
        self.history.accepts(chat, "out", text)

    async def come_to_rest(self) -> None:
        """Wait until all that was accepted has arrived; then everybody goes, and all is counted.
        Raises AssertionError with the history of what went wrong."""
        try:
            await self.until(self.has_said_all, "everything to be accepted")
            await self.until(lambda: not self.history.not_shown(), "messages to be shown")
            for _ in range(int(REST / AGAIN)):
                if await self.all_arrived():
                    break
                await pause(reactor, AGAIN)
        finally:
            await self.leave()
        for chat in self.chats:
            texts = await self.courier.apart.texts(chat)
            self.history.forwarded += [Forwarded(time.time(), chat, text) for text in texts]
        self.check()

    def check(self) -> None:
        """Raises AssertionError, with the history of what went wrong, if something did."""
        if findings := check_messages(self.history):
            raise AssertionError("\n".join(self._told(finding) for finding in findings[:20]))

    def _told(self, finding: Any) -> str:
        return "\n    ".join([str(finding), *self.history.of(finding.chat, finding.text)])

    def has_said_all(self) -> bool:
        """Whether everything that visitors said was accepted."""
        return all(tab.has_said_all for tab in self.tabs)

    async def all_arrived(self) -> bool:
        """Whether as much has arrived at Courier as was accepted."""
        arrived = await self.courier.apart.texts()
        return len(arrived) >= len(self.history.accepted("in"))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that connections bring about."""
        for _ in range(int(REST / AGAIN)):
            if condition():
                return
            await pause(reactor, AGAIN)
        waiting = [f"{one.chat[:4]}… {one.text}" for one in self.history.not_shown()]
        raise TimeoutError(f"waited {REST:g} s for {what}; not shown: {', '.join(waiting[:20])}")
