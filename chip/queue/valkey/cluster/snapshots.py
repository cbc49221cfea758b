"""Snapshots of chats in a Cluster, taken beside the processes that serve them."""

from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from chip.limits import Limits
from chip.models import ChatKey
from chip.queue.snapshot import MOST_CHATS, ChatSnapshot
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.cluster.asking import nodes_to_ask
from chip.queue.valkey.cluster.routed import RoutedCommands
from chip.queue.valkey.cluster.slots import PARTITIONS, TAGS, partition_of
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.scripts import ScriptTexts
from chip.queue.valkey.snapshots import PartitionSnapshots


class ClusterSnapshots:
    """Connections that only look."""

    def __init__(self, address: ValkeyAddress, reactor: Any, limits: Limits) -> None:
        self._nodes = nodes_to_ask(address, reactor)
        texts = ScriptTexts(limits, publish="SPUBLISH", parts=PARTITIONS)
        self._partitions = [
            PartitionSnapshots(
                RoutedCommands(number, self._nodes, reactor),
                Keys(address.database, tag),
                texts,
                b"SHARDNUMSUB",
            )
            for number, tag in enumerate(TAGS)
        ]

    async def open(self) -> None:
        """Connect. Raises Unavailable in a line for operators."""
        await self._nodes.open()

    async def close(self) -> None:
        """End the connections."""
        await self._nodes.close()

    async def take(self, chat: ChatKey) -> ChatSnapshot:
        """What is there of the chat now. Raises Unavailable."""
        return await self._partitions[partition_of(str(chat).encode())].take(chat)

    async def waiting(self, chat_id: str, channel_uuid: str) -> list[ChatKey]:
        """Chats whose id and whose channel begin so, and for which something waits: of those that
        can be seen now. Raises Unavailable when there is none among these."""
        asked: list[Deferred[Any]] = [
            Deferred.fromCoroutine(partition.waiting(chat_id, channel_uuid))
            for partition in self._partitions
        ]
        found: list[ChatKey] = []
        away: Failure | None = None
        for seen, result in await DeferredList(asked, consumeErrors=True):
            if seen:
                found += result
            else:
                away = result
        if away is not None and not found:
            away.raiseException()
        return found[:MOST_CHATS]
