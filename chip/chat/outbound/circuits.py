"""A circuit for each Courier: the one that Chip is set to, and those that channels name.

The first decides what is taken up from the spool (`forwarder`). Each of the others bounds what goes
to its Courier, so that one which is away or slow holds up its own channels only.
"""

from collections import OrderedDict
from typing import Final
from urllib.parse import urlsplit

from chip.chat.outbound.circuit import CircuitBreaker
from chip.chat.outbound.ports import Gateway
from chip.models import Channel
from chip.tasks import Clock

MOST_CIRCUITS: Final = 1000
"""Couriers of channels' own whose circuits are remembered."""


class Circuits:
    """Requests to Couriers, each by its circuit. `parallel` is for all of them."""

    def __init__(self, gateway: Gateway, parallel: int, clock: Clock) -> None:
        self._gateway = gateway
        self._parallel = parallel
        self._clock = clock
        self.own = CircuitBreaker(gateway, parallel, clock)
        self._others: OrderedDict[str, CircuitBreaker] = OrderedDict()

    def of(self, channel: Channel) -> CircuitBreaker:
        """The circuit to the channel's Courier."""
        courier = channel.courier
        if not courier:
            return self.own
        if courier not in self._others:
            host, room = urlsplit(courier).netloc, max(1, self._parallel // 8)
            self._others[courier] = CircuitBreaker(
                self._gateway, self._parallel, self._clock, host=host, room=room
            )
            if len(self._others) > MOST_CIRCUITS:
                self._others.popitem(last=False)
        self._others.move_to_end(courier)
        return self._others[courier]

    @property
    def any_is_open(self) -> bool:
        """Whether any Courier seems to be away."""
        return self.own.is_open or any(one.is_open for one in self._others.values())

    @property
    def trouble(self) -> str:
        """Why a Courier did not take the last request; ``""`` when all did."""
        troubles = (one.trouble for one in (self.own, *self._others.values()))
        return next(filter(None, troubles), "")
