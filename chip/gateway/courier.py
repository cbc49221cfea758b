"""Courier, by whichever contract a channel has.

Owns the choice. What differs between the contracts is in `chp` and `external`; neither is known
outside this room.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred

from chip.chat.observer import Observer
from chip.chat.outbound.ports import CourierAnswer, Habits
from chip.gateway.chp import ChpGateway
from chip.gateway.exchange import Courier
from chip.gateway.external import ExternalGateway
from chip.models import Channel, SpoolEvent

OTHERS: Final = 50
"""Couriers of channels' own to which connections are kept."""


class CourierGateway:
    """Courier at `domain` (``host[:port]``), by HTTPS if `tls`. Satisfies `ports.Gateway`.

    A channel may name a Courier of its own. The other arguments are those of `Courier`.
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
        self._courier_at: Callable[[str], Courier] = partial(
            Courier,
            reactor=reactor,
            connect_timeout=connect_timeout,
            timeout=timeout,
            parallel=parallel,
            observer=observer,
        )
        self._courier = self._courier_at(self.base)
        self._chp = ChpGateway(self._courier)
        self._external = ExternalGateway(self._courier)
        self._others: OrderedDict[str, ExternalGateway] = OrderedDict()

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
        while self._others:
            await self._others.popitem()[1].close()

    def _of(self, channel: Channel) -> ChpGateway | ExternalGateway:
        if channel.courier:
            return self._at(channel.courier)
        return self._external if channel.external_uuid else self._chp

    def _at(self, courier: str) -> ExternalGateway:
        if courier not in self._others:
            self._others[courier] = ExternalGateway(self._courier_at(f"{courier}/c"))
            if len(self._others) > OTHERS:
                # Only what is idle is closed; what is under way ends by itself.
                Deferred.fromCoroutine(self._others.popitem(last=False)[1].close())
        self._others.move_to_end(courier)
        return self._others[courier]
