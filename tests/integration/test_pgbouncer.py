"""PgBouncer between Chip and PostgreSQL, however it pools."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from chip.store.rapidpro.connection import Statement
from tests.contracts.store import NOON, after, transcript
from tests.support.pgbouncer import Pgbouncer, SamplePgbouncer
from tests.support.rapidpro_store import ask, open_store

PREPARED = Statement.of("SELECT name FROM pg_prepared_statements WHERE name LIKE 'chip_%'")
SEQUENTIAL_SCANS = Statement.of("SELECT current_setting('enable_seqscan')")
TAKES_OPTIONS = {"ignore_startup_parameters": "options"}
AS_INSTALLED: dict[str, str] = {}


@pytest.fixture
def generation():
    return "26.2"


@pytest.fixture(params=["session", "transaction", "statement"])
def mode(request):
    """How it pools."""
    return request.param


@pytest.fixture(params=[AS_INSTALLED, TAKES_OPTIONS], ids=["as-installed", "takes-options"])
def settings(request):
    """What it does with startup options: refuse them, or say nothing and leave them out."""
    return request.param


@pytest.fixture
def pgbouncer(postgres, mode, settings):
    with Pgbouncer(postgres, mode, **settings) as pgbouncer:
        yield pgbouncer


@pytest_twisted.async_yield_fixture
async def store(pgbouncer, database, patient):
    store = open_store(pgbouncer.url_of(database))
    await store.open()
    yield store
    await store.close()


async def answers(store, uuid, count=100):
    """Those to questions that are asked at once."""
    return await gatherResults([Deferred.fromCoroutine(ask(store, uuid)) for _ in range(count)])


@transcript
async def test_it_is_read_and_written_through(store, rapidpro):
    org = rapidpro.org()
    made = rapidpro.channel(org)
    bob = rapidpro.contact(org, email="bob@example.com")
    rapidpro.incoming(bob, "hello", channel=made, created_on=NOON)
    assert all(await answers(store, made.uuid))
    channel = await store.channel(made.uuid)
    contact = await store.contact(channel, bob.chat_id)
    assert contact.email == "bob@example.com"
    await store.set_email(contact, "ann@example.com")
    assert (await store.contact(channel, bob.chat_id)).email == "ann@example.com"
    page = await store.history(contact, after(1), 10_000)
    assert b"hello" in page.messages


@transcript
async def test_a_restart_of_it_is_got_over(store, pgbouncer, rapidpro):
    channel = rapidpro.channel(rapidpro.org())
    assert all(await answers(store, channel.uuid))
    await deferToThread(pgbouncer.restart)
    while not await ask(store, channel.uuid):
        await task.deferLater(reactor, 0.1)
    assert all(await answers(store, channel.uuid))


@pytest.mark.parametrize(
    ("mode", "settings", "prepares"),
    [
        ("session", AS_INSTALLED, False),
        ("session", TAKES_OPTIONS, True),
        ("transaction", AS_INSTALLED, False),
    ],
    indirect=["mode", "settings"],
)
@transcript
async def test_statements_are_prepared_where_it_pools_by_session_and_takes_options(
    store, rapidpro, prepares
):
    channel = rapidpro.channel(rapidpro.org())
    assert all(await answers(store, channel.uuid))
    assert bool(await store._ask(PREPARED)) == prepares


@transcript
async def test_options_that_do_not_come_through_may_be_the_roles(
    pgbouncer, postgres, database, patient
):
    postgres.execute("ALTER ROLE chip SET enable_seqscan = off", database)
    try:
        store = open_store(pgbouncer.url_of(database))
        await store.open()
        assert await store._ask(SEQUENTIAL_SCANS) == [(b"off",)]
        await store.close()
    finally:
        postgres.execute("ALTER ROLE chip RESET enable_seqscan", database)


@transcript
async def test_what_the_sample_sets_up_is_read_and_written_through(
    postgres, database, rapidpro, patient
):
    org = rapidpro.org()
    made = rapidpro.channel(org)
    bob = rapidpro.contact(org)
    with SamplePgbouncer(postgres, database) as pgbouncer:
        store = open_store(pgbouncer.url)
        await store.open()
        assert all(await answers(store, made.uuid))
        channel = await store.channel(made.uuid)
        contact = await store.contact(channel, bob.chat_id)
        await store.set_email(contact, "bob@example.com")
        assert (await store.contact(channel, bob.chat_id)).email == "bob@example.com"
        await store.close()
