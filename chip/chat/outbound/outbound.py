"""Everything on its way to Courier: the only way in.

    say ──────────▶ spool ──▶ forwarder ──▶ attempt ──▶ channel requests ──▶ circuit ──▶ gateway
    acknowledge ──▶ report ─────┘
    start_chat ─────────────────────────────────────▶ channel requests ──▶ circuit ──▶ gateway

It owns the step that stores what was said and claims its chat: room at the forwarder is reserved
before, and the forwarder goes on after. What waits survives everything; who calls here need know
nothing of claims.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from chip.chat.archive import Archive
from chip.chat.hops import HOPS
from chip.chat.lookups import Lookups
from chip.chat.observer import Observer
from chip.chat.outbound.acknowledger import Acknowledger
from chip.chat.outbound.arrivals import Arrivals
from chip.chat.outbound.attempt import Attempts
from chip.chat.outbound.channel_requests import ChannelRequests
from chip.chat.outbound.circuits import Circuits
from chip.chat.outbound.forwarder import Forwarder
from chip.chat.outbound.keeper import Keeper
from chip.chat.outbound.ports import Appended, CourierAnswer, Gateway
from chip.chat.outbound.report_names import ReportNames
from chip.chat.outbound.wiped_emails import WipedEmails
from chip.chat.ports import Acked, Queue, Store
from chip.limits import Limits
from chip.models import Channel, ChatKey, Incoming, MsgName
from chip.tasks import Clock, Tasks


class Outbound:
    """What visitors do, handed to Courier at least once and in order per chat.

    `acked` is told of every acknowledgement that was stored.
    """

    def __init__(
        self,
        *,
        queue: Queue,
        store: Store,
        lookups: Lookups,
        gateway: Gateway,
        acked: Callable[[ChatKey, Acked], object],
        limits: Limits,
        tasks: Tasks,
        clock: Clock,
        observer: Observer,
        archive: Archive | None = None,
    ) -> None:
        self._observer = observer
        self._spool = queue.spool
        self._habits = gateway.habits
        self._circuits = Circuits(gateway, limits.courier_parallel, clock)
        self._requests = ChannelRequests(self._circuits, lookups, clock.seconds, observer)
        attempts = Attempts(
            arrivals=Arrivals(store, lookups, clock.seconds),
            report_names=ReportNames(store, lookups, clock),
            live=queue.live,
            lookups=lookups,
            requests=self._requests,
            circuits=self._circuits,
            habits=gateway.habits,
            keeper=Keeper(archive, clock),
            seconds=clock.seconds,
            max_age_hours=limits.spool_hours,
            observer=observer,
        )
        self._forwarder = Forwarder(
            spool=queue.spool,
            circuit=self._circuits.own,
            attempts=attempts,
            wiped_emails=WipedEmails(
                store=store, notes=queue.notes, lookups=lookups, tasks=tasks, clock=clock
            ),
            tasks=tasks,
            clock=clock,
        )
        under_way = limits.sockets_per_address * limits.window_messages
        self._acknowledger = Acknowledger(queue.outbox, acked, tasks, clock, under_way)

    @property
    def courier_is_away(self) -> bool:
        """Whether Courier, or any that a channel names, has not answered for a while."""
        return self._circuits.any_is_open

    @property
    def courier_trouble(self) -> str:
        """Why Courier, or one that a channel names, did not take the last request; ``""`` when all
        did."""
        return self._circuits.trouble

    @property
    def retry_after(self) -> int:
        """Seconds after which a new chat may be tried again."""
        return self._circuits.own.retry_after

    async def say(
        self, chat: ChatKey, messages: Sequence[Incoming], *, last_confirmed: str
    ) -> list[Appended]:
        """Store what the visitor said. Once this returns, it is safe. Raises Unavailable.

        `last_confirmed` is the uuid of the newest message that Courier had from this chat before.
        """
        with self._forwarder.reserve() as may_claim:
            spooled = await self._spool.append(
                chat, messages, last_confirmed=last_confirmed, may_claim=may_claim
            )
            HOPS.tell("stored", chat, messages, *spooled.results)
            for result, times in Counter(spooled.results).items():
                self._observer.message("visitor", chat.channel_uuid, result, times)
            self._forwarder.go_on(chat, spooled.claim)
        return spooled.results

    async def acknowledge(self, chat: ChatKey, name: MsgName, address: str) -> None:
        """Note that the visitor, at `address`, has seen a message, and report it.

        What cannot be stored for now is kept and tried again. Does nothing when no such message
        waits. Raises Unavailable when too much is kept.
        """
        await self._acknowledger.acknowledge(chat, name, address)

    def makes_contact_at_start(self, channel: Channel) -> bool:
        """Whether `start_chat` makes the contact; else the visitor's first message does."""
        return self._habits(channel).contact_at_start

    async def start_chat(self, channel: Channel, chat: ChatKey) -> CourierAnswer:
        """Have Courier make the contact of a new chat. Never raises.

        The spool is left aside: a visitor waits for the answer.
        """
        return await self._requests.start_chat(channel, chat)

    async def start(self) -> None:
        """Begin forwarding. Raises Unavailable when the queue cannot be reached."""
        await self._forwarder.start()

    def stop(self) -> None:
        """Take up nothing more; what is under way goes on."""
        self._forwarder.stop()

    async def retire(self) -> None:
        """Store what is kept and give up what is still claimed, after `stop`. Raises
        Unavailable."""
        await self._acknowledger.finish()
        await self._forwarder.retire()
