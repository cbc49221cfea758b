"""Where chats lie in a Cluster, and what nodes say of it."""

from __future__ import annotations

from collections import Counter

import pytest
from txredisapi import ResponseError

from chip.models import ChatKey
from chip.queue.valkey.cluster.slots import (
    PARTITIONS,
    TAGS,
    NodeAddress,
    partition_of,
    places_of,
    redirection,
    slot_of,
)
from tests.contracts.queue_parts import CHANNEL, CHAT

ASKED = NodeAddress("asked", 1)


def test_a_slot_is_the_one_that_the_cluster_hashes_a_tag_to():
    # What Valkey's CLUSTER KEYSLOT says.
    assert [slot_of(tag) for tag in (b"foo", b"123456789", TAGS[0])] == [12182, 12739, 64]


def test_the_layout_never_changes():
    assert PARTITIONS == 128
    assert partition_of(str(CHAT).encode()) == 47
    assert TAGS[47] == b"i1"


@pytest.mark.parametrize("nodes", [2, 3, 4, 5, 6, 9, 16, 32])
def test_nodes_that_share_the_slots_equally_share_the_partitions_equally(nodes):
    shares = Counter(slot_of(tag) * nodes // 16_384 for tag in TAGS)
    assert len(shares) == nodes
    assert max(shares.values()) - min(shares.values()) <= 1


def test_chats_are_spread_over_all_partitions():
    chats = [str(ChatKey(f"{number:024}", CHANNEL)).encode() for number in range(20_000)]
    shares = Counter(map(partition_of, chats))
    assert len(shares) == PARTITIONS
    assert max(shares.values()) < 1.5 * min(shares.values())


def test_the_owner_of_a_range_is_its_first_node():
    answer = [
        [0, 8191, [b"10.0.0.1", 7000, b"id", []], [b"10.0.0.4", 7000, b"id", []]],
        [8192, 16_383, [b"", 7001, b"id"]],
    ]
    places = places_of(answer, ASKED)
    assert places[0] == NodeAddress("10.0.0.1", 7000)
    assert places[127] == NodeAddress("asked", 7001)
    assert len(places) == PARTITIONS


def test_partitions_that_nobody_serves_are_left_out():
    assert set(places_of([[0, 127, [b"a", 1, b""]]], ASKED)) == {0}


@pytest.mark.parametrize(
    ("said", "kind", "place"),
    [
        ("MOVED 3999 127.0.0.1:6381", "MOVED", NodeAddress("127.0.0.1", 6381)),
        ("ASK 3999 ::1:6381", "ASK", NodeAddress("::1", 6381)),
        ("MOVED 3999 :6381", "MOVED", NodeAddress("asked", 6381)),
        ("TRYAGAIN Multiple keys request during rehashing of slot", "TRYAGAIN", None),
        ("CLUSTERDOWN The cluster is down", "CLUSTERDOWN", None),
    ],
)
def test_a_redirection_says_where_to(said, kind, place):
    found = redirection(ResponseError(said), ASKED)
    assert found is not None
    assert (found.kind, found.place) == (kind, place)


def test_other_errors_are_no_redirections():
    assert redirection(ResponseError("OOM command not allowed"), ASKED) is None
