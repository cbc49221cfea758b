"""What every test may use, and what none may leave behind."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import signal
import sys

import pytest
import pytest_twisted
import txaio
from autobahn.twisted import websocket  # noqa: F401 - makes txaio choose Twisted
from hypothesis import settings
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from chip.app.collector import collect_seldom
from tests.support.browser import Browser
from tests.support.cleanliness import LoggedFailures, ReactorContents
from tests.support.log_lines import LogLines
from tests.support.postgres import GENERATIONS, Postgres
from tests.support.process import end_all
from tests.support.rapidpro import Rapidpro
from tests.support.valkey import Valkey
from tests.support.valkey_cluster import ValkeyCluster

PATIENCE = 300
# The same examples in every run, none of them kept, and no word on how long each took.
settings.register_profile("suite", derandomize=True, database=None, deadline=None, max_examples=200)
settings.register_profile("long", deadline=None, max_examples=3000)
settings.load_profile("suite")
_stopped: list[bool] = []


def pytest_configure(config):
    config.addinivalue_line("markers", f"patience(seconds): this test may take over {PATIENCE} s")
    config.addinivalue_line("markers", "private_parts: holds what Chip touches inside of libraries")
    # What a shell starts in the background ignores these, and so would all that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """End the whole run, with a word about where, when one test hangs.

    An exception would not do: the reactor swallows it.
    """
    marker = item.get_closest_marker("patience")

    def give_up(*_):
        item.config.pluginmanager.getplugin("capturemanager").suspend(in_=True)
        print(f"\n{item.nodeid} hangs", file=sys.__stderr__, flush=True)
        faulthandler.dump_traceback(file=sys.__stderr__)
        end_all()
        os._exit(1)

    if _stopped:
        pytest.exit("the reactor was stopped from outside, by Ctrl-C for instance", returncode=2)
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(marker.args[0] if marker else PATIENCE)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        # Each collection after it would look through what outlives this test again. What it has
        # used is garbage only now, and would stay for ever.
        gc.collect()
        gc.freeze()


def pytest_collection_finish():
    """Keep what was imported out of the collections after each test, which it would slow down, and
    have few others: a fifth of the CPU of unit tests went to them."""
    collect_seldom()
    reactor.addSystemEventTrigger("after", "shutdown", _stopped.append, True)


@pytest.fixture(autouse=True)
def expected_failures():
    """Fail the test over failures it logged, and over timers and sockets it left in the reactor.

    A test that provokes a failure takes it: `expected_failures.take(ValueError)`.
    """
    failures = LoggedFailures()
    failures.listen()
    before = ReactorContents()
    yield failures
    if not before.settled():
        pytest_twisted.blockon(ensureDeferred(before.settle()))
    failures.leave()
    if found := failures.report() + before.clear():
        pytest.fail("\n".join(found), pytrace=False)


@pytest.fixture
def log():
    """The log lines of this test."""
    with LogLines() as lines:
        yield lines


@pytest.fixture
def autobahn_clock():
    """A clock for Autobahn's own timers, in place of the reactor."""
    clock, usual = Clock(), txaio.config.loop
    txaio.config.loop = clock
    yield clock
    txaio.config.loop = usual


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for all tests, which make databases of their own in it."""
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server():
    """A Valkey or Redis server for all tests."""
    with Valkey() as server:
        yield server


@pytest.fixture
def valkey(valkey_server):
    """That server with nothing in it."""
    valkey_server.clear()
    return valkey_server


@pytest.fixture(scope="session")
def cluster_servers():
    """A Valkey or Redis Cluster of three nodes for all tests."""
    with ValkeyCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(cluster_servers):
    """That Cluster with nothing in it."""
    cluster_servers.clear()
    return cluster_servers


@pytest.fixture(params=GENERATIONS)
def generation(request):
    """Each release of RapidPro, one after the other."""
    return request.param


@pytest.fixture
def database(postgres, generation):
    """The URL of an empty RapidPro database, in each generation."""
    url = postgres.create_database(generation)
    yield url
    postgres.drop_database(url)


@pytest.fixture
def rapidpro(database):
    """That database, open for rows to be put there."""
    with contextlib.closing(Rapidpro.open(database)) as rapidpro:
        yield rapidpro


@pytest.fixture(scope="session")
def _chromium():
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(_chromium):
    """A real browser without pages. The test fails when a page of its own complains."""
    yield _chromium
    try:
        _chromium.check()
    finally:
        _chromium.close_pages()
