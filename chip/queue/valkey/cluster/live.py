"""The push on a Cluster (`ports.Live`): chats are heard from the nodes that serve them.

A channel bears its partition's tag, and what is published on it reaches whoever has subscribed to
it at the node that serves the slot. When the slot moves, or the node is lost, the chats of the
partition are heard from the next one, and whoever listens is told to read these outboxes again.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from chip.chat.ports import LiveListener
from chip.models import ChatKey
from chip.queue.valkey.cluster.node import HeardNode
from chip.queue.valkey.cluster.nodes import Nodes
from chip.queue.valkey.cluster.slots import PARTITIONS, Redirected, partition_of
from chip.queue.valkey.cluster.subscriber import ShardProtocol, ShardSubscriber
from chip.queue.valkey.commands import Commands
from chip.queue.valkey.connection import ANSWER_TIMEOUT
from chip.queue.valkey.deadline import Deadline
from chip.queue.valkey.errors import AWAY, LOST
from chip.queue.valkey.heard import Hearing
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.subscription import Subscription

ASK_AGAIN: Final = 0.1
"""Seconds until the next try where a node does not take a subscription."""


class _Wish(Subscription):
    """A chat, and the node at which it was asked for: `at` is None while that is nowhere."""

    __slots__ = ("at", "channel", "partition")

    def __init__(self, chat: ChatKey, partition: int, channel: bytes) -> None:
        super().__init__(chat)
        self.partition = partition
        self.channel = channel
        self.at: ShardSubscriber | None = None


class ClusterLive:
    """The chats open in this process, by partition. `keys` and `commands` are those of each."""

    def __init__(
        self,
        nodes: Nodes[HeardNode],
        keys: Sequence[Keys],
        commands: Sequence[Commands],
        token: str,
        reactor: Any,
    ) -> None:
        self._nodes = nodes
        self._keys = keys
        self._commands = commands
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
        await self._subscriber(partition).connection.protocol()
        wish = self._by_channel.get(channel) or self._wish(_Wish(chat, partition, channel))
        await wish.confirmed()

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
        await self._commands[partition].call(b"SPUBLISH", channel, b"!" + frame)

    def listen(self, listener: LiveListener) -> None:
        """Set who hears."""
        self._hearing.listen(listener)

    # For the rest of the queue.

    def place(self, partition: int) -> None:
        """Have the chats of a partition heard from the node that serves it now. The one that did
        ends its subscriptions by itself."""
        subscriber = self._subscriber(partition)
        elsewhere = [wish for wish in self._wanted[partition].values() if wish.at is not subscriber]
        at = subscriber if subscriber.current is not None else None
        for wish in elsewhere:
            wish.at = at
        subscriber.subscribe({wish.channel: wish for wish in elsewhere})

    async def prepare(self, subscriber: ShardSubscriber, protocol: ShardProtocol) -> None:
        """Subscribe to what is to be heard through a new connection.

        A channel of no chat goes first, so that a server that forbids it says so at once, and a
        PING last: its answer says that everything before was done.
        """
        mine = [number for number in range(PARTITIONS) if self._subscriber(number) is subscriber]
        if mine:
            subscriber.subscribe({self._keys[mine[0]].live(): None})
        for partition in mine:
            self.place(partition)
        await protocol.ping()

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

    def confirmed(self, subscriber: ShardSubscriber, wish: _Wish) -> None:
        if wish.at is not subscriber:  # it has been asked for elsewhere meanwhile
            return
        if wish.stood:
            self._missed.add(wish.chat)
            self._soon(0, self._tell_missed)
        wish.stood = True
        wish.settle()

    def refused(
        self, subscriber: ShardSubscriber, wishes: Sequence[_Wish], why: Redirected
    ) -> None:
        partitions = {wish.partition for wish in wishes if wish.at is subscriber}
        for wish in wishes:
            if wish.at is subscriber:
                wish.at = None
        self._to_place |= partitions
        self._soon(ASK_AGAIN, self._place_again)
        if why.kind == "MOVED" and why.place is not None:
            for partition in partitions:
                self._nodes.moved(partition, why.place)
        else:
            self._nodes.look()

    def ended(self, subscriber: ShardSubscriber, channel: bytes) -> None:
        wish = self._by_channel.get(channel)
        if wish is not None and wish.at is subscriber:
            wish.at = None
            self._to_place.add(wish.partition)
            self._soon(0, self._place_again)

    def heard(self, channel: bytes, message: bytes) -> None:
        wish = self._by_channel.get(channel)
        if wish is not None:
            self._hearing.heard(wish.chat, message)

    def lost(self, subscriber: ShardSubscriber, wishes: Iterable[_Wish]) -> None:
        """What never stood is wanted no more: its asker is told so."""
        for wish in {
            *wishes,
            *[wish for wish in self._by_channel.values() if wish.at is subscriber],
        }:
            if wish.at is not subscriber:
                continue
            wish.at = None
            if not wish.stood:
                self._forget(wish)
                wish.settle(LOST)
        self._nodes.look()

    # Wishes.

    def _subscriber(self, partition: int) -> ShardSubscriber:
        return self._nodes.owner(partition).subscriber

    def _wish(self, wish: _Wish) -> _Wish:
        self._by_channel[wish.channel] = self._wanted[wish.partition][wish.channel] = wish
        wish.deadline = Deadline(self._reactor, ANSWER_TIMEOUT, lambda: self._too_late(wish))
        subscriber = self._subscriber(wish.partition)
        if subscriber.current is not None:
            wish.at = subscriber
            subscriber.subscribe({wish.channel: wish})
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
