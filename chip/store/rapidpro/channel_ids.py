"""External channels in RapidPro's database, by either of their two names.

Owns which channel a public id means: the ids are computed, from what is in the database, and kept
nowhere. An External channel without an authorization takes nothing from Courier, so it has no
public id and is not found.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from chip.errors import Unavailable
from chip.logs.redact import REDACTOR
from chip.models import Channel
from chip.store.public_ids import public_id
from chip.store.rapidpro import statements
from chip.store.rapidpro.connection import Row
from chip.tasks import Semaphore

READ_EVERY: Final = 1.0
"""Seconds between two readings of all channels for ids that are not among them."""

Ask = Callable[..., Awaitable[list[Row]]]


class ExternalChannels:
    """`given` maps public ids that were chosen to the channels' own; `ask` runs a statement."""

    def __init__(self, ask: Ask, seconds: Callable[[], float], given: Mapping[str, str]) -> None:
        self._ask = ask
        self._seconds = seconds
        self._given = dict(given)
        self._chosen = {external_uuid: uuid for uuid, external_uuid in given.items()}
        self._known = self._given
        self._read_at = float("-inf")
        self._reading = Semaphore()
        self._failures = 0

    def was_chosen(self, uuid: str) -> bool:
        """Whether this public id was given, and may be that of a channel of type CHP as well."""
        return uuid in self._given

    async def by_public_id(self, uuid: str) -> Channel | None:
        """The active External channel that pages call so, as it is in the database now."""
        if not await self._is_known(uuid):
            return None
        channel = await self.by_courier_uuid(self._known[uuid])
        # With another authorization it has another id.
        return channel if channel and channel.uuid == uuid else None

    async def by_courier_uuid(self, uuid: str) -> Channel | None:
        """The active External channel that Courier calls so."""
        for org, authorization in await self._ask(statements.EXTERNAL_CHANNEL, uuid):
            return self._channel(uuid, org, authorization)
        return None

    async def _is_known(self, uuid: str) -> bool:
        """Whether a channel is called so. Only what was read says no: whoever asks while a reading
        is under way waits for it, and hears of its failure as well."""
        if uuid in self._known or self._is_fresh():
            return uuid in self._known
        failures = self._failures
        await self._reading.acquire()
        try:
            if failures != self._failures:
                raise Unavailable("the External channels could not be read")
            if uuid not in self._known and not self._is_fresh():
                await self._read()
        finally:
            self._reading.release()
        return uuid in self._known

    def _is_fresh(self) -> bool:
        return self._seconds() - self._read_at <= READ_EVERY

    async def _read(self) -> None:
        try:
            rows = await self._ask(statements.EXTERNAL_CHANNELS)
        except Unavailable:
            self._failures += 1
            raise
        self._read_at = self._seconds()
        found = [self._channel(uuid.decode(), *more) for uuid, *more in rows]
        named = {channel.uuid: channel.external_uuid for channel in found if channel}
        self._known = self._given | named

    def _channel(self, external_uuid: str, org: bytes, secret: bytes) -> Channel | None:
        return external_channel(external_uuid, int(org), secret.decode(), self._chosen)


def external_channel(
    external_uuid: str, org_id: int, authorization: str, chosen: Mapping[str, str]
) -> Channel | None:
    """The channel by its public id, which is the one in `chosen` if that has the channel's UUID;
    None without an authorization. From now on no log shows the UUID and the authorization."""
    REDACTOR.learn(external_uuid)
    if not authorization:
        return None
    REDACTOR.learn(authorization)
    uuid = chosen.get(external_uuid) or public_id(external_uuid, authorization)
    return Channel(uuid, org_id, authorization, external_uuid)
