"""What unfinished requests hold of the memory, and which of them make way when it is too much.

Each head and each body has its own limit, but there may be thousands at a time. When all of them
hold more than the budget, the largest of whoever holds most are dropped.
"""

from collections import defaultdict
from collections.abc import Callable
from heapq import heapify, heapreplace
from typing import Final, Generic, Protocol, TypeVar

from chip.buckets import network_of

ROOM: Final = 0.1
"""The part of the budget that is free again afterwards: room is not made for each packet."""


class Holder(Protocol):
    """A connection. `address` is what limits count by."""

    address: str


T = TypeVar("T", bound=Holder)


class MemoryBudget(Generic[T]):
    """Bytes by who holds them, `most` in all. `drop` drops one, and so calls `release`."""

    def __init__(self, most: int, drop: Callable[[T], object]) -> None:
        self._most = most
        self._drop = drop
        self._held: dict[T, int] = {}
        self._total = 0

    def hold(self, holder: T, size: int) -> None:
        """`holder` holds so many bytes now."""
        self._total += size - self._held.get(holder, 0)
        self._held[holder] = size
        if self._total > self._most:
            self._make_room()

    def release(self, holder: T) -> None:
        """`holder` holds nothing any more."""
        self._total -= self._held.pop(holder, 0)

    def _make_room(self) -> None:
        owned: defaultdict[str, list[T]] = defaultdict(list)
        sums: defaultdict[str, int] = defaultdict(int)
        for holder in sorted(self._held, key=self._held.__getitem__):
            owner = network_of(holder.address)
            owned[owner].append(holder)
            sums[owner] += self._held[holder]
        greediest = [(-held, owner) for owner, held in sums.items()]
        heapify(greediest)
        while self._total > self._most * (1 - ROOM):
            held, owner = greediest[0]
            largest = owned[owner].pop()
            heapreplace(greediest, (held + self._held[largest], owner))
            self._drop(largest)
