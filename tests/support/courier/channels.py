"""Courier's knowledge of channels: an External one is remembered for a minute.

So what somebody changes in the database counts after that. While the database is away a channel is
known for the rest of its minute; then everything for it is refused with 400, in the words of the
database's driver. Channels of the other kind are looked up each time, that tests can change their
secrets at once.
"""

from __future__ import annotations

import psycopg

from .answers import RefusedError
from .clock import Clock
from .database import Backend, Channel

CHP = "CHP"
EXTERNAL = "EX"
_MEMORY = 60.0


class Channels:
    """Looks channels up."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self._seen: dict[str, tuple[float, Channel]] = {}

    async def get(self, address: str, kind: str | None = None) -> Channel:
        """Return a channel, which must be of this kind. Raises RefusedError."""
        channel = await self._look_up(address)
        if channel is None:
            raise RefusedError("channel not found")
        # Without a database every channel is of any kind.
        if kind is not None and channel.kind not in {kind, ""}:
            raise RefusedError("channel type wrong")
        return channel

    async def as_it_was(self, address: str) -> Channel:
        """Return a channel, while the database is away as it was when it was last looked up."""
        try:
            return await self.get(address)
        except psycopg.OperationalError:
            _, seen = self._seen.get(address, (0.0, None))
            return seen or Channel(0, 0, address, "")

    async def _look_up(self, address: str) -> Channel | None:
        since, seen = self._seen.get(address, (0.0, None))
        if seen and seen.kind == EXTERNAL and self._clock.now() - since < _MEMORY:
            return seen
        channel = await self._backend.channel(address)
        if channel:
            self._seen[address] = (self._clock.now(), channel)
        return channel
