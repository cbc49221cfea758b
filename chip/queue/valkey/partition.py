"""The queues of those chats whose keys lie together: of all chats, where there is one server."""

from typing import Final

from chip.chat.ports import Balance, Balances, Depths
from chip.queue.valkey.commands import Commands
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.mark import Mark
from chip.queue.valkey.notes import ValkeyNotes
from chip.queue.valkey.outbox import ValkeyOutbox
from chip.queue.valkey.scripts import Scripts, ScriptTexts
from chip.queue.valkey.spool import ValkeySpool
from chip.tasks import Clock

_FIELDS: Final = tuple(
    [f"{way}_{state}".encode() for state in ("accepted", "done", "given_up", "missing")]
    for way in ("visitors", "courier")
)


class Partition:
    """Outboxes, spools and notes, and how much is in them. `token` names this start of the
    process."""

    def __init__(
        self, commands: Commands, keys: Keys, texts: ScriptTexts, token: str, clock: Clock
    ) -> None:
        scripts = Scripts(commands, texts, keys.replicated, keys.absent)
        self.mark = Mark(commands, keys, texts, clock.seconds)
        self.outbox = ValkeyOutbox(scripts, keys, token, self.mark)
        self.spool = ValkeySpool(scripts, commands, keys, token, clock)
        self.notes = ValkeyNotes(commands, keys)
        self.commands = commands
        self.keys = keys
        self._counted = [keys.outboxes, keys.spool_ages, keys.spool_totals]
        self._depths = scripts.script("depths", keys=3, stores=False)

    async def depths(self) -> Depths:
        """Count what waits now. Raises Unavailable."""
        return self.read_depths(await self._depths.run(self._counted, []))

    def call_depths(self) -> bytes:
        """The call that `depths` makes."""
        return self._depths.call_of_one(self._counted, [])

    def read_depths(self, answer: list[int]) -> Depths:
        """What is answered to that."""
        chats, oldest, events, oldest_event = answer
        return Depths(chats, oldest / 1000, events, oldest_event / 1000)

    async def balances(self) -> Balances:
        """What became of everything that was ever accepted. Raises Unavailable."""
        visitors, courier = _FIELDS
        found = await self.commands.call(b"HMGET", self.keys.balance, *visitors, *courier)
        counts = [int(count or 0) for count in found]
        return Balances(_balance(*counts[:4]), _balance(*counts[4:]))


def _balance(accepted: int, done: int, given_up: int, missing: int) -> Balance:
    """How much is to wait is counted for each chat, and compared with what does whenever the chat
    is looked at: the difference is missing."""
    return Balance(accepted, done, given_up, accepted - done - given_up - missing, missing)
