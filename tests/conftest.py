"""What every test may use."""

import pytest

from tests.support.postgres import Postgres
from tests.support.valkey import Valkey


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for all tests, each of which makes databases of its own there."""
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def valkey():
    """A Valkey or Redis server for all tests; whoever uses it clears it."""
    with Valkey() as server:
        yield server
