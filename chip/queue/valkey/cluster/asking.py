"""The nodes of a Cluster for a few questions, whose answers are told to whoever asks."""

from typing import Any

from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.cluster.node import Node, NodeCommands
from chip.queue.valkey.cluster.nodes import Nodes
from chip.queue.valkey.cluster.slots import NodeAddress
from chip.queue.valkey.outages import Outages


def nodes_to_ask(address: ValkeyAddress, reactor: Any) -> Nodes[Node]:
    """Nodes that nothing is heard from."""

    def make(place: NodeAddress) -> Node:
        outages = Outages(reactor.seconds, quiet=True)
        commands = NodeCommands(place, address.at(*place), outages, reactor, lost=nodes.look)
        return Node(place, commands, outages)

    nodes = Nodes(address.seeds(), reactor, make)
    return nodes
