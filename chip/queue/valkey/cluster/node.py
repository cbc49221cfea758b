"""One node of a Cluster: a connection for commands, and maybe one that listens."""

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList, gatherResults
from txredisapi import ConnectionError as ConnectionLost
from txredisapi import ResponseError

from chip.errors import Unavailable
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.cluster.slots import NodeAddress, redirection
from chip.queue.valkey.cluster.subscriber import ShardSubscriber
from chip.queue.valkey.connection import ValkeyConnection
from chip.queue.valkey.errors import LOST, AnswerLost
from chip.queue.valkey.outages import Outages
from chip.queue.valkey.protocol import CommandProtocol, encode_command

_ASKING: Final = encode_command(b"ASKING")


class NodeCommands(ValkeyConnection[CommandProtocol]):
    """Commands to one node. What it does not serve is a `Redirected`."""

    def __init__(
        self,
        place: NodeAddress,
        address: ValkeyAddress,
        outages: Outages,
        reactor: Any,
        *,
        replicas: int = 0,
        prepare: Callable[[CommandProtocol], Awaitable[object]] | None = None,
        ready: Callable[[], None] = lambda: None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            f"commands to {place}",
            address,
            outages,
            reactor,
            CommandProtocol,
            replicas=replicas,
            prepare=prepare,
            ready=ready,
            lost=lost,
        )
        self._place = place

    def explain(self, error: ResponseError) -> Exception:
        """What a refusal means, a redirection too."""
        return redirection(error, self._place) or super().explain(error)

    async def send_asking(self, command: bytes, replicated: bytes) -> Any:
        """The same as `send`, of a slot that is on its way to this node."""
        return await self.send(command, replicated=replicated, first=_ASKING)

    async def send_together(self, commands: Sequence[bytes]) -> list[Any]:
        """The answers to many encoded commands, errors among them. Raises Unavailable."""
        protocol = await self.protocol()
        asked = DeferredList(protocol.requests(commands), consumeErrors=True)
        answers = [
            answer if worked else answer.value
            for worked, answer in await self._in_time(protocol, asked)
        ]
        if any(isinstance(answer, ConnectionLost) for answer in answers):
            raise AnswerLost(LOST)
        return answers


class Node:
    """What stands between this process and a node. `doubted_at` is when it last said that it may
    serve nobody, if ever."""

    def __init__(self, place: NodeAddress, commands: NodeCommands, outages: Outages) -> None:
        self.place = place
        self.commands = commands
        self.outages = outages
        self.doubted_at = -inf

    @property
    def connections(self) -> list[ValkeyConnection[Any]]:
        """All connections to it."""
        return [self.commands]

    @property
    def connected(self) -> bool:
        """Whether all its connections stand."""
        return all(connection.connected for connection in self.connections)

    async def open(self) -> Unavailable | None:
        """Connect now; and again in the background if that fails, which is what is returned."""

        async def open_one(connection: ValkeyConnection[Any]) -> Unavailable | None:
            try:
                await connection.open(persist=True)
            except Unavailable as trouble:
                return trouble
            return None

        opening = [Deferred.fromCoroutine(open_one(one)) for one in self.connections]
        return next(filter(None, await gatherResults(opening)), None)

    def start(self) -> None:
        """Connect in the background."""
        for connection in self.connections:
            connection.start()

    async def close(self) -> None:
        """End all connections for good."""
        for connection in self.connections:
            await connection.close()


class HeardNode(Node):
    """One that is listened to as well."""

    def __init__(
        self,
        place: NodeAddress,
        commands: NodeCommands,
        subscriber: ShardSubscriber,
        outages: Outages,
    ) -> None:
        super().__init__(place, commands, outages)
        self.subscriber = subscriber

    @property
    def connections(self) -> list[ValkeyConnection[Any]]:
        """All connections to it."""
        return [self.commands, self.subscriber.connection]
