"""Courier's knowledge of channels: an External one is remembered for a minute.

So what somebody changes in the database counts after that. While the database is away a channel is
known for the rest of its minute; then everything for it is refused with 400, in the words of the
database's driver. Channels of the other kind are looked up each time, that tests can change their
secrets at once.
"""

from __future__ import annotations

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
        self._remembered: dict[str, tuple[float, Channel]] = {}

    async def get(self, address: str, kind: str | None = None) -> Channel:
        """Return a channel, which must be of this kind. Raises RefusedError."""
        channel = await self._look_up(address)
        if channel is None:
            raise RefusedError("channel not found")
        # Without a database every channel is of any kind.
        if kind is not None and channel.kind not in {kind, ""}:
            raise RefusedError("channel type wrong")
        return channel

    async def _look_up(self, address: str) -> Channel | None:
        since, remembered = self._remembered.get(address, (0.0, None))
        if remembered and self._clock.now() - since < _MEMORY:
            return remembered
        channel = await self._backend.channel(address)
        if channel and channel.kind == EXTERNAL:
            self._remembered[address] = (self._clock.now(), channel)
        return channel
