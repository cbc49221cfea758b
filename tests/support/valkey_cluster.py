"""A Valkey (or Redis 7) Cluster of our own: primaries, each with so many replicas.

Owns the servers and what they know of each other. They are told before they start, so that nobody
has to meet anybody. Where the network is to be cut, they and Chip reach each other by `links`.
"""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count, pairwise
from typing import NamedTuple

from .links import EVERYBODY_ELSE, Link, Links
from .process import eventually, free_port
from .valkey import COUNTED_AT_ONCE, Valkey, binary

SLOTS = 16_384


class Card(NamedTuple):
    """What the nodes know of one of them."""

    id: str
    port: int
    bus: int
    slots: tuple[int, int] | None
    primary: str


class Node(Valkey):
    """One server of a Cluster. With an `address` it calls the others from there, and they and Chip
    know it by the ports of its `links`.

    At each failover every node waits until the disk has its `nodes.conf`, and answers nobody
    meanwhile: 0.3 s were seen where other tests write much. So it has memory for a disk, unless it
    is to store everything there.
    """

    def __init__(
        self,
        slots: tuple[int, int] | None,
        primary: Node | None,
        *,
        address: str = "",
        **options,
    ) -> None:
        self.needs_disk = options["settings"].get("appendonly") == "yes"
        super().__init__(**options)
        self.bus = free_port()
        self.id = secrets.token_hex(20)
        self.primary = primary
        self.address = address
        self.links = [Link(free_port(), port, address) for port in (self.port, self.bus) if address]
        port, bus = [link.port for link in self.links] or [self.port, self.bus]
        self.card = Card(self.id, port, bus, slots, primary.id if primary else "-")
        usual = {
            "cluster-enabled": "yes",
            "cluster-port": str(self.bus),
            "cluster-require-full-coverage": "no",
            "databases": "1",
            "appendonly": "no",
            **COUNTED_AT_ONCE,
        }
        if address:
            usual |= {
                "bind-source-addr": address,
                "cluster-announce-ip": "127.0.0.1",
                "cluster-announce-port": str(port),
                "cluster-announce-bus-port": str(bus),
            }
        self.settings = usual | self.settings

    def introduce(self, cards: Sequence[Card]) -> None:
        """Tell a node that was never started who is in the Cluster."""
        lines = [_line(card, self.card, epoch) for epoch, card in enumerate(cards, 1)]
        lines.append(f"vars currentEpoch {len(cards)} lastVoteEpoch 0\n")
        (self.directory / "nodes.conf").write_text("\n".join(lines))

    def cli(self, *command: str, database: int = 0) -> str:
        return super().cli(*command, database=database)

    def ready(self) -> bool:
        if not super().ready() or "cluster_state:ok" not in self.cli("CLUSTER", "INFO"):
            return False
        return "master_link_status:down" not in self.cli("INFO", "replication")

    def owns_any(self) -> bool:
        """Whether this node serves any slot, as it sees it itself."""
        return bool(self._ranges_of(self))

    def owns(self, slot: int) -> bool:
        """Whether this node serves the slot, as it sees it itself."""
        return self.names(self, slot)

    def names(self, node: Node, slot: int) -> bool:
        """Whether that node serves the slot, as this one sees it."""
        return any(first <= slot <= last for first, last in self._ranges_of(node))

    def _ranges_of(self, node: Node) -> list[tuple[int, int]]:
        nodes = self.cli("CLUSTER", "NODES")
        its = re.search(rf"^{node.id} .*\bmaster\b.*connected(.*)$", nodes, re.MULTILINE)
        ranges = re.findall(r" (\d+)(?:-(\d+))?(?= |$)", its[1]) if its else []
        return [(int(first), int(last or first)) for first, last in ranges]


def _line(card: Card, own: Card, epoch: int) -> str:
    kind = "slave" if card.primary != "-" else "master"
    flags = f"myself,{kind}" if card is own else kind
    slots = "" if card.slots is None else f" {card.slots[0]}-{card.slots[1]}"
    where = f"127.0.0.1:{card.port}@{card.bus}"
    if _has_shards():
        where += f",,shard-id={card.id if card.primary == '-' else card.primary}"
    return f"{card.id} {where} {flags} {card.primary} 0 0 {epoch} connected{slots}"


@cache
def _has_shards() -> bool:
    """Whether the servers write down which nodes are one another's replicas: not so Redis 7.0."""
    done = subprocess.run([binary("server"), "--version"], capture_output=True, check=True)
    return b"v=7.0." not in done.stdout


class ValkeyCluster:
    """`primaries` nodes that share the slots, each with `replicas`. A node that is silent for
    `timeout` ms counts as dead. One that is `cuttable` has a network that can be cut. Further
    options are those of each server."""

    def __init__(
        self,
        primaries: int = 3,
        replicas: int = 0,
        timeout: int = 15_000,
        settings: dict[str, str] | None = None,
        *,
        cuttable: bool = False,
        **options,
    ) -> None:
        settings = {"cluster-node-timeout": str(timeout)} | (settings or {})
        bounds = [SLOTS * number // primaries for number in range(primaries + 1)]
        addresses = (f"127.0.7.{number}" if cuttable else "" for number in count(1))

        def node(slots: tuple[int, int] | None, primary: Node | None) -> Node:
            own = dict(settings)
            return Node(slots, primary, address=next(addresses), settings=own, **options)

        self.primaries = [node((first, end - 1), None) for first, end in pairwise(bounds)]
        self.replicas = [node(None, primary) for primary in self.primaries for _ in range(replicas)]
        self.nodes = [*self.primaries, *self.replicas]
        self.links = Links([link for node in self.nodes for link in node.links])
        if self.nodes[0].certificates:
            for node in self.nodes:
                node.certificates = self.nodes[0].certificates
                node.settings |= {"tls-cluster": "yes", "tls-replication": "yes"}

    @property
    def url(self) -> str:
        """The URL of the first node; the others are found by it."""
        return self.url_of(self.primaries[0])

    def url_of(self, node: Node) -> str:
        """The URL of the Cluster by way of this node."""
        return node.url_of(0, port=node.card.port) + "?cluster=true"

    def at(self, slot: int) -> Node:
        """The node that serves a slot."""
        (node,) = [node for node in self.nodes if node.running and node.owns(slot)]
        return node

    def heir_of(self, node: Node) -> Node:
        """The replica of a primary."""
        told = node.cli("CLUSTER", "REPLICAS", node.id)
        return next(one for one in self.nodes if told.startswith(one.id))

    def cut_off(self, node: Node, *, from_chip: bool) -> None:
        """Let nothing pass between this node and the others, nor Chip if so wanted."""
        others = [other.address for other in self.nodes if other is not node]
        self.links.cut([node.address], [*others, *([EVERYBODY_ELSE] if from_chip else [])])

    def wait_until_whole(self) -> None:
        """Return once there are as many primaries as there should be, and each counts its
        replicas, which it does some time after those believe to be up to date."""
        eventually(self._is_whole, "the Cluster is whole", pause=0.2)

    def _is_whole(self) -> bool:
        told = [node.cli("INFO", "replication") for node in self.nodes if node.ready()]
        primaries = sum("role:master" in one for one in told)
        replicas = sum(one.count("state=online") for one in told)
        return (primaries, replicas) == (len(self.primaries), len(self.replicas))

    def start(self) -> None:
        if self.links.links:
            self.links.start()
        for node in self.nodes:
            node.introduce([other.card for other in self.nodes])
        for node in self.nodes:
            node.spawn()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.start, self.nodes))
        self.wait_until_whole()

    def clear(self) -> None:
        """Forget everything, as between two tests."""
        for node in self.nodes:  # a replica, which whoever was the primary may be by now, refuses
            node.cli("FLUSHALL")

    def everywhere(self, *command: str) -> list[str]:
        """What each primary answers."""
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda node: node.cli(*command), self.primaries))

    def cli(self, *command: str) -> str:
        """Run a command of one key, where it belongs."""
        return self.primaries[0].cli("-c", *command)

    def move(self, slot: int, to: Node) -> None:
        """Move a slot and all that is in it, as ``valkey-cli --cluster reshard`` does."""
        source = self.at(slot)
        to.cli("CLUSTER", "SETSLOT", str(slot), "IMPORTING", source.id)
        source.cli("CLUSTER", "SETSLOT", str(slot), "MIGRATING", to.id)
        while keys := source.cli("CLUSTER", "GETKEYSINSLOT", str(slot), "100").split():
            migrate = ["MIGRATE", "127.0.0.1", str(to.port), "", "0", "5000"]
            answer = source.cli(*migrate, "KEYS", *keys)
            if answer not in ("OK", "NOKEY"):
                raise AssertionError(answer)
        others = [node for node in self.primaries if node not in (to, source)]
        for node in (to, source, *others):
            if node.running:
                node.cli("CLUSTER", "SETSLOT", str(slot), "NODE", to.id)

    def wait_for_owner(self, slot: int, node: Node) -> None:
        """Return once a node serves a slot."""
        eventually(lambda: node.owns(slot), f"node {node.port} serves slot {slot}", pause=0.1)

    def close(self) -> None:
        """Stop all nodes."""
        for node in self.nodes:
            node.resume()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.close, self.nodes))
        self.links.close()

    def __enter__(self) -> ValkeyCluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
