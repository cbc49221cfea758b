"""Everything that the heart needs from outside, in memory and under the test's control.

`MemoryStore` and `MemoryQueues` satisfy the heart's ports and pass the same contract tests as the
real ones; `ScriptedGateway` is a Courier that answers as the test tells it. Several `MemoryQueue`
on one `MemoryQueues` are several processes on one server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chip.chat.ports import (
    Acked,
    Appended,
    Batch,
    Claim,
    CourierAnswer,
    Depths,
    LiveListener,
    OutboxItem,
    Page,
    Spooled,
    SpoolEntry,
)
from chip.errors import Unavailable
from chip.limits import Limits
from chip.models import (
    Channel,
    ChatKey,
    Contact,
    HeardMessage,
    MsgName,
    StoredMessage,
    User,
)
from chip.protocol.courier import Era, Incoming, Report, SpoolEvent
from chip.protocol.events import MsgEcho, Said, encode_event
from chip.protocol.times import format_time, time_of_timestamp

CLAIM_LIFE = 12.0
COURIER_DEADLINE = 31.0


class MemoryStore:
    """A database of dictionaries. `away` makes every call raise Unavailable."""

    def __init__(self) -> None:
        self.away = False
        self.queries = 0
        self.channels: dict[str, Channel] = {}
        self.contacts: dict[tuple[int, str], Contact] = {}
        self.users: dict[int, User] = {}
        self.outgoing: dict[tuple[int, int], StoredMessage] = {}
        self.heard: dict[str, list[HeardMessage]] = defaultdict(list)
        self.pages: list[datetime] = []

    def _ask(self) -> None:
        self.queries += 1
        if self.away:
            raise Unavailable("the database is away")

    async def channel(self, uuid: str) -> Channel | None:
        self._ask()
        return self.channels.get(uuid)

    async def contact(self, channel: Channel, chat_id: str) -> Contact | None:
        self._ask()
        return self.contacts.get((channel.org_id, chat_id))

    async def user(self, user_id: int) -> User | None:
        self._ask()
        return self.users.get(user_id)

    async def message(self, contact: Contact, name: MsgName) -> StoredMessage | None:
        self._ask()
        for (contact_id, msg_id), stored in self.outgoing.items():
            if contact_id == contact.id and (msg_id == name.id or stored.uuid == name.uuid):
                return stored
        return None

    async def history(self, contact: Contact, before: datetime) -> bytes:
        self._ask()
        self.pages.append(before)
        return b'[{"msg_in":{"id":1,"text":"before ' + format_time(before).encode() + b'"}}]'

    async def set_email(self, contact: Contact, email: str, *, only_if_empty: bool = False) -> None:
        self._ask()
        for key, known in self.contacts.items():
            if known.id == contact.id and not (only_if_empty and known.email):
                self.contacts[key] = msgspec.structs.replace(known, email=email)

    async def heard_since(self, contact: Contact, last_heard: str) -> list[HeardMessage]:
        self._ask()
        heard = self.heard[contact.chat_id]
        if not last_heard:
            return heard[:100]
        uuids = [message.uuid for message in heard]
        return heard[uuids.index(last_heard) + 1 :][:100] if last_heard in uuids else []


@dataclass
class _Chat:
    items: list[tuple[float, OutboxItem, MsgName]] = field(default_factory=list)
    head: int = 0
    sent: dict[str, float] = field(default_factory=dict)
    spool: list[tuple[float, SpoolEvent]] = field(default_factory=list)
    refs: set[str] = field(default_factory=set)
    owner: str = ""
    ticket: int = 0
    began: float = 0
    under_way: int = 0
    due: float = 0
    last_heard: str | None = None
    last_text: str = ""
    last_text_at: float = 0
    tries: int = 0
    failing_since: float = 0
    email: str = ""
    made: float = float("-inf")


class MemoryQueues:
    """What the processes share: a server of dictionaries. `away` cuts everybody off."""

    def __init__(self, clock: Clock, limits: Limits | None = None) -> None:
        self.clock = clock
        self.limits = limits or Limits()
        self.away = False
        self.chats: dict[ChatKey, _Chat] = defaultdict(_Chat)
        self.eras: dict[str, Era] = {}
        self.alive: dict[str, float] = {}
        self.processes: list[MemoryQueue] = []
        self.tickets = count(1)

    def process(self) -> MemoryQueue:
        """Another process on this server."""
        process = MemoryQueue(self, f"token-{len(self.processes)}")
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


class MemoryQueue:
    """One process's side of the queues: `ports.Queue`."""

    def __init__(self, server: MemoryQueues, token: str) -> None:
        self.server = server
        self.token = token
        self.outbox = MemoryOutbox(self)
        self.spool = MemorySpool(self)
        self.notes = MemoryNotes(self)
        self.live = MemoryLive(self)
        self.listener: LiveListener | None = None
        self.subscribed: set[ChatKey] = set()
        self.reads = 0

    async def depths(self) -> Depths:
        now, chats = self.server.reach(), self.server.chats.values()
        return Depths(
            outbox_chats=sum(bool(state.items) for state in chats),
            outbox_oldest=max((now - s.items[0][0] for s in chats if s.items), default=0),
            spool_events=sum(len(state.spool) for state in chats),
            spool_oldest=max((now - s.spool[0][0] for s in chats if s.spool), default=0),
        )

    def listening(self, chat: ChatKey) -> list[MemoryQueue]:
        return [p for p in self.server.processes if chat in p.subscribed and p.listener]


class _Part:
    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self._server = queue.server


class MemoryOutbox(_Part):
    async def append(self, chat: ChatKey, name: MsgName, era: Era, msg_out: bytes) -> Appended:
        now, state = self._server.reach(), self._server.chats[chat]
        limits = self._server.limits
        names = {str(part) for part in (name.id, name.uuid) if part}
        memory = limits.duplicate_memory_hours * 3600
        if any(now - state.sent.get(part, float("-inf")) < memory for part in names):
            return "repeated"
        size = sum(len(item.msg_out) for _, item, _ in state.items) + len(msg_out)
        if len(state.items) >= limits.outbox_messages or size > limits.outbox_bytes:
            return "full"
        state.sent.update(dict.fromkeys(names, now))
        state.head = (state.head or 1000) + 1
        item = OutboxItem(state.head, name.outbox_id, msg_out)
        state.items.append((now, item, name))
        self._server.eras[chat.channel_uuid] = era
        state.last_text = ""
        for process in self._queue.listening(chat):
            process.listener.arrived(chat, item)  # type: ignore[union-attr]
        return "queued"

    async def read(self, chat: ChatKey, after: int, limit: int, max_bytes: int) -> Page:
        self._server.reach()
        self._queue.reads += 1
        state = self._server.chats[chat]
        waiting = [item for _, item, _ in state.items if item.number > after]
        page: list[OutboxItem] = []
        for item in waiting[:limit]:
            max_bytes -= len(item.msg_out)
            if page and max_bytes < 0:
                break
            page.append(item)
        return Page(state.head, page, len(page) < len(waiting))

    async def ack(self, chat: ChatKey, name: MsgName, *, may_claim: bool) -> Acked | None:
        now, state = self._server.reach(), self._server.chats[chat]
        for entry in state.items:
            _, item, known = entry
            if item.id == name.outbox_id or (name.uuid and known.uuid == name.uuid):
                state.items.remove(entry)
                report = Report("delivered", known.id, known.uuid)
                claim, batch = self._queue.spool.add(chat, [report], may_claim=may_claim)
                for process in self._queue.listening(chat):
                    if process is not self._queue:
                        process.listener.acked(chat, item.number)  # type: ignore[union-attr]
                return Acked(item.number, int((now - entry[0]) * 1000), claim, batch)
        return None

    async def expire(self, limit: int) -> int:
        now, taken = self._server.reach(), 0
        for chat, state in list(self._server.chats.items())[:limit]:
            for entry in list(state.items):
                if now - entry[0] > self._server.limits.outbox_days * 86400:
                    state.items.remove(entry)
                    self._queue.spool.add(
                        chat, [Report("failed", entry[2].id, entry[2].uuid)], may_claim=False
                    )
                    taken += 1
        return taken


class MemorySpool(_Part):
    BATCH = 50

    async def append(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, last_heard: str, may_claim: bool
    ) -> Spooled:
        now, state = self._server.reach(), self._server.chats[chat]
        if state.last_heard is None:
            state.last_heard = last_heard
        results: list[Appended] = []
        accepted: list[SpoolEvent] = []
        for event in events:
            ref = event.ref if isinstance(event, Incoming) else ""
            waiting = sum(isinstance(e, Incoming) for _, e in state.spool)
            waiting += sum(isinstance(e, Incoming) for e in accepted)
            if ref and ref in state.refs:
                results.append("repeated")
            elif isinstance(event, Incoming) and waiting >= self._server.limits.spool_events:
                results.append("full")
            else:
                results.append("queued")
                accepted.append(event)
                state.refs |= {ref} - {""}
                if isinstance(event, Incoming):
                    said = Said(text=event.text, ref=ref, time=time_of_timestamp(now))
                    for process in self._queue.listening(chat):
                        if process is not self._queue:
                            process.listener.echoed(  # type: ignore[union-attr]
                                chat, encode_event(MsgEcho(said))
                            )
        return Spooled(results, *self.add(chat, accepted, may_claim=may_claim))

    def add(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, may_claim: bool
    ) -> tuple[Claim, Batch | None]:
        state = self._server.chats[chat]
        state.spool.extend((self._server.reach(), event) for event in events)
        return self._claim(chat, may_claim=may_claim)

    def _claim(
        self, chat: ChatKey, *, may_claim: bool, afresh: bool = False
    ) -> tuple[Claim, Batch | None]:
        now, state = self._server.reach(), self._server.chats[chat]
        if not state.spool and not state.owner:
            return "idle", None
        if state.owner:
            alive = self._server.alive.get(state.owner, float("-inf")) > now
            mine_again = state.owner == self._queue.token and afresh
            if (alive and not mine_again) or now < state.began + COURIER_DEADLINE:
                return "elsewhere", None
        if state.due > now or not may_claim:
            return "waiting", None
        state.owner, state.began, state.due = self._queue.token, now, now + COURIER_DEADLINE
        state.ticket = next(self._server.tickets)
        unknown = state.under_way
        entries = [
            SpoolEntry(event, int((now - at) * 1000)) for at, event in state.spool[: self.BATCH]
        ]
        state.under_way = len(entries)
        return "claimed", Batch(
            chat=chat,
            ticket=state.ticket,
            entries=entries,
            unknown=unknown,
            last_heard=state.last_heard,
            last_text=state.last_text,
            since_last_text=int((now - state.last_text_at) * 1000) if state.last_text else 0,
            tries=state.tries,
            failing_for=int((now - state.failing_since) * 1000) if state.tries else 0,
            era=self._server.eras.get(chat.channel_uuid, "id"),
            email=state.email,
        )

    async def claim(self, chat: ChatKey) -> tuple[Claim, Batch | None]:
        return self._claim(chat, may_claim=True, afresh=True)

    async def settle(
        self,
        batch: Batch,
        *,
        remove: int = 0,
        last_heard: str = "",
        last_text: str = "",
        forget_refs: Sequence[str] = (),
        failed: bool = False,
        unknown: int = 0,
        delay: int = 0,
        may_continue: bool = True,
    ) -> tuple[Claim, Batch | None]:
        now, state = self._server.reach(), self._server.chats[batch.chat]
        if (state.owner, state.ticket) != (self._queue.token, batch.ticket):
            return "elsewhere", None
        del state.spool[:remove]
        state.refs -= set(forget_refs)
        state.last_heard = last_heard or state.last_heard
        if last_text:
            state.last_text, state.last_text_at = last_text, now
        if remove:
            state.tries = 0
        if failed:
            state.failing_since = now if state.tries == 0 else state.failing_since
            state.tries += 1
        state.owner = ""
        state.under_way = unknown
        state.due = now + delay / 1000 if state.spool else now
        return self._claim(batch.chat, may_claim=may_continue)

    async def due(self, limit: int) -> list[ChatKey]:
        now = self._server.reach()
        due = [c for c, s in self._server.chats.items() if s.spool and s.due <= now]
        return sorted(due, key=lambda chat: self._server.chats[chat].due)[:limit]

    async def keep_alive(self) -> None:
        self._server.alive[self._queue.token] = self._server.reach() + CLAIM_LIFE

    async def retire(self) -> None:
        self._server.reach()
        self._server.alive.pop(self._queue.token, None)


class MemoryNotes(_Part):
    async def chat_made(self, chat: ChatKey) -> None:
        self._server.chats[chat].made = self._server.reach()

    async def was_chat_made(self, chat: ChatKey) -> bool:
        return self._server.reach() - self._server.chats[chat].made < 60

    async def set_email(self, chat: ChatKey, email: str) -> None:
        self._server.reach()
        self._server.chats[chat].email = email

    async def email(self, chat: ChatKey) -> str:
        self._server.reach()
        return self._server.chats[chat].email


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
        for process in self._queue.listening(chat):
            process.listener.told(chat, frame)  # type: ignore[union-attr]


@dataclass
class Request:
    """One request to Courier: what it held, and how to answer it."""

    channel: Channel
    chat_id: str
    events: list[dict[str, object]]
    answer: Deferred[CourierAnswer]

    @property
    def texts(self) -> list[object]:
        return [event["msg"]["text"] for event in self.events if "msg" in event]  # type: ignore[index]

    @property
    def statuses(self) -> list[object]:
        return [event["status"] for event in self.events if "status" in event]

    def handle(self, *heard: str) -> None:
        """Courier took it, and made messages with these uuids."""
        self.answer.callback(CourierAnswer("handled", list(heard), "status 200"))

    def fail(self, kind: str, detail: str = "a test's word") -> None:
        """It ended in one of the other ways of `ports.Answer`."""
        self.answer.callback(CourierAnswer(kind, [], detail))  # type: ignore[arg-type]


class ScriptedGateway:
    """Courier, as the test plays it: requests wait in `requests` until the test answers.

    With a `store`, contacts are made as Courier makes them, and a chat's start is answered at
    once; `starts_fail` answers it with 5xx instead, `starts_need` refuses any other secret.
    """

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store
        self.requests: list[Request] = []
        self.starts: list[str] = []
        self.starts_fail = False
        self.starts_need = ""

    async def post(
        self, channel: Channel, chat_id: str, events: list[dict[str, object]]
    ) -> CourierAnswer:
        if self.store and events == [{"type": "chat_started"}]:
            self.starts.append(chat_id)
            if self.starts_fail:
                return CourierAnswer("failed", [], "status 500 from Courier")
            if self.starts_need not in ("", channel.secret):
                return CourierAnswer("refused", [], "status 400 from Courier")
            contact_id = 1000 + len(self.starts)
            self.store.contacts[channel.org_id, chat_id] = Contact(contact_id, contact_id, chat_id)
            return CourierAnswer("handled", [], "status 200")
        request = Request(channel, chat_id, events, Deferred())
        self.requests.append(request)
        return await request.answer

    def take(self) -> Request:
        """The one request that waits."""
        (request,) = self.requests
        self.requests.clear()
        return request
