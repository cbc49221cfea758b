"""Where chats lie in a Cluster: in partitions, whose keys share a tag and so a slot.

A Cluster hashes what stands in braces in a key's name, ``chat:{qfs}:outboxes``, to one of 16,384
slots, each served by one node. Scripts may touch keys of one slot only; so all keys of a chat, and
what is counted together with it, are in its partition.

The tags are part of the layout: with others, nothing is found again.
"""

from binascii import crc32, crc_hqx
from typing import Any, Final, NamedTuple

from txredisapi import ResponseError

_SLOTS: Final = 16_384
TAGS: Final = tuple(
    b"""
    qfs dqe bg5 fr3 avb ecd cu4 fer qb3 l85 bcu fvs pp2 te4 cqt x3
    dhn htp fk8 krf ezo aoi ex zg7 le6 hp0 fox jsf mw7 ib1 a8 kag
    h8q ubw bv7 fc1 inx erf cd6 mq hx9 uf7 brw fgq ij8 tt6 kin i1
    dyl her ovb kcd ekm iws tz c95 lt4 ha2 nwb jbd mf5 is3 oec kpe
    sd5 wq3 hlk dpu k94 vc2 awr ebt bbe fwc ads dt5 cpd geb as2 ef4
    nc0 jv6 ukn h1h dh kd7 mrg any fnh jrv maf ys0 g8a cio lsg aj9
    su7 nk9 h9a daw rg6 la afp esv bsg ffa auq de7 caf g0h ab0 ew6
    nr2 jg4 lqd hdb uj ku5 mce ivc nvr bjl d84 yb2 gmk cxm lbe xp3
    """.split()
)
"""The tag of each partition, such that their slots are equally far apart: nodes that share the
slots equally share the partitions equally."""
PARTITIONS: Final = len(TAGS)


def slot_of(tag: bytes) -> int:
    """The slot of all keys with this tag."""
    return crc_hqx(tag, 0) % _SLOTS


_SLOT_OF_PARTITION: Final = tuple(slot_of(tag) for tag in TAGS)


def partition_of(chat: bytes) -> int:
    """The partition of a chat, for ever."""
    return crc32(chat) % PARTITIONS


class NodeAddress(NamedTuple):
    """Where a node listens, as the Cluster tells its clients."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def places_of(answer: list[Any], asked: NodeAddress) -> dict[int, NodeAddress]:
    """Which node serves which partition, as ``CLUSTER SLOTS`` answers: ranges of slots, each with
    its nodes, the primary first. A node that does not know its own name goes by that by which it
    was asked. Partitions that nobody serves are left out."""
    ranges = []
    for first, last, (host, port, *_), *_ in answer:
        name = host.decode() if host else ""
        ranges.append(
            (first, last, NodeAddress(name if name not in ("", "?") else asked.host, port))
        )
    found = {}
    for partition, slot in enumerate(_SLOT_OF_PARTITION):
        for first, last, place in ranges:
            if first <= slot <= last:
                found[partition] = place
    return found


class Redirected(Exception):
    """A node has not done what it was asked, and says why.

    ``MOVED``: another one serves the slot, at `place`. ``ASK``: this one gives it away, and what
    was asked for is at `place` already. ``TRYAGAIN``: some of the keys are here and some there.
    ``CLUSTERDOWN``: it may not serve anybody for now.
    """

    def __init__(self, kind: str, place: NodeAddress | None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.place = place


def redirection(error: ResponseError, asked: NodeAddress) -> Redirected | None:
    """The redirection that an error is, if it is one: ``MOVED 3999 127.0.0.1:6381``, with no host
    where it is that of the node that was asked."""
    kind, *rest = str(error).split()
    if kind in ("TRYAGAIN", "CLUSTERDOWN"):
        return Redirected(kind, None)
    if kind in ("MOVED", "ASK") and len(rest) == 2:
        host, _, port = rest[1].rpartition(":")
        return Redirected(
            kind, NodeAddress(host if host not in ("", "?") else asked.host, int(port))
        )
    return None
