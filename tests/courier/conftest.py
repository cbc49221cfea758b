"""The stand-in Courier on a database, as its own tests ask it: one process for each file."""

from __future__ import annotations

import contextlib

import pytest

from tests.support.courier import Courier
from tests.support.rapidpro import Rapidpro
from tests.support.scripted_http import ScriptedHttp


@pytest.fixture(scope="module")
def url(postgres):
    """A database of the newest release; a file that tries all of them has its own."""
    return postgres.create_database()


@pytest.fixture(scope="module")
def shared(url):
    """Courier, as the test before has left it."""
    with Courier(url) as courier:
        yield courier


@pytest.fixture
def rapidpro(url):
    """What RapidPro does to the database."""
    with contextlib.closing(Rapidpro.open(url)) as rapidpro:
        yield rapidpro


@pytest.fixture
def channel(rapidpro):
    """An External channel in a workspace of its own."""
    return rapidpro.external_channel(rapidpro.org())


@pytest.fixture
def bob(rapidpro, channel):
    """A visitor of the channel."""
    return rapidpro.contact(channel.org)


@pytest.fixture
def chip():
    """Answers sends with the statuses that stand in `answers`, then with 200."""
    with ScriptedHttp() as server:
        yield server
