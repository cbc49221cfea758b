"""Queues in memory, as `chip.chat.ports.Queue`. They keep the same contract as the real ones.

Several `MemoryQueue` on one `MemoryQueues` are several processes on one server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from twisted.internet.task import Clock

from chip.chat.outbound.ports import (
    ABANDONED,
    ALIVE,
    BATCH,
    Appended,
    Batch,
    ClaimResult,
    Outcome,
    Spooled,
    SpoolEntry,
    claim_lasts,
)
from chip.chat.ports import Balances, Depths, LiveListener
from chip.errors import Unavailable
from chip.limits import Limits
from chip.models import ChatKey, Incoming, Report, SpoolEvent
from chip.protocol.events import MsgEcho, Said, encode_event
from chip.protocol.times import time_of_timestamp
from tests.support.memory_outbox import MemoryOutbox
from tests.support.memory_state import Chat, Counts

EMAIL_LIFE = 90 * 86400.0


class MemoryQueues:
    """What the processes share: a server of dictionaries. `away` cuts everybody off."""

    def __init__(self, clock: Clock, limits: Limits | None = None) -> None:
        self.clock = clock
        self.limits = limits or Limits()
        self.away = False
        self.to_visitors, self.to_courier = Counts(), Counts()
        self.chats: dict[ChatKey, Chat] = defaultdict(self._chat)
        self.alive: dict[str, float] = {}
        self.processes: list[MemoryQueue] = []
        self.loss, self.lost_at = "loss-1", clock.seconds()

    def _chat(self) -> Chat:
        """A chat of which nothing is known. Its numbers begin beyond all that were lost."""
        return Chat(head=1000 * int(self.loss[5:]))

    def lose(self, kept: dict[ChatKey, Chat] | None = None) -> None:
        """All that was stored is gone, but for what was `kept` at an earlier time."""
        self.chats.clear()
        self.chats.update(kept or {})
        self.loss = f"loss-{int(self.loss[5:]) + 1}"
        self.lost_at = self.clock.seconds()

    def process(self, token: str = "", limits: Limits | None = None) -> MemoryQueue:
        """Another process on this server."""
        process = MemoryQueue(self, token or f"token-{len(self.processes)}", limits or self.limits)
        self.processes.append(process)
        return process

    def reach(self) -> float:
        """The server's time, if it can be reached."""
        if self.away:
            raise Unavailable("the queue is away")
        return self.clock.seconds()

    def come_back(self) -> None:
        """The server was away, and everybody is connected again."""
        self.away = False
        for process in self.processes:
            if process.listener:
                process.listener.interrupted()

    def listeners(self, chat: ChatKey, *, but: MemoryQueue | None = None) -> list[LiveListener]:
        """Who hears what happens to a chat."""
        return [
            process.listener
            for process in self.processes
            if process.listener and chat in process.subscribed and process is not but
        ]


class MemoryQueue:
    """One process's side of the queues: `ports.Queue`."""

    def __init__(self, server: MemoryQueues, token: str, limits: Limits) -> None:
        self.server = server
        self.token = token
        self.limits = limits
        self.spool = MemorySpool(self)
        self.outbox = MemoryOutbox(self)
        self.notes = MemoryNotes(self)
        self.live = MemoryLive(self)
        self.listener: LiveListener | None = None
        self.subscribed: set[ChatKey] = set()
        self.reads = 0

    async def depths(self) -> Depths:
        now, chats = self.server.reach(), self.server.chats.values()
        return Depths(
            outbox_chats=sum(bool(state.items) for state in chats),
            outbox_oldest=max((now - s.items[0].stored for s in chats if s.items), default=0),
            spool_events=sum(len(state.spool) + len(state.reports) for state in chats),
            spool_oldest=max((now - s.spool[0][0] for s in chats if s.spool), default=0),
        )

    async def balances(self) -> Balances:
        self.server.reach()
        chats, server = self.server.chats.values(), self.server
        events = sum(len(state.spool) + len(state.reports) for state in chats)
        messages = sum(len(state.items) for state in chats)
        return Balances(server.to_visitors.balance(messages), server.to_courier.balance(events))


class _Part:
    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self._server = queue.server
        self._limits = queue.limits


class MemorySpool(_Part):
    async def append(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, last_confirmed: str, may_claim: bool
    ) -> Spooled:
        now, state = self._server.reach(), self._server.chats[chat]
        if state.last_confirmed is None:
            state.last_confirmed = last_confirmed
        results = [self._append(chat, event, now) for event in events]
        if "queued" in results:
            self._make_due(state, now)
        return Spooled(results, self._claim_if_free(chat, may_claim=may_claim))

    def _append(self, chat: ChatKey, event: SpoolEvent, now: float) -> Appended:
        state, limits = self._server.chats[chat], self._limits
        if isinstance(event, Incoming):
            memory = (limits.spool_hours + limits.duplicate_memory_hours) * 3600
            if event.ref and now - state.refs.get(event.ref, float("-inf")) < memory:
                return "repeated"
            in_all = sum(other.said for other in self._server.chats.values())
            if state.said >= limits.spool_events or in_all >= limits.spool_total:
                return "full"
            state.refs |= {event.ref: now} if event.ref else {}
            said = Said(text=event.text, ref=event.ref, time=time_of_timestamp(now))
            for listener in self._server.listeners(chat, but=self._queue):
                listener.told(chat, encode_event(MsgEcho(said)))
        state.spool.append((now, event))
        self._server.to_courier.accepted += 1
        return "queued"

    def add_report(self, chat: ChatKey, report: Report, ready: float) -> None:
        state = self._server.chats[chat]
        self._server.to_courier.accepted += report not in state.reports
        state.reports[report] = ready
        self._make_due(state, ready)

    def _make_due(self, state: Chat, time: float) -> None:
        if not state.owner:
            time = max(time, state.not_before)
            state.due = time if state.due is None else min(state.due, time)

    def _is_held(self, state: Chat, now: float) -> bool:
        if not state.owner:
            return False
        if state.owner == self._queue.token:
            return (state.due or 0) > now + claim_lasts(self._queue.limits) - ABANDONED
        alive = self._server.alive.get(state.owner, float("-inf")) > now
        return alive or (state.due or 0) > now

    def _claim_if_free(self, chat: ChatKey, *, may_claim: bool) -> ClaimResult:
        now, state = self._server.reach(), self._server.chats[chat]
        if state.due is None:
            return ClaimResult("idle")
        if self._is_held(state, now):
            return ClaimResult("elsewhere")
        if state.due > now:
            return ClaimResult("waiting", delay=round((state.due - now) * 1000))
        return self._give(chat, state, now) if may_claim else ClaimResult("waiting")

    def _give(self, chat: ChatKey, state: Chat, now: float) -> ClaimResult:
        for report in [one for one, ready in state.reports.items() if ready <= now]:
            del state.reports[report]
            state.spool.append((now, report))
        if not state.spool:
            return self._rest(state, now)
        unknown = max(state.unknown, state.under_way)
        entries = [SpoolEntry(event, int((now - at) * 1000)) for at, event in state.spool[:BATCH]]
        state.owner, state.not_before = self._queue.token, 0
        state.due = now + claim_lasts(self._queue.limits)
        state.grants += 1
        state.grant = f"{self._queue.token}:{state.grants}"
        state.under_way = len(entries)
        answered = state.last_text_at
        batch = Batch(
            chat=chat,
            grant=state.grant,
            asked_at=now,
            entries=entries,
            unknown=min(unknown, len(entries)),
            last_confirmed=state.last_confirmed,
            last_text=state.last_text,
            since_last_text=None if answered is None else int((now - answered) * 1000),
            tries=state.tries,
            failing_for=int((now - state.failing_since) * 1000) if state.tries else 0,
        )
        return ClaimResult("claimed", batch)

    def _rest(self, state: Chat, now: float) -> ClaimResult:
        """Nothing can go now."""
        state.owner, state.under_way, state.unknown = "", 0, 0
        state.tries, state.not_before = 0, 0
        state.due = min(state.reports.values(), default=None)
        if state.due is None:
            return ClaimResult("idle")
        return ClaimResult("waiting", delay=max(0, round((state.due - now) * 1000)))

    async def claim(self, chat: ChatKey) -> ClaimResult:
        return self._claim_if_free(chat, may_claim=True)

    async def settle(
        self, batch: Batch, outcome: Outcome, *, may_continue: bool = True
    ) -> ClaimResult:
        now, state = self._server.reach(), self._server.chats[batch.chat]
        kept = outcome.remove and now - state.email_at < EMAIL_LIFE
        email = state.email if kept else ""
        if (state.owner, state.grant) != (self._queue.token, batch.grant):
            return ClaimResult("elsewhere", email=email)
        for _, event in state.spool[: outcome.rejected]:
            if isinstance(event, Incoming):
                state.refs.pop(event.ref, None)
        removed = min(outcome.remove, len(state.spool))
        rejected = min(outcome.rejected, removed)
        self._server.to_courier.done += removed - rejected
        self._server.to_courier.given_up += rejected
        del state.spool[:removed]
        state.last_confirmed = outcome.last_confirmed or state.last_confirmed
        if outcome.last_text:
            state.last_text, state.last_text_at = outcome.last_text, now
        if not state.spool:
            return self._rest(state, now)._replace(email=email)
        if outcome.remove:
            state.tries = 0
        if outcome.failed:
            state.failing_since = state.failing_since if state.tries else now
            state.tries += 1
        state.owner, state.under_way, state.unknown = "", 0, outcome.unknown
        state.not_before = now + outcome.delay / 1000 if outcome.delay else 0
        state.due = now + outcome.delay / 1000
        if outcome.delay or not may_continue:
            return ClaimResult("waiting", delay=outcome.delay, email=email)
        return self._give(batch.chat, state, now)._replace(email=email)

    async def due(self, limit: int) -> list[ChatKey]:
        now, chats = self._server.reach(), self._server.chats
        due = [
            (state.due, chat)
            for chat, state in chats.items()
            if state.due is not None and state.due <= now and not self._is_held(state, now)
        ]
        return [chat for _, chat in sorted(due)][:limit]

    async def keep_alive(self) -> str:
        self._server.alive[self._queue.token] = self._server.reach() + ALIVE
        return ""

    async def retire(self) -> None:
        self._server.reach()
        self._server.alive.pop(self._queue.token, None)


class MemoryNotes(_Part):
    async def chat_made(self, chat: ChatKey, seconds: int) -> None:
        self._server.chats[chat].made_until = self._server.reach() + seconds

    async def was_chat_made(self, chat: ChatKey) -> bool:
        return self._server.reach() < self._server.chats[chat].made_until

    async def set_email(self, chat: ChatKey, email: str) -> None:
        state = self._server.chats[chat]
        state.email, state.email_at = email, self._server.reach()

    async def email(self, chat: ChatKey) -> str:
        state = self._server.chats[chat]
        return state.email if self._server.reach() - state.email_at < EMAIL_LIFE else ""


class MemoryLive(_Part):
    def listen(self, listener: LiveListener) -> None:
        self._queue.listener = listener

    async def subscribe(self, chat: ChatKey) -> None:
        self._server.reach()
        self._queue.subscribed.add(chat)

    def unsubscribe(self, chat: ChatKey) -> None:
        self._queue.subscribed.discard(chat)

    async def tell(self, chat: ChatKey, frame: bytes) -> None:
        self._server.reach()
        for listener in self._server.listeners(chat):
            listener.told(chat, frame)
