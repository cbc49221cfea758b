"""RapidPro's PostgreSQL by TLS, with an authority that only its owner knows."""

from __future__ import annotations

import pytest

from chip.errors import Unavailable
from tests.contracts.store import transcript
from tests.support.postgres import Postgres
from tests.support.rapidpro_store import ask, open_store


@pytest.fixture(scope="module")
def postgres():
    """A server of this module's own."""
    with Postgres(tls=True) as postgres:
        yield postgres


@pytest.fixture
def generation():
    return "26.2"


@transcript
async def test_the_server_is_verified_with_the_authority_that_the_url_names(
    postgres, database, rapidpro
):
    channel = rapidpro.channel(rapidpro.org())
    store = open_store(
        f"{database}?sslmode=verify-full&sslrootcert={postgres.certificates.authority}"
    )
    await store.open()
    assert await ask(store, channel.uuid)
    await store.close()


@transcript
async def test_a_server_for_which_nobody_vouches_is_refused(database):
    store = open_store(f"{database}?sslmode=verify-full")
    with pytest.raises(Unavailable, match="certificate"):
        await store.open()
    await store.close()
