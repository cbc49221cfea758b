"""Where an inspection looks: the queues and the database that the settings name, and nothing else
of Chip. All of it only reads, beside Chips that run."""

import time
from pathlib import Path
from typing import Any, Protocol

from chip.app.backend import valkey_address
from chip.config.schema import Config
from chip.models import ChatKey, MsgName
from chip.queue.snapshot import ChatSnapshot
from chip.queue.sqlite import snapshots
from chip.queue.sqlite.shared import clock_of_writer
from chip.queue.valkey.cluster.snapshots import ClusterSnapshots
from chip.queue.valkey.snapshots import ValkeySnapshots
from chip.sqlite.files import lock_holder
from chip.sqlite.reading import reading
from chip.store.found import FoundChat, FoundMessage
from chip.store.rapidpro.finder import RapidproFinder
from chip.store.sqlite_finder import find_chats, find_message


class Source(Protocol):
    """Somewhere to look. Every method of one raises Unavailable or ConfigError, in a line for
    operators, when nothing can be seen there."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class Queues(Source, Protocol):
    """What waits."""

    async def take(self, chat: ChatKey) -> ChatSnapshot:
        """What is there of the chat."""

    async def waiting(self, chat_id: str, channel_uuid: str) -> list[ChatKey]:
        """Chats whose id and channel begin so, and for which something waits."""


class Records(Source, Protocol):
    """Who and what there is."""

    async def chats(self, chat_id: str) -> list[FoundChat]:
        """The contacts that have this chat."""

    async def message(self, name: MsgName) -> FoundMessage | None:
        """The message with this id, or with this uuid."""


class EmbeddedSource:
    """The queues and the store of an embedded Chip. Satisfies `Queues` and `Records`."""

    def __init__(self, config: Config) -> None:
        self._data_dir = Path(config.data_dir)
        self._limits = config.limits_in_force

    async def open(self) -> None:
        with reading(self._data_dir):
            pass

    async def close(self) -> None:
        """Nothing stays open."""

    async def take(self, chat: ChatKey) -> ChatSnapshot:
        with reading(self._data_dir) as connection:
            is_open = lock_holder(self._data_dir)
            now = clock_of_writer(connection) if is_open else int(time.time() * 1000)
            return snapshots.take(connection, chat, now, self._limits)

    async def waiting(self, chat_id: str, channel_uuid: str) -> list[ChatKey]:
        with reading(self._data_dir) as connection:
            return snapshots.waiting(connection, chat_id, channel_uuid)

    async def chats(self, chat_id: str) -> list[FoundChat]:
        with reading(self._data_dir) as connection:
            return find_chats(connection, chat_id)

    async def message(self, name: MsgName) -> FoundMessage | None:
        with reading(self._data_dir) as connection:
            return find_message(connection, name)


def queues_of(config: Config, reactor: Any) -> Queues:
    """The queues that the settings name. Raises ConfigError."""
    if config.valkey:
        address = valkey_address(config)
        look = ClusterSnapshots if address.cluster else ValkeySnapshots
        return look(address, reactor, config.limits_in_force)
    return EmbeddedSource(config)


def records_of(config: Config, reactor: Any) -> Records:
    """The database that the settings name. Raises ConfigError."""
    if config.db:
        return RapidproFinder(config.db, reactor, config.external_uuids)
    return EmbeddedSource(config)
