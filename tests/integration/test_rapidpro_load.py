"""PostgreSQL has too much to do: what waits is bounded."""

from __future__ import annotations

import psycopg
import pytest
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred, gatherResults

from chip.errors import Unavailable
from chip.models import Channel, Contact
from chip.store.rapidpro import pool
from chip.store.rapidpro.connection import Statement
from tests.contracts.store import NOON, transcript
from tests.support.rapidpro_store import (
    HOW_MANY,
    ask,
    locked,
    open_store,
    unhurried,
    waiting_for_a_lock,
)

HANGS = Statement.of("SELECT pg_sleep(60)::text")


@pytest.fixture
def generation():
    return "26.2"


@pytest.fixture
def uuid(rapidpro):
    """A channel's."""
    return rapidpro.channel(rapidpro.org()).uuid


# Too much to do.


@transcript
async def test_a_statement_that_takes_too_long_is_given_up_by_the_server(
    database, expected_failures, patient
):
    # Long enough for the other statements here, however busy the machine is.
    store = open_store(f"{database}?options=-c%20statement_timeout%3D3000")
    await store.open()
    with pytest.raises(Unavailable, match="too slow"):
        await store._ask(HANGS)
    assert len(expected_failures.take()) == 1
    assert await store._ask(HOW_MANY) == [(b"1",)]
    await store.close()


@transcript
async def test_no_more_connections_are_opened_than_allowed(database, uuid, patient):
    url = unhurried(database)
    store, watcher = open_store(url, connections=3), open_store(url, connections=1)
    await watcher.open()
    await store.open()
    # While nobody is answered, every question asks for a connection of its own.
    with locked(database, "channels_channel"):
        asking = [Deferred.fromCoroutine(ask(store, uuid)) for _ in range(30)]
        while await watcher._ask(HOW_MANY) != [(b"4",)]:
            assert not asking[0].called, "it has given up waiting for more connections"
            await task.deferLater(reactor, 0.02)
    assert all(await gatherResults(asking))
    assert await watcher._ask(HOW_MANY) == [(b"4",)]  # three, and the watcher's own
    await store.close()
    await watcher.close()


@transcript
@pytest.mark.parametrize("stuck", [40, 2000], ids=["some", "more than may wait"])
async def test_lookups_do_not_wait_for_what_is_asked_of_many(database, uuid, stuck, log, patient):
    """Pages of history, and what outboxes may have lost."""
    store = open_store(unhurried(database))
    await store.open()
    contact, channel = Contact(1, 1, "65vbbDAQCdPdEWlEhDGy4utO"), Channel(uuid, 1, "")
    with locked(database, "msgs_msg"):
        pages = [
            Deferred.fromCoroutine(page).addErrback(_unavailable)
            for _ in range(stuck // 2)
            for page in (
                store.history(contact, NOON, 1000),
                store.wired(channel, contact.chat_id, since=1, lost=1, max_bytes=1),
            )
        ]
        await waiting_for_a_lock(database, 2)
        lookups = [Deferred.fromCoroutine(ask(store, uuid)) for _ in range(100)]
        assert all(await gatherResults(lookups))
        assert not pages[0].called
        with psycopg.connect(database) as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            assert connection.execute(query).fetchone() == (2,)
        # The database answers: that it is asked for more than it can give is none of its faults.
        assert log.about("database is away") == []
    await gatherResults(pages)
    await store.close()


def _unavailable(failure):
    failure.trap(Unavailable)


@transcript
async def test_who_cannot_be_served_in_time_is_told_so(database, uuid, monkeypatch, patient):
    monkeypatch.setattr(pool, "MAX_CALLS_WAITING", 10)
    store = open_store(unhurried(database), connections=1)
    await store.open()
    deadline = pool.CALL_DEADLINE
    monkeypatch.setattr(pool, "CALL_DEADLINE", 0.3)
    with locked(database, "channels_channel"):
        asking = [Deferred.fromCoroutine(store.channel(uuid)) for _ in range(12)]
        assert asking[11].called
        with pytest.raises(Unavailable, match="too busy"):
            await asking[11]
        for late in asking[:11]:
            with pytest.raises(Unavailable, match="does not answer"):
                await late
    monkeypatch.setattr(pool, "CALL_DEADLINE", deadline)
    assert await ask(store, uuid)
    await store.close()


@transcript
async def test_questions_that_nobody_waits_for_any_more_are_not_asked(database, uuid):
    store = open_store(database, connections=1)
    await store.open()
    with locked(database, "channels_channel"):
        first, second, third = (Deferred.fromCoroutine(ask(store, uuid)) for _ in range(3))
        for unwanted in (first, second):
            unwanted.addErrback(lambda _: "cancelled")
            unwanted.cancel()
        assert (await first, await second) == ("cancelled", "cancelled")
    assert await third
    await store.close()


@transcript
async def test_closing_waits_for_questions_in_hand(database, uuid):
    store = open_store(database)
    await store.open()
    with locked(database, "channels_channel"):
        asking = Deferred.fromCoroutine(ask(store, uuid))
        await waiting_for_a_lock(database, 1)
        closing = Deferred.fromCoroutine(store.close())
        assert not closing.called
    assert await asking
    await closing
