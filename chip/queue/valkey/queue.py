"""The queues of many processes, on Valkey (or Redis 6.2 and later).

`ValkeyQueue` puts the parts together and owns when both of its connections stand. Every change is
one script or one command, so it happens whole or not at all; time is the server's own. Only this
package may know txredisapi.
"""

from dataclasses import replace
from secrets import token_hex
from typing import Any, Final

from chip.chat.ports import Balance, Balances, Depths
from chip.errors import Unavailable
from chip.limits import Limits
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.connection import ValkeyConnection
from chip.queue.valkey.errors import AWAY
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.live import ValkeyLive
from chip.queue.valkey.notes import ValkeyNotes
from chip.queue.valkey.outages import Outages
from chip.queue.valkey.outbox import ValkeyOutbox
from chip.queue.valkey.protocol import CommandProtocol, encode_command
from chip.queue.valkey.scripts import Scripts
from chip.queue.valkey.spool import ValkeySpool

_FIELDS: Final = tuple(
    [f"{way}_{state}".encode() for state in ("accepted", "done", "given_up", "missing")]
    for way in ("visitors", "courier")
)


class ValkeyQueue:
    """All queues (`ports.Queue`), over one connection for commands and one that listens.

    `token` names this start of the process and belongs to nobody else; `name` is what the server
    calls its connections. Raises ConfigError for a URL that is none.
    """

    def __init__(
        self,
        url: str,
        *,
        reactor: Any,
        limits: Limits,
        token: str | None = None,
        name: str = "chip",
    ) -> None:
        token = token or token_hex(8)
        address = replace(parse_url(url), name=name)
        self._keys = keys = Keys(address.database)
        self._commands: ValkeyConnection[CommandProtocol] = ValkeyConnection(
            "commands",
            address,
            Outages(reactor.seconds),
            reactor,
            CommandProtocol,
            prepare=self._load_scripts,
            ready=self._back,
        )
        self._scripts = Scripts(self._commands, limits)
        self.live = ValkeyLive(
            address, reactor, self._commands, keys=keys, token=token, back=self._back
        )
        self.spool = ValkeySpool(self._scripts, self._commands, keys, token, reactor)
        self.outbox = ValkeyOutbox(self._scripts, keys, token)
        self.notes = ValkeyNotes(self._commands, keys)
        self._depths = self._scripts.script("depths", keys=3)

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

    async def close(self) -> None:
        """End both connections for good."""
        await self.live.connection.close()
        await self._commands.close()

    async def depths(self) -> Depths:
        """Count what waits now. Raises Unavailable when either connection is away."""
        if not self.connected:
            raise Unavailable(AWAY)
        keys = self._keys
        names = [keys.outboxes, keys.spool_ages, keys.spool_totals]
        chats, oldest, events, oldest_event = await self._depths.run(names, [])
        return Depths(chats, oldest / 1000, events, oldest_event / 1000)

    async def balances(self) -> Balances:
        """What became of everything that was ever accepted. Raises Unavailable."""
        visitors, courier = _FIELDS
        found = await self._commands.call(b"HMGET", self._keys.balance, *visitors, *courier)
        counts = [int(count or 0) for count in found]
        return Balances(_balance(*counts[:4]), _balance(*counts[4:]))

    @property
    def connected(self) -> bool:
        """Whether both connections stand."""
        return self._commands.connected and self.live.connection.connected

    async def _load_scripts(self, protocol: CommandProtocol) -> None:
        """Tell a new connection's server all scripts, which it may have forgotten."""
        for source in self._scripts.sources:
            await protocol.request(encode_command(b"SCRIPT", b"LOAD", source))

    def _back(self) -> None:
        """A connection stands again. What was missed meanwhile shows once both do."""
        if self.connected:
            self._commands.outages.away.worked()
            self.live.interrupted()


def _balance(accepted: int, done: int, given_up: int, missing: int) -> Balance:
    """How much is to wait is counted for each chat, and compared with what does whenever the chat
    is looked at: the difference is missing."""
    return Balance(accepted, done, given_up, accepted - done - given_up - missing, missing)
