"""Acknowledgements on their way into the queue.

An acknowledgement is never lost: one that cannot be stored for now is kept here and tried again,
also after the visitor has left. It owns what is kept; how much that may be is bounded. The queue
may refuse some chats and take others: whatever was tried in vain is tried again after the rest.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from chip.buckets import network_of
from chip.chat.hops import HOPS
from chip.chat.ports import Acked, Outbox
from chip.errors import Unavailable
from chip.models import ChatKey, MsgName
from chip.tasks import Clock, Tasks

RETRY_EVERY: Final = 1.0
"""Seconds between two tries to store what is kept."""
ACKS_TRIED_TOGETHER: Final = 200
"""Acknowledgements that are tried together, which a queue stores in few steps."""
LAST_TRIES_WITHIN: Final = 2.0
"""Seconds in which the last tries are begun, at a stop."""
MOST_KEPT: Final = 50_000
"""Acknowledgements that are kept; beyond that the visitor is told, and keeps it himself. Of one
address (of IPv6: its /48), so many are kept as its sockets can have messages under way: by default,
200 sockets times 32 messages, an eighth."""


class Acknowledger:
    """`acked` is told of every acknowledgement that was stored. `most_per_network` are kept of a
    network; of the address ``""``, as many as of all."""

    _log = Logger()

    def __init__(
        self,
        outbox: Outbox,
        acked: Callable[[ChatKey, Acked], object],
        tasks: Tasks,
        clock: Clock,
        most_per_network: int,
    ) -> None:
        self._outbox = outbox
        self._acked = acked
        self._tasks = tasks
        self._clock = clock
        self._most_per_network = most_per_network
        # In the order in which they are tried next, and whose they are.
        self._kept: dict[tuple[ChatKey, MsgName], str] = {}
        self._kept_of: Counter[str] = Counter()
        self._timer: Any = None
        self._retrying = False

    async def acknowledge(self, chat: ChatKey, name: MsgName, address: str) -> None:
        """Store an acknowledgement from `address`, now or as soon as the queue is back.

        Does nothing when no such message waits. Raises Unavailable when too many are kept.
        """
        try:
            await self._store(chat, name)
        except Unavailable as error:
            if (chat, name) in self._kept:
                return
            network = network_of(address)
            if not self._has_room(network):
                raise
            if not self._kept:
                self._log.debug("acknowledgements are kept: {reason}", reason=str(error))
            self._kept[chat, name] = network
            self._kept_of[network] += 1
            self._try_later()

    def _has_room(self, network: str) -> bool:
        most = self._most_per_network if network else MOST_KEPT
        return len(self._kept) < MOST_KEPT and self._kept_of[network] < most

    async def finish(self) -> None:
        """Try once more to store what is kept, as much as there is time for. What fails is
        forgotten: the message is shown again when its visitor is back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        until = self._clock.seconds() + LAST_TRIES_WITHIN
        for few in self._few_by_few():
            await self._store_together(few)
            if self._clock.seconds() > until:
                break
        if self._kept:
            self._log.warn("acknowledgements were lost", count=len(self._kept))

    async def _store(self, chat: ChatKey, name: MsgName) -> None:
        acked = await self._outbox.ack(chat, name)
        if acked:
            HOPS.tell("acknowledged", chat, (name,))
            self._acked(chat, acked)

    def _try_later(self) -> None:
        if self._timer is None and not self._retrying:
            self._timer = self._clock.callLater(RETRY_EVERY, self._try)

    def _try(self) -> None:
        self._timer = None
        self._tasks.spawn("storing kept acknowledgements", self._retry())

    async def _retry(self) -> None:
        """Store what is kept, until none is taken of those that are tried together."""
        self._retrying = True
        for few in self._few_by_few():
            if not await self._store_together(few):
                break
        self._retrying = False
        if self._kept:
            self._try_later()
        else:
            self._log.debug("all acknowledgements are stored")

    def _few_by_few(self) -> Iterable[list[tuple[ChatKey, MsgName]]]:
        kept = list(self._kept)
        for start in range(0, len(kept), ACKS_TRIED_TOGETHER):
            yield kept[start : start + ACKS_TRIED_TOGETHER]

    async def _store_together(self, kept: Iterable[tuple[ChatKey, MsgName]]) -> bool:
        """Try to store these, and return whether any was taken."""
        tries = [self._store_again(*one) for one in kept]
        return any(await gatherResults(map(Deferred.fromCoroutine, tries)))

    async def _store_again(self, chat: ChatKey, name: MsgName) -> bool:
        try:
            await self._store(chat, name)
        except Unavailable:
            if (chat, name) in self._kept:
                self._kept[chat, name] = self._kept.pop((chat, name))
            return False
        except Exception:
            # It would fail the next time too, and must not keep the others waiting.
            self._log.failure("an acknowledgement was dropped", chat=chat.label)
        self._forget(chat, name)
        return True

    def _forget(self, chat: ChatKey, name: MsgName) -> None:
        network = self._kept.pop((chat, name), None)
        if network is not None:
            self._kept_of[network] -= 1
            if not self._kept_of[network]:
                del self._kept_of[network]
