"""The queues of many processes, on a Valkey Cluster (or Redis Cluster 7.0 and later).

`ClusterQueue` puts the parts together: 128 partitions, each with the queues that a single server
has, commands that reach the node that serves it, and the push. A node that is away, or that
changes, is felt by the chats of its partitions only.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from secrets import token_hex
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from chip.chat.ports import Balance, Balances, Depths
from chip.errors import ConfigError, Unavailable
from chip.limits import Limits
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.cluster.chats import ClusterNotes, ClusterOutbox, ClusterSpool
from chip.queue.valkey.cluster.live import ClusterLive
from chip.queue.valkey.cluster.node import HeardNode, Node, NodeCommands
from chip.queue.valkey.cluster.nodes import Nodes
from chip.queue.valkey.cluster.partitions import Partitions, Question
from chip.queue.valkey.cluster.routed import RoutedCommands
from chip.queue.valkey.cluster.shares import SWEEP_EVERY, Shares
from chip.queue.valkey.cluster.slots import PARTITIONS, TAGS, NodeAddress
from chip.queue.valkey.cluster.subscriber import ShardSubscriber
from chip.queue.valkey.errors import AWAY
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.mark import Mark, look_at
from chip.queue.valkey.outages import Outages
from chip.queue.valkey.partition import Partition
from chip.queue.valkey.protocol import CommandProtocol
from chip.queue.valkey.scripts import ScriptTexts
from chip.tasks import every

LOOK_AT_MARKS_EVERY: Final = 5.0
"""Seconds between two looks whether anything was lost."""
_COUNT: Final = b"%d" % PARTITIONS
_DEPTHS: Final = Question(
    call=Partition.call_depths, read=Partition.read_depths, alone=Partition.depths
)


class ClusterQueue:
    """All queues (`ports.Queue`), over two connections to each node of the Cluster that has a node
    at this address. `replicas` and `token` are as for `ValkeyQueue`; `sweep_every` is
    in seconds."""

    def __init__(
        self,
        address: ValkeyAddress,
        *,
        reactor: Any,
        limits: Limits,
        replicas: int = 0,
        token: str | None = None,
        sweep_every: float = SWEEP_EVERY,
    ) -> None:
        token = token or token_hex(8)
        self._reactor = reactor
        self._address = address
        self._replicas = replicas
        self._watching: LoopingCall | None = None
        self._watched = 0
        self._texts = texts = ScriptTexts(
            limits, publish="SPUBLISH", parts=PARTITIONS, replicas=replicas
        )
        self._nodes = nodes = Nodes(address.seeds(), reactor, self._make_node)
        keys = [Keys(address.database, tag) for tag in TAGS]
        commands = [RoutedCommands(number, nodes, reactor) for number in range(PARTITIONS)]
        self._partitions = partitions = Partitions(
            [
                Partition(its_commands, its_keys, texts, token, reactor)
                for its_commands, its_keys in zip(commands, keys, strict=True)
            ],
            nodes,
            reactor,
        )
        self.live = ClusterLive(nodes, keys, commands, token, reactor)
        for number, one in enumerate(partitions.all):
            one.mark.on_loss = partial(self.live.interrupted, [number])
        nodes.on_moved = self._moved_to
        self.outbox = ClusterOutbox(partitions)
        self.spool = ClusterSpool(partitions, Shares(token, reactor, sweep_every), reactor)
        self.notes = ClusterNotes(partitions)

    async def open(self) -> None:
        """Connect, and say that this process lives. Raises Unavailable in a line for operators, or
        ConfigError where other partitions are in use, and has nothing open then."""
        try:
            await self._nodes.open()
            await self._agree_on_partitions()
            await self.spool.keep_alive()
        except (Unavailable, ConfigError):
            await self.close()
            raise
        self._watching = every(self._reactor, LOOK_AT_MARKS_EVERY, self._watch, now=False)

    async def close(self) -> None:
        """End all connections for good."""
        if self._watching:
            self._watching.stop()
            self._watching = None
        self.live.close()
        await self._nodes.close()

    async def depths(self) -> Depths:
        """Count what waits now, where that can be asked. Raises Unavailable when all connections
        are away."""
        if not self.connected:
            raise Unavailable(AWAY)
        answers = await self._partitions.ask_together(range(PARTITIONS), _DEPTHS)
        found = [depths for _, depths in answers]
        return Depths(
            sum(one.outbox_chats for one in found),
            max(one.outbox_oldest for one in found),
            sum(one.spool_events for one in found),
            max(one.spool_oldest for one in found),
        )

    async def balances(self) -> Balances:
        """What became of everything that was ever accepted. Raises Unavailable, also when only some
        of it cannot be counted: what became of things never grows less."""
        answers = await self._partitions.ask(self._partitions.all, lambda one: one.balances())
        found = [balances for _, balances in answers]
        if len(found) < PARTITIONS:
            raise Unavailable(AWAY)
        return Balances(
            _sum([one.to_visitors for one in found]), _sum([one.to_courier for one in found])
        )

    @property
    def connected(self) -> bool:
        """Whether all connections to some node stand."""
        return any(node.connected for node in self._nodes.all)

    async def _agree_on_partitions(self) -> None:
        """Note at the first start how many partitions there are. With another number, nothing that
        waits would be found again. It is noted in each of them: any can tell it, so that nobody
        needs a certain node for starting."""
        partitions = self._partitions

        async def read(one: Partition) -> Any:
            return await one.commands.call(b"GET", one.keys.partitions)

        async def note(one: Partition) -> Any:
            return await one.commands.call(b"SET", one.keys.partitions, _COUNT, b"NX", b"GET")

        found = await partitions.ask(partitions.all, read)
        unknown = [one for one, count in found if count is None]
        _check(count for _, count in found)
        try:
            _check(count for _, count in await partitions.ask(unknown, note))
        except Unavailable:  # those that can tell it are enough
            if len(unknown) == len(found):
                raise

    def _make_node(self, place: NodeAddress) -> HeardNode:
        address = self._address.at(place.host, place.port)
        outages = Outages(self._reactor.seconds)

        def stands() -> None:
            if node.connected:
                outages.away.worked()
                self.live.interrupted(self._nodes.owned_by(node))

        async def prepare(protocol: CommandProtocol) -> None:
            await self._texts.load(protocol)
            await look_at(self._marks(node), protocol)

        def lost() -> None:
            for mark in self._marks(node):
                mark.disconnected()
            self._nodes.look()

        commands = NodeCommands(
            place,
            address,
            outages,
            self._reactor,
            replicas=self._replicas,
            prepare=prepare,
            ready=stands,
            lost=lost,
        )
        subscriber = ShardSubscriber(
            place,
            address,
            outages,
            self._reactor,
            self.live,
            prepare=self.live.prepare,
            ready=stands,
        )
        node = HeardNode(place, commands, subscriber, outages)
        return node

    def _marks(self, node: Node) -> list[Mark]:
        return [self._partitions.all[number].mark for number in self._nodes.owned_by(node)]

    def _moved_to(self, partition: int) -> None:
        """Hear it from there, and see whether all of it is there: the node may be a replica that
        was promoted, and that has a connection already."""
        self.live.place(partition)
        self._partitions.all[partition].mark.doubted()
        self._look_at([self._partitions.all[partition].mark])

    def _watch(self) -> None:
        """See whether anything was lost where that is not known, and whether all was wiped from a
        node while nobody was disconnected: that shows in any of its marks, so each has its turn."""
        self._look_at([one.mark for one in self._partitions.all if one.mark.in_doubt])
        self._watched += 1
        for node in self._nodes.all:
            marks = self._marks(node)
            if marks:
                self._look_at([marks[self._watched % len(marks)]], then_at=marks)

    def _look_at(self, marks: Iterable[Mark], *, then_at: Sequence[Mark] = ()) -> None:
        """See whether anything was lost with these marks, and where it was, with those others."""

        async def look(mark: Mark) -> None:
            with suppress(Unavailable):  # what is in doubt stays so
                if await mark.check():
                    self._look_at(other for other in then_at if other is not mark)

        for mark in marks:
            Deferred.fromCoroutine(look(mark))


def _check(counts: Iterable[bytes | None]) -> None:
    """Refuse to go on where there are so many partitions. None is for what is not known."""
    for count in counts:
        if count not in (None, _COUNT):
            raise ConfigError(
                f"valkey: what lies in this Cluster is divided into {int(count)} partitions,"
                f" and this Chip knows {PARTITIONS}"
            )


def _sum(balances: Sequence[Balance]) -> Balance:
    return Balance(*[sum(counts) for counts in zip(*balances, strict=True)])
