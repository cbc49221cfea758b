"""Whether the nodes of a Cluster would do what Chip asks of them: each that serves any chats."""

from typing import Any

from chip.limits import Limits
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.cluster.asking import nodes_to_ask
from chip.queue.valkey.cluster.node import Node
from chip.queue.valkey.cluster.slots import PARTITIONS, TAGS
from chip.queue.valkey.cluster.subscriber import ShardProtocol
from chip.queue.valkey.connection import ValkeyConnection, connection_to_ask
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.outages import Outages
from chip.queue.valkey.scripts import ScriptTexts
from chip.queue.valkey.trial import Trial, try_server


async def try_cluster(
    address: ValkeyAddress, reactor: Any, limits: Limits, *, replicas: int = 0
) -> list[Trial]:
    """Try everything once on each node, as `try_valkey` does. Raises Unavailable when one cannot be
    reached."""
    nodes = nodes_to_ask(address, reactor)
    texts = ScriptTexts(limits, publish="SPUBLISH", parts=PARTITIONS)
    try:
        await nodes.open()
        return [
            await _try_node(
                node, nodes.owned_by(node)[0], address, texts, reactor, replicas=replicas
            )
            for node in nodes.all
        ]
    finally:
        await nodes.close()


async def _try_node(
    node: Node,
    partition: int,
    address: ValkeyAddress,
    texts: ScriptTexts,
    reactor: Any,
    *,
    replicas: int,
) -> Trial:
    keys = Keys(address.database, TAGS[partition])
    at = address.at(*node.place)

    async def listen(protocol: ShardProtocol) -> None:
        protocol.write(b"SSUBSCRIBE", [keys.live()])
        await protocol.ping()

    def make() -> ShardProtocol:
        protocol = ShardProtocol()
        protocol.on_subscribed = lambda _: None
        protocol.on_refused = lambda _: False
        return protocol

    commands = connection_to_ask("trial", at, reactor)
    subscriber = ValkeyConnection(
        "trial", at, Outages(reactor.seconds, quiet=True), reactor, make, prepare=listen
    )
    listening = ("SSUBSCRIBE", subscriber)
    return await try_server(at, keys, texts, commands, listening, replicas=replicas)
