"""Chip's store on a RapidPro database, as tests of outages and load ask it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from twisted.internet import reactor, task

from chip.errors import Unavailable
from chip.store.rapidpro.connection import Statement
from chip.store.rapidpro.store import RapidproStore
from tests.contracts.store import STORAGE

HOW_MANY = Statement.of(
    "SELECT count(*)::text FROM pg_stat_activity"
    " WHERE application_name = 'chip' AND datname = current_database()"
)


LOCK_WITHIN = 60.0
"""Seconds for as many questions as a test wants to wait for a lock: each connects before."""


def open_store(url: str, *, clock: Any = reactor, **options: Any) -> RapidproStore:
    return RapidproStore(url, reactor=clock, storage_url=STORAGE, **options)


def unhurried(url: str) -> str:
    """The URL of a database that may answer as late as a busy machine makes it."""
    return f"{url}?connect_timeout=60&options=-c%20statement_timeout%3D120000"


async def ask(store: RapidproStore, uuid: str) -> bool:
    """Whether the store knows the channel just now; False is an outage."""
    try:
        return (await store.channel(uuid)).uuid == uuid
    except Unavailable:
        return False


async def waiting_for_a_lock(database: str, count: int) -> None:
    """Until so many questions wait for one. Raises TimeoutError."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    until = reactor.seconds() + LOCK_WITHIN
    with psycopg.connect(database, autocommit=True) as connection:
        while (waiting := connection.execute(query).fetchone()[0]) < count:
            if reactor.seconds() > until:
                raise TimeoutError(f"{waiting} questions wait for a lock, and not {count}")
            await task.deferLater(reactor, 0.005)


@contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """Somebody keeps a table to himself."""
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("LOCK TABLE {}").format(sql.Identifier(table)))
        yield
        connection.rollback()
