"""PostgreSQL goes away, falls silent and comes back: nobody waits long for nothing."""

from __future__ import annotations

import psycopg
import pytest
import pytest_twisted
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.store.rapidpro import pool
from chip.store.rapidpro.connection import Statement
from chip.store.rapidpro.store import RapidproStore
from tests.contracts.store import transcript
from tests.support.proxy import FaultyProxy
from tests.support.rapidpro_store import ask, locked, open_store, unhurried, waiting_for_a_lock
from tests.support.turned_time import TurnedTime


@pytest.fixture
def generation():
    return "26.2"


@pytest.fixture
def without_pause(monkeypatch):
    """No pause between attempts to connect."""
    monkeypatch.setattr(pool, "RECONNECT_PAUSE", 0)


@pytest.fixture
def attempts(monkeypatch):
    """Every attempt to connect from now on."""
    made: list[object] = []
    connect = pool._connect
    monkeypatch.setattr(pool, "_connect", lambda to: made.append(to) or connect(to))
    return made


@pytest.fixture
def proxy(postgres):
    with FaultyProxy(postgres.port) as proxy:
        yield proxy


@pytest.fixture
def by_proxy(postgres, proxy, database):
    """The URL by which a store reaches the database through the proxy."""
    return postgres.url_of(database.rsplit("/", 1)[1], port=proxy.port)


@pytest_twisted.async_yield_fixture
async def store(proxy, by_proxy):
    """A store that reaches the database through the proxy."""
    store = open_store(by_proxy)
    await store.open()
    yield store
    await deferToThread(proxy.heal)
    await store.close()


@pytest_twisted.async_yield_fixture
async def patient_store(proxy, by_proxy, patient):
    """Such a one, which waits for as long as a busy machine takes."""
    store = open_store(unhurried(by_proxy))
    await store.open()
    yield store
    await deferToThread(proxy.heal)
    await store.close()


@pytest.fixture
def uuid(rapidpro):
    """A channel's."""
    return rapidpro.channel(rapidpro.org()).uuid


async def answered_again(store: RapidproStore, uuid: str) -> float:
    """Ask until there is an answer; return the seconds that it took."""
    began = reactor.seconds()
    while not await ask(store, uuid):
        await task.deferLater(reactor, 0.02)
        assert reactor.seconds() - began < 10
    return reactor.seconds() - began


def seconds_since(began: float) -> float:
    return reactor.seconds() - began


# At the start.


@transcript
async def test_a_start_without_a_server_fails_in_one_line(postgres):
    store = open_store("postgresql://chip:secret@127.0.0.1:1/rapidpro")
    with pytest.raises(Unavailable, match=r"cannot use the database: .*refused") as raised:
        await store.open()
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)


@transcript
async def test_a_start_with_the_wrong_password_fails_in_one_line(postgres, database):
    name = database.rsplit("/", 1)[1]
    right = postgres.url_of(name, guarded=True)
    store = open_store(right)
    await store.open()
    await store.close()
    store = open_store(right.replace("s3cr3t", "s3cr3ts"))
    with pytest.raises(Unavailable, match="password authentication failed") as raised:
        await store.open()
    assert "s3cr3t" not in str(raised.value)
    assert "\n" not in str(raised.value)


@transcript
async def test_a_start_on_a_database_without_rapidpro_fails(postgres):
    store = open_store(postgres.url)
    with pytest.raises(Unavailable, match=r'not RapidPro.s database: relation "msgs_msg"'):
        await store.open()


@transcript
async def test_a_url_made_for_a_go_program_will_do(database, uuid):
    url = database.replace("postgresql://", "postgres://")
    store = open_store(f"{url}?sslmode=disable&Timezone=UTC")
    await store.open()
    assert await ask(store, uuid)
    await store.close()


@transcript
async def test_a_store_that_is_not_open_answers_nothing(database, uuid):
    store = open_store(database)
    assert not await ask(store, uuid)
    await store.open()
    await store.close()
    assert not await ask(store, uuid)


# Away and back.


@transcript
async def test_a_lost_connection_is_not_noticed_by_who_asks(store, proxy, uuid):
    assert await ask(store, uuid)
    await deferToThread(proxy.reset)
    assert await ask(store, uuid)


@transcript
async def test_connections_that_the_server_cuts_under_questions_are_not_noticed(
    patient_store, database, uuid
):
    with locked(database, "channels_channel"):
        asking = [Deferred.fromCoroutine(ask(patient_store, uuid)) for _ in range(20)]
        await waiting_for_a_lock(database, 8)
        cut(database)
    assert all(await gatherResults(asking))


@transcript
async def test_a_question_that_was_cut_is_not_put_to_other_connections_that_are_dead(
    patient_store, database, uuid
):
    with locked(database, "channels_channel"):
        asking = [Deferred.fromCoroutine(ask(patient_store, uuid)) for _ in range(4)]
        await waiting_for_a_lock(database, 4)
    assert all(await gatherResults(asking))
    with locked(database, "channels_channel"):
        asking = Deferred.fromCoroutine(ask(patient_store, uuid))
        await waiting_for_a_lock(database, 1)
        cut(database)
    assert await asking


def cut(database: str) -> None:
    """End the server's side of every connection, those at work first."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
            " WHERE application_name = 'chip' ORDER BY state <> 'active') _"
        )


@transcript
async def test_an_outage_is_told_at_once_and_ends_within_a_second(
    proxy, by_proxy, uuid, attempts, patient
):
    time = TurnedTime()
    store = open_store(unhurried(by_proxy), clock=time)
    await store.open()
    attempts.clear()
    await deferToThread(proxy.refuse)
    assert not await ask(store, uuid)
    for _ in range(1000):
        asking = Deferred.fromCoroutine(ask(store, uuid))
        assert asking.called
        assert not await asking
    await deferToThread(proxy.heal)
    assert not await ask(store, uuid)
    assert len(attempts) == 1
    time.now += pool.RECONNECT_PAUSE
    assert await ask(store, uuid)
    assert pool.RECONNECT_PAUSE < 1
    await store.close()


@transcript
async def test_many_questions_into_an_outage_wait_for_one_attempt(store, proxy, uuid, attempts):
    await deferToThread(proxy.refuse)
    asking = [Deferred.fromCoroutine(ask(store, uuid)) for _ in range(500)]
    assert not any(await gatherResults(asking))
    assert len(attempts) == 1


@transcript
async def test_a_full_server_is_used_by_the_connections_there_are(
    database, uuid, monkeypatch, patient
):
    attempts = []

    def refuse(parameters):
        attempts.append(parameters)
        raise psycopg.OperationalError("FATAL: sorry, too many clients already")

    store = open_store(unhurried(database))
    await store.open()
    monkeypatch.setattr(pool, "_connect", refuse)
    monkeypatch.setattr(pool, "RECONNECT_PAUSE", 60)
    for _ in range(3):
        asking = [Deferred.fromCoroutine(ask(store, uuid)) for _ in range(100)]
        assert all(await gatherResults(asking))
    assert len(attempts) == 1
    await store.close()


@transcript
async def test_a_standby_is_read_from_and_not_written_to(database, rapidpro):
    channel = rapidpro.channel(rapidpro.org())
    chat_id = rapidpro.contact(channel.org).chat_id
    store = open_store(f"{database}?options=-c%20default_transaction_read_only%3Don")
    await store.open()
    contact = await store.contact(await store.channel(channel.uuid), chat_id)
    with pytest.raises(Unavailable, match="away"):
        await store.set_email(contact, "bob@example.com")
    assert await ask(store, channel.uuid)
    await store.close()


@transcript
async def test_a_connection_at_work_while_all_are_renewed_is_not_used_again(database, uuid):
    which = Statement.of("SELECT pg_backend_pid()::text")
    store = open_store(database, connections=1)
    await store.open()
    before = await store._ask(which)
    with locked(database, "channels_channel"):
        asking = Deferred.fromCoroutine(ask(store, uuid))
        await waiting_for_a_lock(database, 1)
        store._database.renew()
    assert await asking
    assert await store._ask(which) != before
    await store.close()


@transcript
async def test_a_restart_of_the_server_is_got_over(postgres, database, uuid):
    store = open_store(database)
    await store.open()
    assert await ask(store, uuid)
    await deferToThread(postgres.stop)
    assert not await ask(store, uuid)
    await deferToThread(postgres.start)
    assert await answered_again(store, uuid) < 5
    await deferToThread(postgres.kill)
    await deferToThread(postgres.start)
    assert await answered_again(store, uuid) < 5
    await store.close()


# Silence.


@transcript
async def test_a_server_that_falls_silent_holds_nobody_longer_than_the_deadline(
    store, proxy, uuid, patient, without_pause, monkeypatch
):
    assert await ask(store, uuid)
    await deferToThread(proxy.black_hole)
    deadline = pool.CALL_DEADLINE
    monkeypatch.setattr(pool, "CALL_DEADLINE", 0.3)
    began = reactor.seconds()
    asking = [Deferred.fromCoroutine(ask(store, uuid)) for _ in range(50)]
    assert not any(await gatherResults(asking))
    assert seconds_since(began) < 4
    monkeypatch.setattr(pool, "CALL_DEADLINE", deadline)
    await deferToThread(proxy.heal)
    assert await answered_again(store, uuid) < 5


@transcript
async def test_the_reactor_goes_on_while_the_server_is_silent(patient_store, proxy, uuid):
    await deferToThread(proxy.black_hole)
    asking = Deferred.fromCoroutine(ask(patient_store, uuid))
    for _ in range(4):
        await task.deferLater(reactor, 0.001)
        assert not asking.called
    await deferToThread(proxy.heal)
    assert await asking


@transcript
async def test_idle_connections_into_the_silence_are_not_tried_one_after_another(
    patient_store, proxy, database, uuid, monkeypatch
):
    with locked(database, "channels_channel"):
        asking = [Deferred.fromCoroutine(ask(patient_store, uuid)) for _ in range(3)]
        await waiting_for_a_lock(database, 3)
    assert all(await gatherResults(asking))
    assert len(patient_store._database._idle) == 3
    monkeypatch.setattr(pool, "CALL_DEADLINE", 0.1)
    await deferToThread(proxy.black_hole)
    assert not await ask(patient_store, uuid)
    assert patient_store._database._idle == []
