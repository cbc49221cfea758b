"""The queues of many processes, on Valkey (or Redis 6.2 and later).

`ValkeyQueue` puts the parts together and owns when both of its connections stand. Every change is
one script or one command, so it happens whole or not at all; time is the server's own. Only this
package may know txredisapi.
"""

from contextlib import suppress
from secrets import token_hex
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from chip.chat.ports import Balances, Depths
from chip.errors import Unavailable
from chip.limits import Limits
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.connection import ValkeyConnection
from chip.queue.valkey.errors import AWAY
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.live import ValkeyLive
from chip.queue.valkey.outages import Outages
from chip.queue.valkey.partition import Partition
from chip.queue.valkey.protocol import CommandProtocol
from chip.queue.valkey.scripts import ScriptTexts
from chip.tasks import every

WATCH_EVERY: Final = 5.0
"""Seconds between two looks whether the database was wiped while nobody was disconnected, or
whether anything was lost, where the server has not said that yet."""


class ValkeyQueue:
    """All queues (`ports.Queue`), over one connection for commands and one that listens.

    What is stored counts as stored once so many `replicas` have it. `token` names this start of the
    process and belongs to nobody else.
    """

    def __init__(
        self,
        address: ValkeyAddress,
        *,
        reactor: Any,
        limits: Limits,
        replicas: int = 0,
        token: str | None = None,
    ) -> None:
        token = token or token_hex(8)
        keys = Keys(address.database)
        texts = ScriptTexts(limits, replicas=replicas)

        async def prepare(protocol: CommandProtocol) -> None:
            await texts.load(protocol)
            # The first of several keys: of a Cluster, any node says here that it is one.
            await protocol.request(self._partition.call_depths())
            await self._partition.mark.connected(protocol)

        self._commands: ValkeyConnection[CommandProtocol] = ValkeyConnection(
            "commands",
            address,
            Outages(reactor.seconds),
            reactor,
            CommandProtocol,
            replicas=replicas,
            prepare=prepare,
            ready=self._back,
            lost=self._lost,
        )
        self.live = ValkeyLive(
            address, reactor, self._commands, keys=keys, token=token, back=self._back
        )
        self._partition = partition = Partition(self._commands, keys, texts, token, reactor)
        partition.mark.on_loss = self.live.interrupted
        self._reactor = reactor
        self._watching: LoopingCall | None = None
        self.outbox = partition.outbox
        self.spool = partition.spool
        self.notes = partition.notes

    async def open(self) -> None:
        """Connect, and say that this process lives. Raises Unavailable in a line for operators,
        and has nothing open then."""
        try:
            await self._commands.open()
            await self.live.connection.open()
            await self.spool.keep_alive()
        except Unavailable:
            await self.close()
            raise
        self._watching = every(self._reactor, WATCH_EVERY, self._watch, now=False)

    async def close(self) -> None:
        """End both connections for good."""
        if self._watching:
            self._watching.stop()
            self._watching = None
        await self.live.connection.close()
        await self._commands.close()

    async def depths(self) -> Depths:
        """Count what waits now. Raises Unavailable when either connection is away."""
        if not self.connected:
            raise Unavailable(AWAY)
        return await self._partition.depths()

    async def balances(self) -> Balances:
        """What became of everything that was ever accepted. Raises Unavailable."""
        return await self._partition.balances()

    @property
    def connected(self) -> bool:
        """Whether both connections stand."""
        return self._commands.connected and self.live.connection.connected

    def _watch(self) -> None:
        """See whether all was wiped while nobody was disconnected."""

        async def look() -> None:
            with suppress(Unavailable):
                await self._partition.mark.check()

        if self.connected:
            Deferred.fromCoroutine(look())

    def _lost(self) -> None:
        self._partition.mark.disconnected()

    def _back(self) -> None:
        """A connection stands again. What was missed meanwhile shows once both do."""
        if self.connected:
            self._commands.outages.away.worked()
            self.live.interrupted()
