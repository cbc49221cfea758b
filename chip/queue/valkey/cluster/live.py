"""The push on a Cluster (`ports.Live`): chats are heard from the nodes that serve them.

A channel bears its partition's tag, and what is published on it reaches whoever has subscribed to
it at the node that serves the slot. When the slot moves, or the node is lost, the chats of the
partition are heard from the next one, and whoever listens is told to read these outboxes again.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred

from chip.chat.ports import LiveListener
from chip.errors import Unavailable
from chip.models import ChatKey
from chip.queue.valkey.cluster.nodes import Nodes
from chip.queue.valkey.cluster.slots import PARTITIONS, Redirected, partition_of
from chip.queue.valkey.cluster.subscriber import ShardProtocol, ShardSubscriber
from chip.queue.valkey.commands import Commands
from chip.queue.valkey.connection import ANSWER_TIMEOUT
from chip.queue.valkey.deadline import Deadline
from chip.queue.valkey.errors import AWAY, LOST
from chip.queue.valkey.heard import Hearing
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.protocol import encode_command

ASK_AGAIN: Final = 0.1
"""Seconds until the next try where a node does not take a subscription."""


class _Wish:
    """A chat that somebody wants to hear of. `at` is where it was asked for, None while that is
    nowhere; `stood` tells whether it has ever been heard."""

    __slots__ = ("at", "channel", "chat", "deadline", "partition", "stood", "waiting")

    def __init__(self, chat: ChatKey, partition: int, channel: bytes) -> None:
        self.chat = chat
        self.partition = partition
        self.channel = channel
        self.at: ShardSubscriber | None = None
        self.stood = False
        self.waiting: list[Deferred[None]] = []
        self.deadline: Deadline | None = None

    def settle(self, trouble: str = "") -> None:
        """A node has confirmed it, or there is `trouble`."""
        if self.deadline is not None:
            self.deadline.met()
        waiting, self.waiting = self.waiting, []
        for waiter in waiting:
            if trouble:
                waiter.errback(Unavailable(trouble))
            else:
                waiter.callback(None)


class ClusterLive:
    """The chats open in this process, by partition. `keys` and `ways` are those of each."""

    def __init__(
        self, nodes: Nodes, keys: Sequence[Keys], ways: Sequence[Commands], token: str, reactor: Any
    ) -> None:
        self._nodes = nodes
        self._keys = keys
        self._ways = ways
        self._reactor = reactor
        self._hearing = Hearing(token)
        self._wanted: list[dict[bytes, _Wish]] = [{} for _ in range(PARTITIONS)]
        self._by_channel: dict[bytes, _Wish] = {}
        self._to_place: set[int] = set()
        self._missed: set[ChatKey] = set()
        self._timers: dict[Callable[[], None], Any] = {}

    # For the hub and the forwarder.

    async def subscribe(self, chat: ChatKey) -> None:
        """Hear of this chat from now on. Raises Unavailable; nothing is heard then."""
        raw = str(chat).encode()
        partition = partition_of(raw)
        channel = self._keys[partition].live(raw)
        await self._ears(partition).connection.protocol()
        wish = self._by_channel.get(channel) or self._wish(_Wish(chat, partition, channel))
        if not wish.stood:
            waiter: Deferred[None] = Deferred()
            wish.waiting.append(waiter)
            await waiter

    def unsubscribe(self, chat: ChatKey) -> None:
        """Stop hearing of this chat."""
        raw = str(chat).encode()
        wish = self._by_channel.get(self._keys[partition_of(raw)].live(raw))
        if wish is not None:
            self._forget(wish)

    async def tell(self, chat: ChatKey, frame: bytes) -> None:
        """Send an event to every connection of the chat, in whatever process."""
        raw = str(chat).encode()
        partition = partition_of(raw)
        channel = self._keys[partition].live(raw)
        await self._ways[partition].call(b"SPUBLISH", channel, b"!" + frame)

    def listen(self, listener: LiveListener) -> None:
        """Set who hears."""
        self._hearing.listen(listener)

    # For the rest of the queue.

    def place(self, partition: int) -> None:
        """Have the chats of a partition heard from the node that serves it now. The one that did
        ends its subscriptions by itself."""
        ears = self._ears(partition)
        elsewhere = [wish for wish in self._wanted[partition].values() if wish.at is not ears]
        at = ears if ears.current is not None else None
        for wish in elsewhere:
            wish.at = at
        ears.subscribe({wish.channel: wish for wish in elsewhere})

    async def prepare(self, ears: ShardSubscriber, protocol: ShardProtocol) -> None:
        """Subscribe to what is to be heard through a new connection.

        A channel of no chat goes first, so that a server that forbids it says so at once, and a
        PING last: its answer says that everything before was done.
        """
        mine = [number for number in range(PARTITIONS) if self._ears(number) is ears]
        if mine:
            ears.subscribe({self._keys[mine[0]].live(): None})
        for partition in mine:
            self.place(partition)
        await protocol.request(encode_command(b"PING"))

    def interrupted(self, partitions: Iterable[int]) -> None:
        """Say that anything may have been missed of the chats of these partitions."""
        wishes = [wish for number in partitions for wish in self._wanted[number].values()]
        if wishes:
            self._hearing.interrupted([wish.chat for wish in wishes])

    def close(self) -> None:
        """Ask for nothing more."""
        for timer in self._timers.values():
            timer.cancel()
        for wish in list(self._by_channel.values()):
            wish.settle(AWAY)

    # What the nodes say (`ShardListener`).

    def confirmed(self, ears: ShardSubscriber, wish: _Wish) -> None:
        if wish.at is not ears:  # it has been asked for elsewhere meanwhile
            return
        if wish.stood:
            self._missed.add(wish.chat)
            self._soon(0, self._tell_missed)
        wish.stood = True
        wish.settle()

    def refused(self, ears: ShardSubscriber, wishes: Sequence[_Wish], why: Redirected) -> None:
        partitions = {wish.partition for wish in wishes if wish.at is ears}
        for wish in wishes:
            if wish.at is ears:
                wish.at = None
        self._to_place |= partitions
        self._soon(ASK_AGAIN, self._place_again)
        if why.kind == "MOVED" and why.place is not None:
            for partition in partitions:
                self._nodes.moved(partition, why.place)
        else:
            self._nodes.look()

    def ended(self, ears: ShardSubscriber, channel: bytes) -> None:
        wish = self._by_channel.get(channel)
        if wish is not None and wish.at is ears:
            wish.at = None
            self._to_place.add(wish.partition)
            self._soon(0, self._place_again)

    def heard(self, channel: bytes, message: bytes) -> None:
        wish = self._by_channel.get(channel)
        if wish is not None:
            self._hearing.heard(wish.chat, message)

    def lost(self, ears: ShardSubscriber, wishes: Iterable[_Wish]) -> None:
        """What never stood is wanted no more: its asker is told so."""
        for wish in {*wishes, *[wish for wish in self._by_channel.values() if wish.at is ears]}:
            if wish.at is not ears:
                continue
            wish.at = None
            if not wish.stood:
                self._forget(wish)
                wish.settle(LOST)
        self._nodes.look()

    # Wishes.

    def _ears(self, partition: int) -> ShardSubscriber:
        ears = self._nodes.owner(partition).ears
        assert ears is not None  # noqa: S101 - whoever listens has nodes with ears
        return ears

    def _wish(self, wish: _Wish) -> _Wish:
        self._by_channel[wish.channel] = self._wanted[wish.partition][wish.channel] = wish
        wish.deadline = Deadline(self._reactor, ANSWER_TIMEOUT, lambda: self._too_late(wish))
        ears = self._ears(wish.partition)
        if ears.current is not None:
            wish.at = ears
            ears.subscribe({wish.channel: wish})
        return wish

    def _too_late(self, wish: _Wish) -> None:
        self._forget(wish)
        wish.settle(LOST)

    def _forget(self, wish: _Wish) -> None:
        if self._by_channel.get(wish.channel) is wish:
            del self._by_channel[wish.channel]
            del self._wanted[wish.partition][wish.channel]
            if wish.at is not None:
                wish.at.unsubscribe([wish.channel])

    def _place_again(self) -> None:
        partitions, self._to_place = self._to_place, set()
        for partition in partitions:
            self.place(partition)

    def _tell_missed(self) -> None:
        missed, self._missed = self._missed, set()
        self._hearing.interrupted(missed)

    def _soon(self, delay: float, work: Callable[[], None]) -> None:
        """Do it once, however often it is asked for meanwhile, and when it is wanted soonest."""

        def begin() -> None:
            del self._timers[work]
            work()

        timer = self._timers.get(work)
        if timer is None:
            self._timers[work] = self._reactor.callLater(delay, begin)
        elif timer.getTime() > self._reactor.seconds() + delay:
            timer.reset(delay)
