"""Every limit that protects Chip and its visitors, named, with its default and its reason.

The names are settings (see `chip.config.schema`). A rate is written as two of them: how many a
second or minute go on for ever, and how many may come at once. This module also owns the one
mechanism behind every rate, the token bucket.
"""

import math
from collections.abc import Hashable
from typing import Annotated, ClassVar

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1)]
Rate = Annotated[float, msgspec.Meta(gt=0)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits in force. Sizes are bytes, times are seconds, unless a name says otherwise."""

    # One connection, before it is a WebSocket.
    handshake_bytes: Count = 8 * 1024
    handshake_headers: Count = 64
    handshake_deadline: Seconds = 5
    start_chat_deadline: Seconds = 10

    # One connection, afterwards.
    message_bytes: Count = 16 * 1024
    fragments_per_message: Count = 64
    frames_per_second: Rate = 100
    pings_per_second: Rate = 1
    pings_burst: Count = 20
    commands_per_second: Rate = 20
    commands_burst: Count = 120
    bad_commands_per_minute: Rate = 10
    history_per_second: Rate = 2
    history_burst: Count = 5
    unsent_pause_bytes: Count = 256 * 1024
    unsent_close_bytes: Count = 1024 * 1024
    write_stall: Seconds = 15
    ping_interval: Seconds = 30
    ping_timeout: Seconds = 10

    # One chat.
    sends_per_second: Rate = 2
    sends_burst: Count = 60
    sockets_per_chat: Count = 5
    window_messages: Count = 32
    window_bytes: Count = 64 * 1024
    outbox_messages: Count = 1000
    outbox_bytes: Count = 1024 * 1024
    outbox_days: Rate = 14
    duplicate_memory_hours: Rate = 24
    spool_events: Count = 1000
    spool_hours: Rate = 72

    # One address.
    new_chats_per_minute: Rate = 30
    new_chats_burst: Count = 60
    sockets_per_address: Count = 200
    connects_per_second: Rate = 20
    connects_burst: Count = 100
    wrong_secrets_per_minute: Rate = 10

    # This process, and all of them.
    sockets: Count = 10_000
    spool_total: Count = 100_000
    post_bytes: Count = 1024 * 1024
    post_deadline: Seconds = 10
    courier_connect_timeout: Seconds = 3
    courier_timeout: Seconds = 35
    courier_parallel: Count = 64
    drain_deadline: Seconds = 10
    stop_deadline: Seconds = 30

    def without_rates(self) -> "Limits":
        """The same with every rate and every per-address cap lifted, for benchmarks and trusted
        networks. Sizes, windows and deadlines stay: they protect memory, not fairness."""
        return msgspec.structs.replace(
            self,
            **{name: math.inf for name in self.__struct_fields__ if _is_rate(name)},
            sockets_per_address=2**31,
        )


_PER = ("_per_second", "_per_minute")


def _is_rate(name: str) -> bool:
    return name.endswith(_PER)


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

    __slots__ = ("_buckets", "_burst", "_rate", "_sweep_at")

    SWEEP_FROM: ClassVar = 1000
    """Buckets that are kept without looking whether they are still needed."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[Hashable, TokenBucket] = {}
        self._sweep_at = self.SWEEP_FROM

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, now: float) -> float:
        """Take one token of this key and return 0, or return the seconds to wait for one."""
        if self._rate == math.inf:
            return 0
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._sweep_at:
                self._sweep(now)
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst)
        return bucket.take(now)

    def wait(self, key: Hashable, now: float) -> float:
        """Seconds until there is a token of this key; 0 when there is one. Nothing is taken."""
        bucket = self._buckets.get(key)
        return bucket.wait(now) if bucket else 0

    def _sweep(self, now: float) -> None:
        self._buckets = {key: b for key, b in self._buckets.items() if not b.is_full(now)}
        # Twice what is left: the work of sweeping stays a constant share of the work of taking.
        self._sweep_at = max(self.SWEEP_FROM, 2 * len(self._buckets))
