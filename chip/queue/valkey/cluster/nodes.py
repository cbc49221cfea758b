"""Which node serves which partition, kept true while nodes fail and slots move.

The Cluster is asked (``CLUSTER SLOTS``) at the start, and again whenever a node is lost or says
that it does not serve what it was asked for: at once, and then twice a second until all is well.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

from twisted.internet.base import DelayedCall
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from chip.errors import Unavailable
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.cluster.node import Node
from chip.queue.valkey.cluster.slots import PARTITIONS, NodeAddress, places_of
from chip.queue.valkey.connection import connection_to_ask

N_co = TypeVar("N_co", bound=Node, covariant=True)

LOOK_AFTER: Final = 0.05
"""Seconds from a sign that something has changed to the question what."""
LOOK_AGAIN: Final = 0.5
"""Seconds between two questions while a node is away."""
CLOSE_AFTER: Final = 5.0
"""Seconds for which a node that serves nothing any more is kept: it may yet answer."""

_WHO_SERVES: Final = b"CLUSTER", b"SLOTS"


class Nodes(Generic[N_co]):
    """The nodes that serve anything. `seeds` are those that the first question goes to, `make`
    makes a node, and `on_moved` is told of each partition that has come to another node."""

    _log = Logger()

    def __init__(
        self,
        seeds: Sequence[ValkeyAddress],
        reactor: Any,
        make: Callable[[NodeAddress], N_co],
    ) -> None:
        self._seeds = seeds
        self._reactor = reactor
        self._make = make
        self.on_moved: Callable[[int], None] = lambda _: None
        self._nodes: dict[NodeAddress, N_co] = {}
        self._owners: list[N_co] = []
        self._prefer: NodeAddress | None = None
        self._next_look: DelayedCall | None = None
        self._closing: dict[Node, DelayedCall] = {}
        self._closed = False

    async def open(self) -> None:
        """Find all nodes and connect. Those that are away may come later, but for one of them.
        Raises Unavailable, in a line for operators."""
        places = await self._ask_seeds()
        if len(places) < PARTITIONS:
            raise Unavailable("cannot use the Valkey Cluster: nobody serves some of its slots")
        self._owners = [self.at(places[number], start=False) for number in range(PARTITIONS)]
        opened = [Deferred.fromCoroutine(node.open()) for node in self._nodes.values()]
        troubles = [found for found in await gatherResults(opened) if found is not None]
        if len(troubles) == len(self._nodes):
            raise troubles[0]
        if troubles:
            self.look()

    async def close(self) -> None:
        """End all connections for good."""
        self._closed = True
        timers = [*self._closing.values(), *([self._next_look] if self._next_look else [])]
        for timer in timers:
            if timer.active():
                timer.cancel()
        for node in list(self._nodes.values()):
            await node.close()

    @property
    def all(self) -> list[N_co]:
        """The nodes that are known now."""
        return list(self._nodes.values())

    def owner(self, partition: int) -> N_co:
        """The node that serves a partition, as far as is known."""
        return self._owners[partition]

    def owned_by(self, node: Node) -> list[int]:
        """The partitions that a node serves."""
        return [number for number, owner in enumerate(self._owners) if owner is node]

    def at(self, place: NodeAddress, *, start: bool = True) -> N_co:
        """The node that listens there; if it was not known, it is to be connected to."""
        node = self._nodes.get(place)
        if node is None:
            node = self._nodes[place] = self._make(place)
            if start and not self._closed:
                node.start()
        return node

    def moved(self, partition: int, place: NodeAddress) -> None:
        """A node says that this one serves the partition. It knows best what else has moved."""
        self._prefer = place
        self._set_owner(partition, place)
        self.look()

    def doubt(self, node: Node) -> None:
        """A node says that it may serve nobody: it may be cut off from the others, and then it does
        not know who has taken its place. Others are asked before it from now on."""
        node.doubted_at = self._reactor.seconds()
        self.look()

    def look(self, after: float = LOOK_AFTER) -> None:
        """Something may have changed: ask soon."""
        if self._next_look is None and not self._closed:
            self._next_look = self._reactor.callLater(
                after, lambda: Deferred.fromCoroutine(self._look())
            )

    async def _look(self) -> None:
        try:
            places = await self._ask_anybody()
            if self._closed:
                return
            for partition, place in places.items():
                self._set_owner(partition, place)
            self._close_unused()
        except Unavailable:
            pass  # what is away is told by the connections
        except Exception:
            self._log.failure("the nodes of the Valkey Cluster are not known")
        self._next_look = None
        if not all(owner.connected for owner in set(self._owners)):
            self.look(LOOK_AGAIN)

    async def _ask_anybody(self) -> dict[int, NodeAddress]:
        nodes: list[Node] = [one for one in self._nodes.values() if one.commands.connected]
        random.shuffle(nodes)
        nodes.sort(key=lambda node: (node.place != self._prefer, node.doubted_at))
        self._prefer = None
        best: dict[int, NodeAddress] = {}
        for node in nodes:
            with suppress(Unavailable):
                places = places_of(await node.commands.call(*_WHO_SERVES), node.place)
                best = max(best, places, key=len)
            if len(best) == PARTITIONS:
                break
        return best or await self._ask_seeds()

    async def _ask_seeds(self) -> dict[int, NodeAddress]:
        """What the first of them says that knows of all partitions, or knows of most: one that is
        new, or was forgotten by the others, knows of none. Raises Unavailable."""
        trouble = Unavailable("no node of the Valkey Cluster is known")
        best: dict[int, NodeAddress] | None = None
        for seed in self._seeds:
            connection = connection_to_ask("asking for nodes", seed, self._reactor)
            try:
                await connection.open()
                places = places_of(await connection.call(*_WHO_SERVES), NodeAddress(*seed.hosts[0]))
            except Unavailable as error:
                trouble = error
            else:
                best = max(best or {}, places, key=len)
                if len(best) == PARTITIONS:
                    break
            finally:
                await connection.close()
        if best is None:
            raise trouble
        return best

    def _set_owner(self, partition: int, place: NodeAddress) -> None:
        node = self.at(place)
        if self._owners[partition] is not node and not self._closed:
            self._owners[partition] = node
            self.on_moved(partition)

    def _close_unused(self) -> None:
        for node in set(self._nodes.values()) - set(self._owners) - set(self._closing):
            self._closing[node] = self._reactor.callLater(CLOSE_AFTER, self._close_if_unused, node)

    def _close_if_unused(self, node: Node) -> None:
        del self._closing[node]
        if node not in self._owners:
            del self._nodes[node.place]
            Deferred.fromCoroutine(node.close())
