"""What the queues' contract speaks of: processes on one storage, what they hear, messages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Protocol

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from chip.chat.outbound.ports import REPORT_REST, Batch, ClaimResult, Outcome, Spooled, claim_lasts
from chip.chat.ports import OutboxItem, Queue
from chip.limits import Limits
from chip.models import ChatKey, Incoming, MsgName, Report

CHANNEL = "7d62d551-3030-4100-a260-2d7c4e9693e7"
CHAT = ChatKey("65vbbDAQCdPdEWlEhDGy4utO", CHANNEL)
OTHER_CHAT = ChatKey("AAAAbDAQCdPdEWlEhDGy4utO", CHANNEL)
NEIGHBOUR = ChatKey("B517bDAQCdPdEWlEhDGy4utO", CHANNEL)
"""Where chats are divided into partitions, it is in that of `CHAT`."""
REPORT = Report("delivered", 10, "uuid-10")
HOUR = 3600.0
DAY = 24 * HOUR
CLAIM_LASTS = claim_lasts(Limits())
"""Seconds after which Courier is certainly done with what was sent on the strength of a claim."""
REST = REPORT_REST
"""Seconds that a report rests after the answer to the last send of its message."""
_PATIENCE = 60.0
_EVERYTHING = 100_000_000


class QueueRig(Protocol):
    """A storage with nothing in it, and processes that use it."""

    shares_live: bool
    """Whether one process hears what another one does."""

    partitions: int
    """How many the chats are divided into. What holds for all of them is divided likewise."""

    async def process(self, token: str = "here", limits: Limits | None = None) -> Process:
        """Start a process. It has said that it is alive."""

    async def pass_time(self, seconds: float) -> None:
        """Make everything that is stored so much older."""


class Process:
    """The queues as one process has them, and what it hears."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.outbox = queue.outbox
        self.spool = queue.spool
        self.notes = queue.notes
        self.live = queue.live
        self.ears = Ears()
        self.live.listen(self.ears)

    async def send(self, number: int, chat: ChatKey = CHAT, text: str = "Hi") -> str:
        """Courier hands over a message that has both names."""
        return await self.outbox.append(chat, name(number), message(number, text))

    async def waiting(self, chat: ChatKey = CHAT) -> list[int]:
        """The ids of the messages that wait for the visitor."""
        return ids((await self.outbox.read(chat, 0, 10_000, _EVERYTHING)).items)

    async def say(self, *texts: str, chat: ChatKey = CHAT, may_claim: bool = True) -> Spooled:
        """The visitor says something, with the text as its ref, too."""
        events = [Incoming(text, text) for text in texts]
        return await self.spool.append(chat, events, last_confirmed="", may_claim=may_claim)

    async def take(self, *texts: str, chat: ChatKey = CHAT) -> Batch:
        """The visitor says something, and this process gets it to forward."""
        return claimed((await self.say(*texts, chat=chat)).claim)

    async def claim(self, chat: ChatKey = CHAT) -> Batch:
        """Claim a chat that is free."""
        return claimed(await self.spool.claim(chat))

    async def reports(self, chat: ChatKey = CHAT) -> list[Report]:
        """Claim a chat that is due, forward all that waits, and return what was reported."""
        found: list[Report] = []
        claim = await self.spool.claim(chat)
        while claim.batch:
            entries = claim.batch.entries
            found += [entry.event for entry in entries if isinstance(entry.event, Report)]
            claim = await self.settle(claim.batch, remove=len(entries))
        return found

    async def settle(
        self, batch: Batch, *, may_continue: bool = True, **outcome: Any
    ) -> ClaimResult:
        """An attempt has ended in this way; see `Outcome`."""
        return await self.spool.settle(batch, Outcome(**outcome), may_continue=may_continue)

    async def heard(self, chat: ChatKey = CHAT) -> list[tuple[Any, ...]]:
        """What this process has heard of a chat that it listens to: all that was said by now."""
        mark = b'{"mark":%d}' % len(self.ears.heard)
        await self.live.tell(chat, mark)
        await self.ears.hear("told", chat, mark)
        return [event for event in self.ears.heard if b"mark" not in repr(event).encode()]


class Ears:
    """A listener that remembers, and lets a test wait for what it is to hear."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self._awaited: list[tuple[tuple[Any, ...], Deferred[None]]] = []

    def arrived(self, chat: ChatKey, item: OutboxItem) -> None:
        self._hears("arrived", chat, item)

    def acked(self, chat: ChatKey, number: int) -> None:
        self._hears("acked", chat, number)

    def told(self, chat: ChatKey, frame: bytes) -> None:
        self._hears("told", chat, frame)

    def interrupted(self, chats: Iterable[ChatKey] | None = None) -> None:
        self._hears("interrupted", *([] if chats is None else [frozenset(chats)]))

    def _hears(self, *event: Any) -> None:
        self.heard.append(event)
        due = [entry for entry in self._awaited if entry[0] == event]
        self._awaited = [entry for entry in self._awaited if entry[0] != event]
        for _, done in due:
            done.callback(None)

    async def hear(self, *event: Any) -> None:
        """Return once this was heard. What was heard before counts."""
        if event not in self.heard:
            done: Deferred[None] = Deferred()
            self._awaited.append((event, done))
            await done.addTimeout(_PATIENCE, reactor)  # type: ignore[arg-type]


def name(number: int) -> MsgName:
    return MsgName(number, f"uuid-{number}")


def message(number: int, text: str = "Hi") -> bytes:
    """A message as it lies in the outbox."""
    fields = {"id": number, "uuid": f"uuid-{number}", "text": text, "attachments": []}
    return json.dumps(fields, separators=(",", ":")).encode()


def ids(items: Iterable[OutboxItem]) -> list[int]:
    return [json.loads(item.msg_out)["id"] for item in items]


def texts(batch: Batch) -> list[str]:
    """What the visitor said, as far as a batch has it."""
    return [entry.event.text for entry in batch.entries if isinstance(entry.event, Incoming)]


def claimed(claim: ClaimResult) -> Batch:
    """The batch of a call that claimed the chat."""
    assert claim.state == "claimed"
    assert claim.batch is not None
    return claim.batch
