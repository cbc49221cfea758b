"""Which store, queues and gateway: the configuration's choice, made in one place.

It owns how they are opened, what they are called, and that they are closed in the right order.
Nothing else in Chip knows which ones they are.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

from twisted.logger import Logger

from chip.chat.observer import Observer
from chip.chat.ports import Balances, Depths, Queue, SentMessages, Store
from chip.config.schema import Config
from chip.errors import Unavailable
from chip.gateway.courier import CourierGateway
from chip.ops.metrics import Metrics
from chip.queue.sqlite.queue import SqliteQueue
from chip.queue.valkey.address import ValkeyAddress, parse_url
from chip.queue.valkey.cluster.queue import ClusterQueue
from chip.queue.valkey.queue import ValkeyQueue
from chip.queue.valkey.tls_files import TlsFiles
from chip.sqlite.database import SqliteDatabase
from chip.store.rapidpro.store import RapidproStore
from chip.store.sqlite import SqliteStore
from chip.store.sqlite_archive import SqliteArchive
from chip.tasks import Clock, within

Closer = Callable[[], Awaitable[None]]

COUNT_WITHIN = 1.0
"""Seconds that a stop waits for the number of what is left."""


class Backend:
    """The store and the queues that the configuration asks for."""

    _log = Logger()

    def __init__(self, config: Config, reactor: Any) -> None:
        self._config = config
        self._reactor = reactor
        self._limits = config.limits_in_force
        self._token = token_hex(8)
        # PostgreSQL takes 63 characters. The token is what `twistd chip inspect` calls a process.
        self.process_name = f"{config.instance_id[:40]}-{self._token}"
        self._database: SqliteDatabase | None = None
        self._close_queue: Closer | None = None
        self._close_store: Closer | None = None
        self.store: Store
        self._sent_messages: SentMessages | None = None
        self.archive: SqliteArchive | None = None
        self.queue: Queue
        self.store_name = "RapidPro's PostgreSQL" if config.db else "SQLite"
        self.queue_name = "Valkey" if config.valkey else "embedded"

    async def open_store(self) -> None:
        """Open the store. Raises Unavailable or ConfigError, in one line for operators."""
        if self._config.db:
            store = RapidproStore(
                self._config.db,
                reactor=self._reactor,
                storage_url=self._config.storage_url,
                name=self.process_name,
                external_ids=self._config.external_uuids,
            )
            await store.open()
            self._close_store = store.close
            self.store = self._sent_messages = store
        else:
            self.store = SqliteStore(await self._embedded())
            self.archive = SqliteArchive(await self._embedded())

    def sent_messages(self, metrics: Metrics) -> SentMessages | None:
        """What Courier has handed over, if there is a database that tells; timed."""
        found = self._sent_messages
        return metrics.timed("store", found, self._reactor) if found else None

    async def open_queue(self) -> None:
        """Open the queues. Raises Unavailable or ConfigError, in one line for operators."""
        if self._config.valkey:
            address = valkey_address(self._config, self.process_name)
            queue = (ClusterQueue if address.cluster else ValkeyQueue)(
                address,
                reactor=self._reactor,
                limits=self._limits,
                replicas=self._config.valkey_replicas,
                token=self._token,
            )
            await queue.open()
            self._close_queue = queue.close
            self.queue = queue
        else:
            embedded = SqliteQueue(await self._embedded(), self._limits, self._token)
            await embedded.open(courier_died=not self._config.db)
            self.queue = embedded

    async def _embedded(self) -> SqliteDatabase:
        if self._database is None:
            self._database = SqliteDatabase(Path(self._config.data_dir), self._reactor)
            await self._database.open()
        return self._database

    async def log_what_waits(self) -> None:
        """Log what is left to do, by all processes that share the queues."""
        try:
            waits = await within(self._reactor, COUNT_WITHIN, self.queue.depths())
        except Unavailable as error:
            self._log.warn("what waits is not known", reason=str(error))
        else:
            self._log.info(
                "Chip has finished what was in hand",
                events_for_courier=waits.spool_events,
                chats_with_messages=waits.outbox_chats,
            )

    async def close_queue(self) -> None:
        """Close the queues, if they were opened; embedded ones close with the database."""
        close, self._close_queue = self._close_queue, None
        if close:
            await close()

    async def close(self) -> None:
        """Close all that was opened, the queues before the store."""
        await self.close_queue()
        if self._close_store:
            await self._close_store()
        if self._database:
            await self._database.close()


class TimedQueue:
    """The queues of a backend, timed."""

    def __init__(self, queue: Queue, metrics: Metrics, clock: Clock) -> None:
        self.outbox = metrics.timed("queue", queue.outbox, clock)
        self.spool = metrics.timed("queue", queue.spool, clock)
        self.notes = metrics.timed("queue", queue.notes, clock)
        self.live = queue.live
        self._queue = queue

    async def depths(self) -> Depths:
        """Count what waits now."""
        return await self._queue.depths()

    async def balances(self) -> Balances:
        """What became of everything that was ever accepted."""
        return await self._queue.balances()


def valkey_address(config: Config, name: str = "chip") -> ValkeyAddress:
    """Where Valkey is; `name` is what it calls our connections. Raises ConfigError."""
    files = TlsFiles(config.valkey_ca_file, config.valkey_cert_file, config.valkey_key_file)
    return replace(parse_url(config.valkey, files), name=name)


def make_gateway(
    config: Config,
    reactor: Any,
    domain: str,
    *,
    timeout: float | None = None,
    observer: Observer | None = None,
) -> CourierGateway:
    """Courier at `domain`; without a database that is the desk, which is reached without TLS."""
    limits = config.limits_in_force
    return CourierGateway(
        reactor=reactor,
        domain=domain,
        tls=config.ssl and bool(config.db),
        connect_timeout=limits.courier_connect_timeout,
        timeout=timeout or limits.courier_timeout,
        parallel=limits.courier_parallel,
        observer=observer,
    )
