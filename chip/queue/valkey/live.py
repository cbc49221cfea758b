"""The push (`ports.Live`): a subscriber connection that hears of every chat open here.

What is published while it is away is lost. Nothing depends on it: the outbox is the truth, and
whoever listens is told to read it again.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from chip.chat.ports import LiveListener
from chip.models import ChatKey
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.connection import ANSWER_TIMEOUT, ValkeyConnection
from chip.queue.valkey.deadline import Deadline
from chip.queue.valkey.errors import LOST
from chip.queue.valkey.heard import Hearing
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.protocol import CommandProtocol, SubscriptionProtocol
from chip.queue.valkey.subscription import Subscription

_CHUNK = 500


class ValkeyLive:
    """The chats open in this process, heard through a connection of their own.

    `back` is called when everything is heard again after an interruption.
    """

    def __init__(
        self,
        address: ValkeyAddress,
        reactor: Any,
        commands: ValkeyConnection[CommandProtocol],
        *,
        keys: Keys,
        token: str,
        back: Callable[[], None],
    ) -> None:
        self._keys = keys
        self._reactor = reactor
        self._commands = commands
        self._hearing = Hearing(token)
        self._wanted: dict[bytes, Subscription] = {}
        # What was asked of the server and not confirmed, by channel, in the order of asking.
        self._asked: dict[bytes, deque[Subscription]] = {}
        self._current: SubscriptionProtocol | None = None
        self.connection: ValkeyConnection[SubscriptionProtocol] = ValkeyConnection(
            "listening",
            address,
            commands.outages,
            reactor,
            self._protocol,
            prepare=self._subscribe_all,
            ready=back,
            lost=self._lost,
        )

    # For the hub and the forwarder.

    async def subscribe(self, chat: ChatKey) -> None:
        """Hear of this chat from now on. Raises Unavailable; nothing is heard then."""
        protocol = await self.connection.protocol()
        channel = self.channel(chat)
        wanted = self._wanted.get(channel)
        if wanted is None:
            wanted = self._wanted[channel] = Subscription(chat)
            self._asked.setdefault(channel, deque()).append(wanted)
            wanted.deadline = Deadline(
                self._reactor, ANSWER_TIMEOUT, protocol.transport.abortConnection
            )
            protocol.write(b"SUBSCRIBE", [channel])
        await wanted.confirmed()

    def unsubscribe(self, chat: ChatKey) -> None:
        """Stop hearing of this chat."""
        channel = self.channel(chat)
        if self._wanted.pop(channel, None) is not None and self._current is not None:
            self._current.write(b"UNSUBSCRIBE", [channel])

    async def tell(self, chat: ChatKey, frame: bytes) -> None:
        """Send an event to every connection of the chat, in whatever process."""
        await self._commands.call(b"PUBLISH", self.channel(chat), b"!" + frame)

    def listen(self, listener: LiveListener) -> None:
        """Set who hears."""
        self._hearing.listen(listener)

    # For the rest of the queue.

    def channel(self, chat: ChatKey) -> bytes:
        """The chat's channel."""
        return self._keys.live(str(chat).encode())

    def interrupted(self) -> None:
        """Say that anything may have been missed."""
        self._hearing.interrupted()

    # The connection.

    def _protocol(self) -> SubscriptionProtocol:
        protocol = SubscriptionProtocol()
        protocol.on_message = self._heard
        protocol.on_subscribed = self._confirmed
        return protocol

    async def _subscribe_all(self, protocol: SubscriptionProtocol) -> None:
        """Subscribe to every wanted chat on a new connection.

        A channel of no chat goes first, so that a server that forbids it says so at once, and a
        PING last: its answer says that everything before was done.
        """
        self._current = protocol
        protocol.lost = lambda _: self._lost()
        protocol.write(b"SUBSCRIBE", [self._keys.live()])
        channels = list(self._wanted)
        for start in range(0, len(channels), _CHUNK):
            protocol.write(b"SUBSCRIBE", channels[start : start + _CHUNK])
        await protocol.ping()

    def _lost(self) -> None:
        """Nothing is heard any more. What never stood is wanted no more: its asker is told so."""
        self._current = None
        asked, self._asked = self._asked, {}
        for subscriptions in asked.values():
            for subscription in subscriptions:
                channel = self.channel(subscription.chat)
                if not subscription.stood and self._wanted.get(channel) is subscription:
                    del self._wanted[channel]
                subscription.settle(LOST)

    def _confirmed(self, channel: bytes) -> None:
        asked = self._asked.get(channel)
        if asked is None:  # a subscription that had stood before this connection
            return
        subscription = asked.popleft()
        if not asked:
            del self._asked[channel]
        subscription.stood = True
        subscription.settle()

    def _heard(self, channel: bytes, message: bytes) -> None:
        wanted = self._wanted.get(channel)
        if wanted is not None:
            self._hearing.heard(wanted.chat, message)
