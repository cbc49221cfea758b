"""Forwards events to Courier: in order per chat, retried, never dropped.

The forwarder owns when a chat's spool is worked on and how many chats at once; what one attempt
means is in `attempt`. It takes up a chat in three ways: an append that found the chat unclaimed
brings the first batch with it; a chat that found no room waits here until there is some; and a look
at what is due, every second at least, finds reports that have rested, retries, and the chats of
processes that died. What is due and cannot be claimed, it tries after all others: the queue may
refuse one chat, or those on one node, for as long as it likes.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from chip.chat.hops import HOPS
from chip.chat.outbound.attempt import Attempts
from chip.chat.outbound.circuit import CircuitBreaker
from chip.chat.outbound.ports import ALIVE, Batch, ClaimResult, Outcome, Spool
from chip.chat.outbound.wiped_emails import WipedEmails
from chip.errors import Unavailable
from chip.models import ChatKey
from chip.tasks import Clock, Tasks, every, pause

LOOK_EVERY = 1.0
"""Seconds between two looks for chats that are due."""
TAKEN_TOGETHER = 8
"""Chats that one look takes up at most: what is taken up at one moment is what everybody's messages
wait behind (`bench`: "delivery", p99)."""
NEXT_LOOK_AFTER = 0.01
"""Seconds until the next look where there may be more."""
KEEP_ALIVE_EVERY = ALIVE / 3
"""Seconds between two renewals of this process's claims."""
SETTLE_EVERY = 0.5
"""Seconds between two tries to report an outcome to a queue that is away."""
SETTLE_TRIES = 600
"""Such tries before the outcome is left to be found out again."""
MAX_READY = 10_000
"""Chats that wait here for room; beyond that, the look at what is due finds them."""
TRIED_FOR = 60.0
"""Seconds for which a chat that was due and could not be claimed is tried after others."""
MORE_ASKED_FOR = 256
"""Chats that are asked for beyond the room there is, while there are such chats."""


class Forwarder:
    """The chats that this process is at work on."""

    _log = Logger()

    def __init__(
        self,
        *,
        spool: Spool,
        circuit: CircuitBreaker,
        attempts: Attempts,
        wiped_emails: WipedEmails,
        tasks: Tasks,
        clock: Clock,
    ) -> None:
        self._spool = spool
        self._circuit = circuit
        self._attempts = attempts
        self._wiped_emails = wiped_emails
        self._tasks = tasks
        self._clock = clock
        self._working = 0
        self._reserved = 0
        self._ready: OrderedDict[ChatKey, None] = OrderedDict()
        # Chats that were due and have not been claimed since, and when that was tried last.
        self._tried: dict[ChatKey, float] = {}
        self._stopped = False
        self._taking_up = False
        self._more_due = False
        self._keeping_alive: LoopingCall | None = None
        self._next_look: Any = None

    async def start(self) -> None:
        """Begin. Raises Unavailable when the queue cannot be reached."""
        await self._spool.keep_alive()
        self._keeping_alive = every(self._clock, KEEP_ALIVE_EVERY, self._keep_alive, now=False)
        self._look()

    def stop(self) -> None:
        """Take up nothing more. What is under way goes on; it is among the tasks."""
        self._stopped = True

    async def retire(self) -> None:
        """Give up what is still held, after `stop` and when the deadline has passed."""
        if self._keeping_alive:
            self._keeping_alive.stop()
            self._next_look.cancel()
            self._keeping_alive = None
        await self._spool.retire()

    @property
    def _has_room(self) -> bool:
        """Whether another chat can be worked on now."""
        if self._stopped:
            return False
        taken = self._working + self._reserved
        if self._circuit.is_open:
            return taken == 0 and self._circuit.may_probe
        return taken < self._circuit.for_forwarding

    @contextmanager
    def reserve(self) -> Iterator[bool]:
        """Whether a chat may be claimed. The room for it is kept until the end of the block, which
        is to hold the call that claims and that of `go_on`: many may ask in the meantime."""
        reserved = self._has_room
        self._reserved += reserved
        try:
            yield reserved
        finally:
            self._reserved -= reserved
            if reserved:
                self._take_up()

    def go_on(self, chat: ChatKey, claim: ClaimResult) -> None:
        """Something was spooled for `chat`: work on it, now or as soon as there is room."""
        if claim.batch is not None:
            self._working += 1
            self._tasks.spawn("forwarding a chat", self._work(claim.batch))
        elif claim.state == "waiting" and claim.delay >= LOOK_EVERY * 1000:
            return  # the look at what is due will find it
        elif claim.state == "waiting" and claim.delay:
            self._clock.callLater(claim.delay / 1000, self.go_on, chat, ClaimResult("waiting"))
        elif claim.state == "waiting" and self._may_wait_here:
            self._ready[chat] = None
            # Room that was taken when this was asked may be free by now.
            self._take_up()

    @property
    def _may_wait_here(self) -> bool:
        return not self._circuit.is_open and len(self._ready) < MAX_READY

    async def _work(self, batch: Batch | None) -> None:
        worked = batch is not None
        try:
            while batch is not None:
                batch = await self._attempt(batch)
        except Unavailable:
            # The queue stays away. The claim is found again when it is back.
            self._log.debug("a chat was left to be taken up later")
        finally:
            self._working -= 1
            self._take_up(look=worked)

    async def _attempt(self, batch: Batch) -> Batch | None:
        HOPS.tell("claimed", batch.chat, batch.entries)
        outcome = await self._attempts.make(batch)
        # Where others wait for room, each chat has one attempt in turn.
        may_continue = not self._ready and not self._stopped
        claim = await self._settle(batch, outcome, may_continue)
        if outcome.rejected:
            self._tasks.spawn("telling of refusals", self._attempts.tell_rejected(batch, outcome))
        if claim.email:
            self._wiped_emails.put_back(batch.chat, claim.email)
        if claim.batch is None:
            self.go_on(batch.chat, claim)
        return claim.batch

    async def _settle(self, batch: Batch, outcome: Outcome, may_continue: bool) -> ClaimResult:
        """Report `outcome` to the spool, and keep trying while the queue is away: what is known
        now would otherwise have to be found out again."""
        for _ in range(SETTLE_TRIES):
            try:
                return await self._spool.settle(batch, outcome, may_continue=may_continue)
            except Unavailable:
                if self._stopped:
                    raise
                await pause(self._clock, SETTLE_EVERY)
        raise Unavailable("the queue is away")

    def _take_up(self, *, look: bool = True) -> None:
        """There may be room. Without `look`, nothing has come of what was due: to look at once
        for more of it might never end."""
        # A claim that fails at once comes here again: the call that is under way goes on then.
        if not self._taking_up:
            self._taking_up = True
            try:
                while self._ready and self._has_room:
                    chat, _ = self._ready.popitem(last=False)
                    self._working += 1
                    self._tasks.spawn("taking up a chat", self._claim(chat))
            finally:
                self._taking_up = False
        if look and self._more_due and self._has_room:
            self._more_due = False
            self._next_look.reset(NEXT_LOOK_AFTER)

    async def _claim(self, chat: ChatKey) -> None:
        batch: Batch | None = None
        try:
            batch = (await self._spool.claim(chat)).batch
            self._tried.pop(chat, None)
        finally:
            await self._work(batch)

    def _look(self) -> None:
        self._next_look = self._clock.callLater(LOOK_EVERY, self._look)
        self._more_due = False
        if self._has_room:
            self._tasks.spawn("looking for due chats", self._take_up_due())

    async def _take_up_due(self) -> None:
        taken = self._working + self._reserved
        room = min(TAKEN_TOGETHER, self._circuit.for_forwarding - taken)
        room = 1 if self._circuit.is_open else room
        due = await self._due(room)
        # A full answer means that there may be more. Probes, however, are as far apart as the looks
        # are.
        self._more_due = len(due) == room and not self._circuit.is_open
        for chat in due:
            if not self._has_room:
                break
            self._ready.pop(chat, None)
            self._tried[chat] = self._clock.seconds()
            self._working += 1
            self._tasks.spawn("taking up a chat", self._claim(chat))

    async def _due(self, room: int) -> list[ChatKey]:
        """Chats that are due: those first that were not tried in vain, then those that were tried
        longest ago."""
        oldest = self._clock.seconds() - TRIED_FOR
        self._tried = {chat: at for chat, at in self._tried.items() if at > oldest}
        due = await self._spool.due(room + MORE_ASKED_FOR if self._tried else room)
        return sorted(due, key=lambda chat: self._tried.get(chat, oldest))[:room]

    def _keep_alive(self) -> None:
        self._tasks.spawn("renewing claims", self._spool.keep_alive())
