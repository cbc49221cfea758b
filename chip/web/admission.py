"""Who may open a WebSocket now: the caps on connections, in all and per address.

Owns the counts. Knows nothing of HTTP beyond the status that a refusal is answered with, and
nothing of how long a connection lives: whoever let it in says when it has gone.
"""

from collections import Counter
from math import ceil
from typing import Final, NamedTuple

from chip.buckets import AddressBuckets, network_of
from chip.chat.observer import ConnectOutcome
from chip.limits import Limits
from chip.tasks import Clock

RETRY_FULL: Final = 10
"""Seconds after which another try makes sense when a cap on open connections is reached."""
RETRY_DRAINING: Final = 2
"""Seconds after which a process that is stopping has a successor."""


class Refusal(NamedTuple):
    """Why a connection may not be opened. `retry_after` is in whole seconds, 0 for never."""

    outcome: ConnectOutcome
    status: int
    reason: str
    retry_after: int = 0


class Admission:
    """Counts connections. The address ``""`` is exempt from what counts per address."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._rates = AddressBuckets(
            limits.connects_per_second, limits.connects_burst, limits.addresses_per_network
        )
        # By address, and by network of IPv6.
        self._open: Counter[str] = Counter()
        self.count = 0
        """Connections that are open."""
        self.draining = False
        """Set when the process is going to stop: then nobody comes in any more."""

    def refusal(self, address: str) -> Refusal | None:
        """Why a connection from `address` may not be opened, or None when it may.

        Asking counts as an attempt.
        """
        if self.draining:
            return Refusal("draining", 503, "this server is being restarted", RETRY_DRAINING)
        if self.count >= self._limits.sockets:
            return Refusal("full", 503, "too many connections", RETRY_FULL)
        if not address:
            return None
        if any(self._open[who] >= most for who, most in self._caps(address)):
            reason = "too many connections from this address"
            return Refusal("too_many", 429, reason, RETRY_FULL)
        wait = self._rates.take(address, self._clock.seconds())
        if wait:
            reason = "too many new connections from this address"
            return Refusal("too_fast", 429, reason, ceil(wait))
        return None

    def entered(self, address: str) -> None:
        """A connection has been opened."""
        self.count += 1
        for who, _ in self._caps(address):
            self._open[who] += 1

    def left(self, address: str) -> None:
        """It is gone."""
        self.count -= 1
        for who, _ in self._caps(address):
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]

    def _caps(self, address: str) -> list[tuple[str, int]]:
        """What a connection counts for, and how many of those may be open."""
        if not address:
            return []
        most = self._limits.sockets_per_address
        network = network_of(address)
        if network == address:
            return [(address, most)]
        return [(address, most), (network, most * self._limits.addresses_per_network)]
