"""Every chat's queues, in whichever partition it is.

What is about one chat goes to its partition. What is about all of them is asked of each partition,
and those that cannot be asked are left out as long as there are others.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from chip.chat.outbound.ports import Appended, Batch, ClaimResult, Outcome, Spooled
from chip.chat.ports import Acked, Page
from chip.errors import Unavailable
from chip.models import ChatKey, MsgName, SpoolEvent
from chip.queue.valkey.cluster.shares import Shares
from chip.queue.valkey.cluster.slots import partition_of
from chip.queue.valkey.partition import Partition

T = TypeVar("T")


async def of_reachable(
    partitions: Iterable[Partition], ask: Callable[[Partition], Awaitable[T]]
) -> list[tuple[Partition, T]]:
    """What the partitions answer, without those that are away. Raises Unavailable when all are,
    and whatever else goes wrong."""
    asked = list(partitions)

    async def answer(partition: Partition) -> T:
        return await ask(partition)

    ended = await DeferredList(
        [Deferred.fromCoroutine(answer(partition)) for partition in asked], consumeErrors=True
    )
    found: list[tuple[Partition, T]] = []
    away: Failure | None = None
    for partition, (worked, result) in zip(asked, ended, strict=True):
        if worked:
            found.append((partition, result))
        else:
            away = cast(Failure, result)
            if not isinstance(away.value, Unavailable):
                away.raiseException()
    if away is not None and not found:
        away.raiseException()
    return found


class ClusterOutbox:
    """Messages waiting for their visitors (`ports.Outbox`)."""

    def __init__(self, partitions: Sequence[Partition]) -> None:
        self._partitions = partitions

    async def append(self, chat: ChatKey, name: MsgName, msg_out: bytes) -> Appended:
        """Store a message and push it to every process that has the chat open."""
        return await _of(self._partitions, chat).outbox.append(chat, name, msg_out)

    async def read(self, chat: ChatKey, after: int, limit: int, max_bytes: int) -> Page:
        """Items numbered above `after`, oldest first, within the limits but for the first."""
        return await _of(self._partitions, chat).outbox.read(chat, after, limit, max_bytes)

    async def ack(self, chat: ChatKey, name: MsgName) -> Acked | None:
        """Take a message out and leave its ``delivered`` report."""
        return await _of(self._partitions, chat).outbox.ack(chat, name)

    async def expire(self, limit: int) -> int:
        """Take out messages beyond the age limit, and leave a ``failed`` report for each."""
        found = await of_reachable(self._partitions, lambda one: one.outbox.stale(limit))
        taken = 0
        for partition, stale in found:
            if stale and limit > 0:
                taken += await partition.outbox.expire_chats(stale[:limit])
                limit -= len(stale)
        return taken


class ClusterSpool:
    """Events waiting for Courier, and who is at work on them (`ports.Spool`)."""

    def __init__(self, partitions: Sequence[Partition], shares: Shares) -> None:
        self._partitions = partitions
        self._shares = shares

    async def append(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, last_confirmed: str, may_claim: bool
    ) -> Spooled:
        """Store events durably, and claim the chat if nobody has and it may be."""
        return await _of(self._partitions, chat).spool.append(
            chat, events, last_confirmed=last_confirmed, may_claim=may_claim
        )

    async def claim(self, chat: ChatKey) -> ClaimResult:
        """Claim the chat if it is due and nobody holds it."""
        return await _of(self._partitions, chat).spool.claim(chat)

    async def settle(
        self, batch: Batch, outcome: Outcome, *, may_continue: bool = True
    ) -> ClaimResult:
        """Note how an attempt ended, and go on or give the claim up."""
        spool = _of(self._partitions, batch.chat).spool
        return await spool.settle(batch, outcome, may_continue=may_continue)

    async def due(self, limit: int) -> list[ChatKey]:
        """Chats whose time has come, longest due first; before them those whose claim was lost."""
        numbers = self._shares.to_look_through()
        lost = [number for number, one in enumerate(self._partitions) if one.spool.lost_any]
        asked = [self._partitions[number] for number in {*numbers, *lost}]
        due: dict[ChatKey, float] = {}
        for _, found in await of_reachable(asked, lambda one: one.spool.due_since(limit)):
            due |= found
        return sorted(due, key=due.__getitem__)[:limit]

    async def keep_alive(self) -> None:
        """Renew all claims of this process, and hear who else lives."""
        (first, _), *_ = await of_reachable(self._partitions, lambda one: one.spool.keep_alive())
        self._shares.living(await _living(first))

    async def retire(self) -> None:
        """Whatever this process still holds may be claimed as if it had died."""
        await of_reachable(self._partitions, lambda one: one.spool.retire())


class ClusterNotes:
    """Small things to remember about chats for a while (`ports.Notes`)."""

    def __init__(self, partitions: Sequence[Partition]) -> None:
        self._partitions = partitions

    async def chat_made(self, chat: ChatKey, seconds: int) -> None:
        """This chat id was made just now; remember that for so long."""
        await _of(self._partitions, chat).notes.chat_made(chat, seconds)

    async def was_chat_made(self, chat: ChatKey) -> bool:
        """Whether this chat id is remembered as made."""
        return await _of(self._partitions, chat).notes.was_chat_made(chat)

    async def set_email(self, chat: ChatKey, email: str) -> None:
        """Remember the visitor's e-mail for 90 days."""
        await _of(self._partitions, chat).notes.set_email(chat, email)

    async def email(self, chat: ChatKey) -> str:
        """The e-mail remembered for this chat, or ``""``."""
        return await _of(self._partitions, chat).notes.email(chat)


async def _living(partition: Partition) -> list[bytes]:
    """The processes that are alive."""
    seconds, microseconds = await partition.commands.call(b"TIME")
    now = b"%d" % (int(seconds) * 1000 + int(microseconds) // 1000)
    alive = partition.keys.alive
    processes: list[bytes] = await partition.commands.call(b"ZRANGEBYSCORE", alive, now, b"+inf")
    return processes


def _of(partitions: Sequence[Partition], chat: ChatKey) -> Partition:
    return partitions[partition_of(str(chat).encode())]
