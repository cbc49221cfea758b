"""The heart of Chip, put together: everything that sessions and sends need, under one roof.

It owns the order in which its parts start and stop. It is handed a store, a queue and a gateway,
and does not know which ones.
"""

from typing import Protocol

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from chip.chat.chat_start import ChatStarter
from chip.chat.client import Client
from chip.chat.hub import Hub
from chip.chat.inbound import Inbound
from chip.chat.lookups import Lookups
from chip.chat.outbound.attempt import Attempts
from chip.chat.outbound.circuit import CircuitBreaker
from chip.chat.outbound.forwarder import Forwarder
from chip.chat.ports import Gateway, Queue, Store
from chip.chat.session import Session
from chip.errors import Unavailable
from chip.limits import Buckets, Limits
from chip.models import Channel
from chip.tasks import Clock, Tasks, every, within

EXPIRE_EVERY = 60.0
"""Seconds between two looks for messages that have waited too long."""
EXPIRE_CHATS = 100
"""Chats that one such look clears."""


class Observer(Protocol):
    """Who counts."""

    def command(self, kind: str) -> None:
        """A visitor's command has come in; `kind` is its type, or ``invalid``."""

    def error(self, code: str) -> None:
        """A visitor was told of an error."""

    def shown(self, seconds: float) -> None:
        """A message was acknowledged, so many seconds after it was accepted."""


class Nobody:
    """An `Observer` that does not care."""

    def command(self, kind: str) -> None:
        """Nothing."""

    def error(self, code: str) -> None:
        """Nothing."""

    def shown(self, seconds: float) -> None:
        """Nothing."""


class ChatServer:
    """What Chip means, whatever it stands on."""

    _log = Logger()

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        gateway: Gateway,
        limits: Limits,
        clock: Clock,
        observer: Observer | None = None,
    ) -> None:
        seconds = clock.seconds
        self.observer = observer or Nobody()
        self.limits = limits
        self.seconds = seconds
        self.store = store
        self.outbox = queue.outbox
        self.spool = queue.spool
        self.notes = queue.notes
        self.tasks = Tasks()
        self.directory = Lookups(store, seconds)
        self.line = CircuitBreaker(gateway, limits.courier_parallel, clock)
        self.hub = Hub(queue.live, limits.sockets_per_chat)
        self.send_rates = Buckets(limits.sends_per_second, limits.sends_burst)
        self.arrivals = ChatStarter(
            directory=self.directory,
            notes=queue.notes,
            line=self.line,
            clock=clock,
            seconds=seconds,
            limits=limits,
        )
        self.sending = Inbound(
            store=store,
            directory=self.directory,
            outbox=queue.outbox,
            notes=queue.notes,
            clock=clock,
            seconds=seconds,
        )
        delivery = Attempts(
            store=store,
            live=queue.live,
            directory=self.directory,
            line=self.line,
            seconds=seconds,
            max_age_hours=limits.spool_hours,
        )
        self.forwarder = Forwarder(queue.spool, self.line, delivery, self.tasks, clock)
        self.clock = clock
        self._expiring: LoopingCall | None = None

    def open(self, channel: Channel, client: Client) -> Session:
        """A session for a visitor's new connection."""
        return Session(self, channel, client)

    async def accept_send(self, channel_uuid: str, body: bytes) -> None:
        """Take a message from Courier; see `Inbound.accept`."""
        await self.sending.accept(channel_uuid, body)

    async def start(self) -> None:
        """Begin forwarding. Raises Unavailable when the queue cannot be reached."""
        await self.forwarder.start()
        self._expiring = every(self.clock, EXPIRE_EVERY, self._expire, now=False)

    def stop_taking_up(self) -> None:
        """Begin to stop: finish what is in hand, take up nothing more for Courier."""
        if self._expiring:
            self._expiring.stop()
            self._expiring = None
        self.forwarder.stop()

    async def finish(self, deadline: float) -> None:
        """Wait at most `deadline` seconds for what is in hand, then let go of what is left: what
        was spooled or claimed is found again by whoever comes next."""
        try:
            await within(self.clock, deadline, self.tasks.finish())
        except Unavailable:
            self._log.warn("work in hand was left behind")
        try:
            await self.forwarder.retire()
        except Unavailable:
            self._log.warn("claims could not be given up; they run out by themselves")

    def _expire(self) -> None:
        self.tasks.spawn("expiring messages", self.outbox.expire(EXPIRE_CHATS))
