"""Conversations that go on through two processes while the storage under them is hurt.

Courier sends through one process; the visitor listens to the other, shows what it hears of, and
says something from time to time. Whoever is refused tries again, as Courier and browsers do. What
was shown and what Courier heard is counted at the end, and how long everything took, before there
was harm and since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.task import LoopingCall, deferLater

from chip.chat.outbound.ports import Batch, Outcome
from chip.chat.ports import OutboxItem
from chip.errors import Unavailable
from chip.models import ChatKey, Incoming
from tests.contracts.queue_parts import Process, ids, message, name, texts
from tests.support.lateness import Lateness, Waits
from tests.support.process import ChildProcess

_BREATH = 0.02
_TALK_EVERY = 0.1
_LOOK_EVERY = 0.2
_ALIVE_EVERY = 3.0


class _Took(NamedTuple):
    """When something was asked for, and how many seconds later it was accepted."""

    at: float
    seconds: float


class Conversation:
    """One chat, and how long everything took in it."""

    def __init__(self, chat: ChatKey, sender: Process, listener: Process) -> None:
        self.chat = chat
        self.sender = sender
        self.listener = listener
        self.sent = 0
        self.said = 0
        self.shown: list[int] = []
        self.heard: list[str] = []
        self.took: list[_Took] = []
        self.given_up = False
        # How often each message was handed over.
        self._tries: Counter[int] = Counter()
        self._last = 0
        self._news: Deferred[None] | None = None

    async def persist(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask until there is an answer."""
        began = reactor.seconds()
        while True:
            try:
                answer = await ask()
            except Unavailable:
                if self.given_up:
                    raise
                await deferLater(reactor, _BREATH)
            else:
                self.took.append(_Took(began, reactor.seconds() - began))
                return answer

    async def send(self) -> None:
        number = self.sent + 1

        async def append() -> None:
            self._tries[number] += 1
            await self.sender.outbox.append(self.chat, name(number), message(number))

        await self.persist(append)
        self.sent = number

    async def say(self) -> None:
        text = f"t{self.said + 1}"
        spool = self.listener.spool
        event = [Incoming(text, text)]
        spooled = await self.persist(
            lambda: spool.append(self.chat, event, last_confirmed="", may_claim=True)
        )
        self.said += 1
        await self.forward(self.listener, spooled.claim.batch)

    async def forward(self, process: Process, batch: Batch | None) -> None:
        """Courier takes a batch, and the next ones. It knows what it has heard already."""
        while batch is not None:
            known = self.heard[-len(batch.entries) :] if batch.unknown else []
            self.heard += [text for text in texts(batch) if text not in known]
            settle = partial(process.spool.settle, batch, Outcome(remove=len(batch.entries)))
            batch = (await self.persist(settle)).batch

    def news(self) -> None:
        """There may be something to show."""
        if self._news is not None and not self._news.called:
            self._news.callback(None)

    async def show(self) -> None:
        """Show what waits, and acknowledge it."""
        outbox = self.listener.outbox
        page = await self.persist(lambda: outbox.read(self.chat, self._last, 100, 1_000_000))
        for item, number in zip(page.items, ids(page.items), strict=True):
            # What was refused may have been pushed before, and acknowledged where the primary is
            # not one any more. Browsers show again no message that they know.
            if self._tries[number] < 2 or number not in self.shown:
                self.shown.append(number)
            self._last = item.number
            await self.persist(partial(outbox.ack, self.chat, name(number)))

    async def watch(self, is_over: Callable[[], bool]) -> None:
        """Be the visitor, who looks only when there is news."""
        await self.persist(lambda: self.listener.live.subscribe(self.chat))
        while not (is_over() and len(self.shown) == self.sent):
            self._news = Deferred()
            await self.show()
            if not (is_over() and len(self.shown) == self.sent):
                await self._news


class _Ears:
    """Wakes up the conversations that a process hears of."""

    def __init__(self, conversations: dict[ChatKey, Conversation]) -> None:
        self._conversations = conversations
        self.interruptions: list[frozenset[ChatKey]] = []

    def arrived(self, chat: ChatKey, item: OutboxItem) -> None:
        self._conversations[chat].news()

    def acked(self, chat: ChatKey, number: int) -> None:
        pass

    def told(self, chat: ChatKey, frame: bytes) -> None:
        pass

    def interrupted(self, chats: Any = None) -> None:
        chosen = frozenset(self._conversations if chats is None else chats)
        self.interruptions.append(chosen)
        for chat in chosen & self._conversations.keys():
            self._conversations[chat].news()


class Load:
    """Conversations through two processes. `servers` are what serves them."""

    def __init__(
        self,
        here: Process,
        there: Process,
        chats: list[ChatKey],
        servers: Iterable[ChildProcess] = (),
    ) -> None:
        self.processes = (here, there)
        self.conversations = {
            chat: Conversation(chat, *([here, there] if index % 2 else [there, here]))
            for index, chat in enumerate(chats)
        }
        self.ears = [_Ears(self.conversations) for _ in self.processes]
        for process, ears in zip(self.processes, self.ears, strict=True):
            process.live.listen(ears)
        self._over = False
        self._all_sent = False
        self._harmed_at = self._ended_at = 0.0
        self._lateness = Lateness()
        self._waits = Waits(servers)

    async def while_(
        self, harm: Callable[[], Awaitable[None]], within: float, calm: float = 0.3
    ) -> None:
        """Let them talk in calm for so many seconds, while there is harm, and in calm again. They
        must go on, and at the end everything must have arrived, `within` so many seconds."""
        loops = [LoopingCall(self._keep_alive), LoopingCall(self._forward_due)]
        intervals = (_ALIVE_EVERY, _LOOK_EVERY)
        looping = [loop.start(every) for loop, every in zip(loops, intervals, strict=True)]
        everybody = [Deferred.fromCoroutine(one.watch(lambda: self._all_sent)) for one in self._all]
        talks = [Deferred.fromCoroutine(self._talk(one)) for one in self._all]
        try:
            await deferLater(reactor, calm)
            self._harmed_at = reactor.seconds()
            with self._lateness, self._waits:
                await harm()
                # Everybody goes on.
                goals = {one: one.sent + 3 for one in self._all}
                await self._until(lambda: all(one.sent >= goals[one] for one in goals), within)
            self._ended_at = reactor.seconds()
            await deferLater(reactor, calm)
            self._over = True
            await gatherResults(talks).addTimeout(within, reactor)
            self._all_sent = True
            for one in self._all:
                one.news()
            await gatherResults(everybody).addTimeout(within, reactor)
            await self._until(lambda: all(len(one.heard) == one.said for one in self._all), within)
        finally:
            self._over = True
            for one in self._all:
                one.given_up = True
            for loop in loops:
                loop.stop()
            await gatherResults(looping)
            for waiter in [*talks, *everybody]:
                waiter.addErrback(lambda _: None)
                waiter.cancel()

    async def _talk(self, one: Conversation) -> None:
        while not self._over:
            await one.send()
            if one.sent % 3 == 0:
                await one.say()
            await deferLater(reactor, _TALK_EVERY)

    async def _until(self, condition: Callable[[], bool], within: float) -> None:
        deadline = reactor.seconds() + within
        while not condition():
            if reactor.seconds() > deadline:
                raise TimeoutError
            await deferLater(reactor, _BREATH)

    async def _keep_alive(self) -> None:
        alive = [Deferred.fromCoroutine(one.spool.keep_alive()) for one in self.processes]
        await DeferredList(alive, consumeErrors=True)

    async def _forward_due(self) -> None:
        for process in self.processes:
            try:
                for chat in await process.spool.due(20):
                    one = self.conversations[chat]
                    await one.forward(process, (await process.spool.claim(chat)).batch)
            except Unavailable:
                continue

    @property
    def _all(self) -> list[Conversation]:
        return list(self.conversations.values())

    def check(self) -> None:
        """Nothing was lost, reordered, or shown or heard twice."""
        for one in self._all:
            assert one.shown == list(range(1, one.sent + 1)), one.shown
            assert one.heard == [f"t{number + 1}" for number in range(one.said)], one.heard

    def slowest(self, chats: Iterable[ChatKey]) -> float:
        """The longest that anything took in one of these chats, in seconds."""
        return max(took.seconds for took in self._took(chats))

    def usual_p99(self, chats: Iterable[ChatKey]) -> float:
        """What all but a hundredth took no longer than in these chats, before there was harm or
        afterwards: other things than harm come and go, too."""
        took = self._took(chats)
        before = [one for one in took if one.at < self._harmed_at]
        return max(_p99(before), _p99(one for one in took if one.at > self._ended_at))

    def p99(self, chats: Iterable[ChatKey]) -> float:
        """The same from when there was harm until everybody went on."""
        took = self._took(chats)
        return _p99(one for one in took if self._harmed_at <= one.at <= self._ended_at)

    def starved(self, without: ChildProcess | None = None) -> float:
        """The longest in seconds for which this process, or any server `without` that one, was
        kept from the CPU in that time."""
        span = self._harmed_at, self._ended_at
        own = self._lateness.worst(*span, without_cpu=True)
        return max(own, self._waits.worst(*span, without=without))

    def _took(self, chats: Iterable[ChatKey]) -> list[_Took]:
        return [took for chat in chats for took in self.conversations[chat].took]


def _p99(all_took: Iterable[_Took]) -> float:
    """Who waits asks for nothing more, so a long wait also counts as all those that would have
    begun in the course of it."""
    waits = []
    for took in all_took:
        waits.append(took.seconds)
        missed = range(1, int(took.seconds / _TALK_EVERY) + 1)
        waits += [took.seconds - n * _TALK_EVERY for n in missed]
    return sorted(waits)[len(waits) * 99 // 100]
