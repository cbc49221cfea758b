"""Every chat's queues, in whichever partition it is.

What is about one chat goes to its partition. What is about all of them is asked of each partition.
"""

from collections.abc import Sequence
from typing import Final

from chip.chat.outbound.ports import Appended, Batch, ClaimResult, Outcome, Spooled
from chip.chat.ports import Acked, Filled, Page, WiredMessage
from chip.errors import Unavailable
from chip.models import ChatKey, MsgName, SpoolEvent
from chip.queue.valkey.cluster.partitions import Partitions, Question
from chip.queue.valkey.cluster.shares import Shares
from chip.queue.valkey.cluster.slots import PARTITIONS, NodeAddress
from chip.queue.valkey.partition import Partition
from chip.tasks import Clock

FOUND_FOR: Final = 0.5
"""Seconds for which what was found due is believed to be so still."""
_ALIVE: Final = Question[str](
    call=lambda one: one.spool.call_alive(),
    read=lambda _, __: "",
    alone=lambda one: one.spool.keep_alive(),
)


class ClusterOutbox:
    """Messages waiting for their visitors (`ports.Outbox`)."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    async def append(self, chat: ChatKey, name: MsgName, msg_out: bytes) -> Appended:
        """Store a message and push it to every process that has the chat open."""
        return await self._partitions.of(chat).outbox.append(chat, name, msg_out)

    async def read(self, chat: ChatKey, after: int, limit: int, max_bytes: int) -> Page:
        """Items numbered above `after`, oldest first, within the limits but for the first."""
        return await self._partitions.of(chat).outbox.read(chat, after, limit, max_bytes)

    async def ack(self, chat: ChatKey, name: MsgName) -> Acked | None:
        """Take a message out and leave its ``delivered`` report."""
        return await self._partitions.of(chat).outbox.ack(chat, name)

    async def fill(self, chat: ChatKey, loss: str, messages: Sequence[WiredMessage]) -> Filled:
        """Put back those of `messages` that neither wait nor are remembered."""
        return await self._partitions.of(chat).outbox.fill(chat, loss, messages)

    async def expire(self, limit: int) -> int:
        """Take out messages beyond the age limit, and leave a ``failed`` report for each."""
        partitions = self._partitions
        found = await partitions.ask(partitions.all, lambda one: one.outbox.stale(limit))
        taken = 0
        trouble: Unavailable | None = None
        for partition, stale in found:
            if stale and limit > 0:
                try:
                    taken += await partition.outbox.expire_chats(stale[:limit])
                except Unavailable as error:  # those on other nodes may do better
                    trouble = error
                else:
                    limit -= len(stale)
        if trouble is not None and not taken:
            raise trouble
        return taken


class ClusterSpool:
    """Events waiting for Courier, and who is at work on them (`ports.Spool`)."""

    def __init__(self, partitions: Partitions, shares: Shares, clock: Clock) -> None:
        self._partitions = partitions
        self._shares = shares
        self._clock = clock
        # What was found due and not returned, longest due first, and when.
        self._found: list[ChatKey] = []
        self._found_at = 0.0

    async def append(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, last_confirmed: str, may_claim: bool
    ) -> Spooled:
        """Store events durably, and claim the chat if nobody has and it may be."""
        return await self._partitions.of(chat).spool.append(
            chat, events, last_confirmed=last_confirmed, may_claim=may_claim
        )

    async def claim(self, chat: ChatKey) -> ClaimResult:
        """Claim the chat if it is due and nobody holds it."""
        return await self._partitions.of(chat).spool.claim(chat)

    async def settle(
        self, batch: Batch, outcome: Outcome, *, may_continue: bool = True
    ) -> ClaimResult:
        """Note how an attempt ended, and go on or give the claim up."""
        spool = self._partitions.of(batch.chat).spool
        return await spool.settle(batch, outcome, may_continue=may_continue)

    async def due(self, limit: int) -> list[ChatKey]:
        """Chats whose time has come, longest due first; before them those whose claim was lost.
        Those on nodes that refuse what is to be stored come last, since they cannot be claimed.

        Where much is due, each partition has some of it: what is more than the limit is returned by
        the next calls, so that these need not ask all of them again."""
        if len(self._found) < limit or self._clock.seconds() > self._found_at + FOUND_FOR:
            self._found = await self._look(limit)
            self._found_at = self._clock.seconds()
        due, self._found = self._found[:limit], self._found[limit:]
        return due

    async def _look(self, limit: int) -> list[ChatKey]:
        looked_through = self._shares.to_look_through()
        lost = [number for number, one in enumerate(self._partitions.all) if one.spool.lost_any]
        question = Question(
            call=lambda one: one.spool.call_due(limit),
            read=lambda one, answer: one.spool.read_due(limit, answer),
            alone=lambda one: one.spool.due_since(limit),
        )
        due: dict[ChatKey, tuple[bool, float]] = {}
        numbers = {*looked_through, *lost}
        for partition, found in await self._partitions.ask_together(numbers, question):
            refuses = bool(partition.commands.outages.refusing.reason)
            due |= {chat: (refuses, since) for chat, since in found.items()}
        return sorted(due, key=due.__getitem__)

    async def keep_alive(self) -> str:
        """Renew all claims of this process, and hear who else lives. One partition of each node
        that answers is asked by itself, which tells whether it takes all that it should."""
        partitions = self._partitions
        for partition in partitions.all:
            partition.spool.forget_lost()
        took = {one for one, _ in await partitions.ask_together(range(PARTITIONS), _ALIVE)}
        by_node = partitions.by_node()
        taking = {place: [one for one in of if one in took] for place, of in by_node.items()}
        ones = [of[0] for of in taking.values() if of]
        well = dict(await partitions.ask(ones, lambda one: one.spool.keep_alive()))
        self._shares.living(await _living(next(iter(well))))
        away: dict[NodeAddress, int] = {}
        for place, of in taking.items():
            count = len(by_node[place]) - (len(of) if of and of[0] in well else 0)
            if count:
                away[place] = count
        if not away:
            return ""
        places = ", ".join(map(str, sorted(away)))
        return f"{sum(away.values())} of {PARTITIONS} partitions store nothing, those at {places}"

    async def retire(self) -> None:
        """Whatever this process still holds may be claimed as if it had died."""
        partitions = self._partitions
        await partitions.ask(partitions.all, lambda one: one.spool.retire())


class ClusterNotes:
    """Small things to remember about chats for a while (`ports.Notes`)."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    async def chat_made(self, chat: ChatKey, seconds: int) -> None:
        """This chat id was made just now; remember that for so long."""
        await self._partitions.of(chat).notes.chat_made(chat, seconds)

    async def was_chat_made(self, chat: ChatKey) -> bool:
        """Whether this chat id is remembered as made."""
        return await self._partitions.of(chat).notes.was_chat_made(chat)

    async def set_email(self, chat: ChatKey, email: str) -> None:
        """Remember the visitor's e-mail for 90 days."""
        await self._partitions.of(chat).notes.set_email(chat, email)

    async def email(self, chat: ChatKey) -> str:
        """The e-mail remembered for this chat, or ``""``."""
        return await self._partitions.of(chat).notes.email(chat)


async def _living(partition: Partition) -> list[bytes]:
    """The processes that are alive."""
    seconds, microseconds = await partition.commands.call(b"TIME")
    now = b"%d" % (int(seconds) * 1000 + int(microseconds) // 1000)
    alive = partition.keys.alive
    processes: list[bytes] = await partition.commands.call(b"ZRANGEBYSCORE", alive, now, b"+inf")
    return processes
