"""Which partitions this process looks through for what is due.

Each partition belongs to that living process for which a hash of both is the highest (rendezvous
hashing): all agree without a word, and when one dies only its partitions change hands. As it may be
known late who lives, everybody looks through all partitions now and then.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from chip.queue.valkey.cluster.slots import PARTITIONS
from chip.tasks import Clock

SWEEP_EVERY: Final = 5.0
"""Seconds between two looks at all partitions."""


class Shares:
    """This process's share. `token` is its own."""

    def __init__(self, token: str, clock: Clock, sweep_every: float) -> None:
        self._token = token.encode()
        self._clock = clock
        self._sweep_every = sweep_every
        self._next_sweep = clock.seconds()
        self._living: frozenset[bytes] = frozenset()
        self._own: list[int] = list(range(PARTITIONS))

    def living(self, processes: Iterable[bytes]) -> None:
        """These processes live, and so does this one."""
        living = frozenset([*processes, self._token])
        if living != self._living:
            self._living = living
            self._own = [
                partition
                for partition in range(PARTITIONS)
                if max(living, key=lambda process: _weight(process, partition)) == self._token
            ]

    @property
    def own(self) -> list[int]:
        """The partitions that are this process's to look after."""
        return self._own

    def to_look_through(self) -> list[int]:
        """Those, or all partitions when it is time for that."""
        now = self._clock.seconds()
        if now < self._next_sweep:
            return self._own
        self._next_sweep = now + self._sweep_every
        return list(range(PARTITIONS))


def _weight(process: bytes, partition: int) -> bytes:
    return blake2b(b"%b %d" % (process, partition), digest_size=8).digest()
