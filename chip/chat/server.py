"""Builds the core of Chip, and starts and stops its parts in order.

It is handed a store, queues and a gateway, and does not know which ones. What it builds knows its
own parts only; nothing refers back to here.
"""

import time
from collections.abc import Callable

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from chip.buckets import Buckets
from chip.chat.archive import Archive
from chip.chat.chat_start import ChatStarter
from chip.chat.client import Client
from chip.chat.history import History
from chip.chat.hub import Hub
from chip.chat.inbound import Inbound
from chip.chat.joiner import Joiner
from chip.chat.lookups import Lookups
from chip.chat.observer import Observer
from chip.chat.outbound.outbound import Outbound
from chip.chat.outbound.ports import Gateway
from chip.chat.ports import Acked, Queue, SentMessages, Store
from chip.chat.rates import SendRates
from chip.chat.reconciler import Reconciler
from chip.chat.session import Session
from chip.chat.session_parts import SessionParts
from chip.errors import Unavailable
from chip.limits import Limits
from chip.models import Channel, ChatKey
from chip.tasks import Clock, Tasks, every, within

EXPIRE_EVERY = 60.0
"""Seconds between two looks for messages that have waited too long."""
EXPIRE_CHATS = 100
"""Chats that one such look clears."""


class ChatServer:
    """Chats of any number of visitors, on a store, queues and a gateway.

    `archive` keeps what is said on channels that name a Courier of their own; without one there
    are no such channels. `sent_messages` is where outboxes have back what they have lost, if there
    is such a place. `now` tells the time of day.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        gateway: Gateway,
        limits: Limits,
        clock: Clock,
        now: Callable[[], float] = time.time,
        observer: Observer | None = None,
        archive: Archive | None = None,
        sent_messages: SentMessages | None = None,
    ) -> None:
        self._clock = clock
        self._tasks = tasks = Tasks()
        self._observer = observer = observer or Observer()
        self._outbox = queue.outbox
        self._expiring: LoopingCall | None = None
        self.lookups = lookups = Lookups(store, clock.seconds, limits)
        self.hub = Hub(queue.live, limits.sockets_per_chat)
        self.outbound = Outbound(
            queue=queue,
            store=store,
            lookups=lookups,
            gateway=gateway,
            acked=self._acked,
            archive=archive,
            limits=limits,
            tasks=tasks,
            clock=clock,
            observer=observer,
        )
        self._reconciler: Reconciler | None = None
        if sent_messages:
            self._reconciler = Reconciler(
                sent_messages=sent_messages,
                outbox=queue.outbox,
                lookups=lookups,
                hub=self.hub,
                limits=limits,
                clock=clock,
                tasks=tasks,
                observer=observer,
            )
        self._joiner: Joiner | None = None
        if archive:
            self._joiner = Joiner(
                archive=archive,
                lookups=lookups,
                outbox=queue.outbox,
                tasks=tasks,
                clock=clock,
                observer=observer,
            )
        self.inbound = Inbound(
            store=store,
            lookups=lookups,
            outbox=queue.outbox,
            notes=queue.notes,
            clock=clock,
            now=now,
            observer=observer,
            joiner=self._joiner,
        )
        self._session_parts = SessionParts(
            chat_starter=ChatStarter(
                lookups=lookups,
                notes=queue.notes,
                outbound=self.outbound,
                clock=clock,
                limits=limits,
            ),
            outbound=self.outbound,
            outbox=queue.outbox,
            reconciler=self._reconciler,
            notes=queue.notes,
            store=store,
            hub=self.hub,
            history=History(store=store, lookups=lookups, seconds=clock.seconds, limits=limits),
            send_rates=SendRates(limits),
            email_rates=Buckets(limits.emails_per_minute / 60, limits.emails_burst),
            limits=limits,
            clock=clock,
            now=now,
            tasks=tasks,
            observer=observer,
        )

    def open(self, channel: Channel, client: Client) -> Session:
        """A session for a visitor's new connection."""
        return Session(self._session_parts, channel, client)

    async def start(self) -> None:
        """Begin forwarding. Raises Unavailable when the queue cannot be reached."""
        await self.outbound.start()
        if self._joiner:
            await self._joiner.start()
        self._expiring = every(self._clock, EXPIRE_EVERY, self._expire, now=False)

    def stop_taking_up(self) -> None:
        """Begin to stop: finish what is in hand, take up nothing more for Courier."""
        if self._expiring:
            self._expiring.stop()
            self._expiring = None
        if self._joiner:
            self._joiner.stop()
        if self._reconciler:
            self._reconciler.stop()
        self.outbound.stop()

    async def finish(self, deadline: float) -> None:
        """Wait at most `deadline` seconds for what is in hand, then let go of what is left: what
        was spooled or claimed is found again by whoever comes next."""
        try:
            await within(self._clock, deadline, self._tasks.finish())
        except Unavailable:
            self._log.warn("work in hand was left behind")
        try:
            await self.outbound.retire()
        except Unavailable:
            self._log.warn("claims could not be given up; they run out by themselves")

    def _acked(self, chat: ChatKey, acked: Acked) -> None:
        self.hub.acked(chat, acked.number)
        self._observer.shown(acked.age / 1000)

    def _expire(self) -> None:
        async def expire() -> None:
            self._observer.expired(await self._outbox.expire(EXPIRE_CHATS))

        self._tasks.spawn("expiring messages", expire())
