"""How processes share the partitions."""

from __future__ import annotations

from itertools import chain

from twisted.internet.task import Clock

from chip.queue.valkey.cluster.shares import Shares
from chip.queue.valkey.cluster.slots import PARTITIONS

EVERY = list(range(PARTITIONS))
NAMES = [f"{number:016x}" for number in range(5)]


def shared(living: list[str]) -> dict[str, list[int]]:
    """What each of the living has."""
    found = {}
    for name in living:
        shares = Shares(name, Clock(), 5)
        shares.living([other.encode() for other in living])
        found[name] = shares.own
    return found


def test_each_partition_is_looked_after_by_one_process():
    own = shared(NAMES).values()
    assert sorted(chain(*own)) == EVERY
    assert min(map(len, own)) > PARTITIONS / len(NAMES) / 2


def test_when_one_dies_only_its_partitions_change_hands():
    before, after = shared(NAMES), shared(NAMES[1:])
    for name in NAMES[1:]:
        assert set(before[name]) <= set(after[name])
    assert sorted(chain(*after.values())) == EVERY


def test_who_knows_of_nobody_looks_after_all():
    shares = Shares("a", Clock(), 5)
    assert shares.own == EVERY
    shares.living([])
    assert shares.own == EVERY


def test_everybody_looks_through_all_now_and_then():
    clock = Clock()
    shares = Shares("a", clock, 5)
    shares.living([b"a", b"b"])
    assert shares.to_look_through() == EVERY
    assert shares.to_look_through() == shares.own != EVERY
    clock.advance(4.9)
    assert shares.to_look_through() == shares.own
    clock.advance(0.2)
    assert shares.to_look_through() == EVERY
    assert shares.to_look_through() == shares.own
