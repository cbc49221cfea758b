"""Courier, by whichever contract a channel has.

Owns the choice. What differs between the contracts is in `chp` and `external`; neither is known
outside this room.
"""

from collections.abc import Sequence
from typing import Any

from chip.chat.observer import Observer
from chip.chat.outbound.ports import CourierAnswer, Habits
from chip.gateway.chp import ChpGateway
from chip.gateway.exchange import Courier
from chip.gateway.external import ExternalGateway
from chip.models import Channel, SpoolEvent


class CourierGateway:
    """Courier at `domain` (``host[:port]``), by HTTPS if `tls`. Satisfies `ports.Gateway`.

    The other arguments are those of `Courier`.
    """

    def __init__(
        self,
        *,
        reactor: Any,
        domain: str,
        tls: bool,
        connect_timeout: float,
        timeout: float,
        parallel: int,
        observer: Observer | None = None,
    ) -> None:
        self.base = f"{'https' if tls else 'http'}://{domain}/c"
        """Where Courier takes what concerns channels."""
        self._courier = Courier(
            self.base,
            reactor=reactor,
            connect_timeout=connect_timeout,
            timeout=timeout,
            parallel=parallel,
            observer=observer,
        )
        self._chp = ChpGateway(self._courier)
        self._external = ExternalGateway(self._courier)

    def habits(self, channel: Channel) -> Habits:
        """What is peculiar to channels of this type."""
        return self._of(channel).habits

    async def start_chat(self, channel: Channel, chat_id: str) -> CourierAnswer:
        """Have Courier make the contact of a new chat. Never raises."""
        return await self._of(channel).start_chat(channel, chat_id)

    async def post(
        self, channel: Channel, chat_id: str, events: Sequence[SpoolEvent]
    ) -> CourierAnswer:
        """Hand events to Courier in one request. Never raises."""
        return await self._of(channel).post(channel, chat_id, events)

    async def probe(self, channel: Channel) -> CourierAnswer:
        """Whether Courier takes what is said on this channel. It has no effect. Never raises."""
        return await self._of(channel).probe(channel)

    async def close(self) -> None:
        """Close the connections."""
        await self._courier.close()

    def _of(self, channel: Channel) -> ChpGateway | ExternalGateway:
        return self._external if channel.external_uuid else self._chp
