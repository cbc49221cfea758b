"""Channels that are heard from one node of a Cluster.

A node takes the channels of one slot with one SSUBSCRIBE, and refuses those of a slot that it does
not serve; when it gives a slot away, it ends the subscriptions and says so. Answers come in the
order of asking, one for each channel, or one error for all of a command.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from txredisapi import ResponseError

from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.cluster.slots import NodeAddress, Redirected, redirection
from chip.queue.valkey.connection import ValkeyConnection
from chip.queue.valkey.outages import Outages
from chip.queue.valkey.protocol import SubscriptionProtocol

_CHUNK: Final = 500
_Wishes = Mapping[bytes, Any]


class ShardListener(Protocol):
    """Who wants to hear. A wish is whatever it gave with a channel; None is nothing to be told."""

    def confirmed(self, subscriber: "ShardSubscriber", wish: Any) -> None:
        """From now on this channel is heard."""

    def refused(
        self, subscriber: "ShardSubscriber", wishes: Sequence[Any], why: Redirected
    ) -> None:
        """These are not heard here, but perhaps elsewhere."""

    def ended(self, subscriber: "ShardSubscriber", channel: bytes) -> None:
        """The node has given this channel's slot away."""

    def heard(self, channel: bytes, message: bytes) -> None:
        """This was said on the channel."""

    def lost(self, subscriber: "ShardSubscriber", wishes: Iterable[Any]) -> None:
        """Nothing is heard here any more; these were asked for and not confirmed."""


class ShardProtocol(SubscriptionProtocol):
    """A connection that listens to a node."""

    on_unsubscribed: Callable[[bytes], None]
    on_refused: Callable[[ResponseError], bool]

    def replyReceived(self, reply: Any) -> None:
        match reply:
            case [b"smessage", channel, payload]:
                self.on_message(channel, payload)
            case [b"ssubscribe", channel, _]:
                self.on_subscribed(channel)
            case [b"sunsubscribe", channel, _]:
                self.on_unsubscribed(channel)
            case ResponseError() if self.on_refused(reply):
                pass
            case _:
                super().replyReceived(reply)


class _Asked(NamedTuple):
    """A command, and its channels that are not answered, each with its wish."""

    verb: bytes
    open: dict[bytes, Any]

    @property
    def wishes(self) -> list[Any]:
        return [wish for wish in self.open.values() if wish is not None]


class ShardSubscriber:
    """The subscriber connection of one node."""

    def __init__(
        self,
        place: NodeAddress,
        address: ValkeyAddress,
        outages: Outages,
        reactor: Any,
        listener: ShardListener,
        *,
        prepare: Callable[["ShardSubscriber", ShardProtocol], Awaitable[object]],
        ready: Callable[[], None],
    ) -> None:
        self._place = place
        self._listener = listener
        self._prepare = prepare
        # What was asked and is not answered, in the order of asking.
        self._asked: deque[_Asked] = deque()
        self.current: ShardProtocol | None = None
        self.connection: ValkeyConnection[ShardProtocol] = ValkeyConnection(
            f"listening to {place}",
            address,
            outages,
            reactor,
            self._protocol,
            prepare=self._begin,
            ready=ready,
            lost=self._lost,
        )

    def subscribe(self, wishes: _Wishes) -> None:
        """Ask for channels of one slot."""
        for channels in _chunks(wishes):
            self._ask(b"SSUBSCRIBE", {channel: wishes[channel] for channel in channels})

    def unsubscribe(self, channels: Iterable[bytes]) -> None:
        """Want channels of one slot no more."""
        for chunk in _chunks(channels):
            self._ask(b"SUNSUBSCRIBE", dict.fromkeys(chunk))

    def _ask(self, verb: bytes, wishes: dict[bytes, Any]) -> None:
        if self.current is not None:
            self._asked.append(_Asked(verb, wishes))
            self.current.write(verb, list(wishes))

    def _protocol(self) -> ShardProtocol:
        protocol = ShardProtocol()
        protocol.on_message = self._listener.heard
        protocol.on_subscribed = self._on_subscribed
        protocol.on_unsubscribed = self._on_unsubscribed
        protocol.on_refused = self._on_refused
        return protocol

    async def _begin(self, protocol: ShardProtocol) -> None:
        self.current = protocol
        protocol.lost = lambda _: self._lost()
        await self._prepare(self, protocol)

    def _on_subscribed(self, channel: bytes) -> None:
        for asked in self._asked:
            if asked.verb == b"SSUBSCRIBE" and channel in asked.open:
                wish = self._answered(asked, channel)
                if wish is not None:
                    self._listener.confirmed(self, wish)
                return

    def _on_unsubscribed(self, channel: bytes) -> None:
        first = self._asked[0] if self._asked else None
        if first is not None and first.verb == b"SUNSUBSCRIBE" and channel in first.open:
            self._answered(first, channel)
        else:
            self._listener.ended(self, channel)

    def _answered(self, asked: "_Asked", channel: bytes) -> Any:
        wish = asked.open.pop(channel)
        while self._asked and not self._asked[0].open:
            self._asked.popleft()
        return wish

    def _on_refused(self, error: ResponseError) -> bool:
        why = redirection(error, self._place)
        if why is None:
            return False
        if not self._asked:  # the node gave a slot away while it was asked to end a subscription
            return True
        self._listener.refused(self, self._asked.popleft().wishes, why)
        return True

    def _lost(self) -> None:
        self.current = None
        asked, self._asked = self._asked, deque()
        self._listener.lost(self, [wish for one in asked for wish in one.wishes])


def _chunks(channels: Iterable[bytes]) -> Iterable[list[bytes]]:
    every = list(channels)
    return [every[start : start + _CHUNK] for start in range(0, len(every), _CHUNK)]
