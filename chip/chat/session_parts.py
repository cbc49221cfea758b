"""What a session uses of the rest of Chip, as one value."""

from collections.abc import Callable
from dataclasses import dataclass

from chip.buckets import Buckets
from chip.chat.chat_start import ChatStarter
from chip.chat.feed import Feed
from chip.chat.history import History
from chip.chat.hub import Hub
from chip.chat.observer import Observer
from chip.chat.outbound.outbound import Outbound
from chip.chat.ports import Notes, Outbox, Store
from chip.chat.rates import SendRates
from chip.chat.reconciler import Reconciler
from chip.chat.replies import Replies
from chip.limits import Limits
from chip.models import ChatKey
from chip.tasks import Clock, Tasks


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What sessions use; one object for all sessions of a process."""

    chat_starter: ChatStarter
    outbound: Outbound
    outbox: Outbox
    reconciler: Reconciler | None
    notes: Notes
    store: Store
    hub: Hub
    history: History
    send_rates: SendRates
    email_rates: Buckets
    limits: Limits
    clock: Clock
    now: Callable[[], float]
    """The time of day, for people."""
    tasks: Tasks
    observer: Observer

    def feed(self, chat: ChatKey, replies: Replies) -> Feed:
        """What flows to a connection in this chat."""
        return Feed(
            chat,
            outbox=self.outbox,
            reconciler=self.reconciler,
            clock=self.clock,
            tasks=self.tasks,
            limits=self.limits,
            replies=replies,
        )
