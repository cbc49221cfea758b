"""What counts rates: the token bucket, one for each key, and one for each address and its network.

How much goes into a bucket is `chip.limits`' business.
"""

import ipaddress
import math
from collections.abc import Hashable
from functools import lru_cache
from typing import Any, ClassVar, Final

_V6_NETWORK: Final = 48
"""Bits of the prefix that a site gets of IPv6."""


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The wider network around an address that limits count by: of IPv6, the /48 that a site gets,
    which has 65,536 of the /64s that count as one address. An address of IPv4 stands for itself."""
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network(address).supernet(new_prefix=_V6_NETWORK))


def per_minute(times: float) -> tuple[float, float]:
    """The rate and the burst of a bucket that gives so many a minute, all of them at once, and one
    at a time where they are fewer than one."""
    return times / 60, max(1, times)


class TokenBucket:
    """`rate` tokens a second flow into a bucket that holds `burst`; it begins full.

    Two floats and no clock of its own: whoever asks says what time it is, in seconds.
    """

    __slots__ = ("_level", "_since", "burst", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._level = float(burst)
        self._since = -math.inf

    def take(self, now: float, count: int = 1) -> float:
        """Take `count` tokens and return 0, or take none and return the seconds to wait."""
        if self.rate == math.inf:
            return 0
        self._level = min(self.burst, self._level + max(0.0, now - self._since) * self.rate)
        self._since = now
        if self._level >= count:
            self._level -= count
            return 0
        return (count - self._level) / self.rate

    def give_back(self, count: int = 1) -> None:
        """Put back tokens that were taken and are not needed. A negative `count` takes them, though
        they may not be there yet."""
        self._level = min(self.burst, self._level + count)

    def wait(self, now: float) -> float:
        """Seconds until there is a token; 0 when there is one. Nothing is taken."""
        if self.rate == math.inf:
            return 0
        level = min(self.burst, self._level + max(0.0, now - self._since) * self.rate)
        return max(0.0, 1 - level) / self.rate

    def is_full(self, now: float) -> bool:
        """Whether the bucket has forgotten everything: then it need not be kept."""
        return self._level + max(0.0, now - self._since) * self.rate >= self.burst


class Buckets:
    """A token bucket for each key. A bucket that is full again says nothing and is forgotten."""

    __slots__ = ("_buckets", "_burst", "_sweep_at", "rate")

    SWEEP_FROM: ClassVar = 1000
    """Buckets that are kept without looking whether they are still needed."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self._burst = burst
        self._buckets: dict[Hashable, TokenBucket] = {}
        self._sweep_at = self.SWEEP_FROM

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, now: float, count: int = 1) -> float:
        """Take tokens of this key and return 0, or take none and return the seconds to wait."""
        if self.rate == math.inf:
            return 0
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._sweep_at:
                self._sweep(now)
            bucket = self._buckets[key] = TokenBucket(self.rate, self._burst)
        return bucket.take(now, count)

    def give_back(self, key: Hashable, count: int = 1) -> None:
        """Put back tokens of this key; see `TokenBucket.give_back`."""
        if key in self._buckets:
            self._buckets[key].give_back(count)

    def wait(self, key: Hashable, now: float) -> float:
        """Seconds until there is a token of this key; 0 when there is one. Nothing is taken."""
        bucket = self._buckets.get(key)
        return bucket.wait(now) if bucket else 0

    def _sweep(self, now: float) -> None:
        self._buckets = {key: b for key, b in self._buckets.items() if not b.is_full(now)}
        # Twice what is left: the work of sweeping stays a constant share of the work of taking.
        self._sweep_at = max(self.SWEEP_FROM, 2 * len(self._buckets))


def take_all(now: float, *buckets: tuple["Buckets | AddressBuckets", Any], count: int = 1) -> float:
    """Take tokens of each of these, with its key, and return 0, or take none at all and return the
    seconds to wait."""
    for index, (wanted, key) in enumerate(buckets):
        wait = wanted.take(key, now, count)
        if wait:
            for taken, its_key in buckets[:index]:
                taken.give_back(its_key, count)
            return wait
    return 0


class AddressBuckets:
    """A bucket for each address, and for each network of IPv6 one that is `networks` times as
    large. The address ``""`` is exempt."""

    __slots__ = ("_addresses", "_networks")

    def __init__(self, rate: float, burst: float, networks: int) -> None:
        self._addresses = Buckets(rate, burst)
        self._networks = Buckets(rate * networks, burst * networks)

    def take(self, address: str, now: float, count: int = 1) -> float:
        """Take tokens of this address and its network and return 0, or take none and return the
        seconds to wait."""
        if not address:
            return 0
        network = network_of(address)
        if network == address:
            return self._addresses.take(address, now, count)
        return take_all(now, (self._networks, network), (self._addresses, address), count=count)

    def give_back(self, address: str, count: int = 1) -> None:
        """Put back tokens of this address and its network; see `TokenBucket.give_back`."""
        self._addresses.give_back(address, count)
        self._networks.give_back(network_of(address), count)


class FailureBudget:
    """How often all together may fail: `rate` times a second, `burst` times at once.

    Once that is used up, whoever has failed within `FAILED_LATELY` has to wait; nobody else, so
    strangers cannot use it up for those who are right.
    """

    __slots__ = ("_all", "_lately")

    FAILED_LATELY: ClassVar = 60.0
    """Seconds after a failure for which `who` counts as having failed lately."""

    def __init__(self, rate: float, burst: float) -> None:
        self._all = TokenBucket(rate, burst)
        self._lately = Buckets(1 / self.FAILED_LATELY, 1)

    def wait(self, who: Hashable, now: float) -> float:
        """Seconds until `who` may try; 0 for now."""
        return self._all.wait(now) if self._lately.wait(who, now) else 0

    def failed(self, who: Hashable, now: float) -> None:
        """`who` has tried, and failed."""
        self._all.take(now)
        self._lately.take(who, now)
