"""Whole processes, as an operator runs them: Chip beside PostgreSQL, Valkey and Courier.

async def test_…(start_chip, visit, courier, channel):
    chip = start_chip()
    bob = await visit(chip)
    await bob.start_chat()
"""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from chip.store.external import public_id
from tests.support.checked import Checked, checked
from tests.support.chip_process import ChipProcess
from tests.support.courier import Courier
from tests.support.proxy import FaultyProxy
from tests.support.visitor import Visitor


@pytest.fixture
def generation():
    """The newest release; a test of all of them parametrizes this."""
    return "26.2"


@pytest.fixture
def kind():
    """The channel's: "CHP", or "External" for a test that says so."""
    return "CHP"


@pytest.fixture
def channel(rapidpro, kind):
    """A channel with the secret "sesame" in a workspace of its own."""
    if kind == "External":
        return rapidpro.external_channel(rapidpro.org(), authorization="sesame", max_length=1600)
    return rapidpro.channel(rapidpro.org())


@pytest.fixture
def courier(database):
    """The stand-in Courier on that database. Its `chip` is the one that was started first."""
    with Courier(database) as courier:
        yield courier


@pytest.fixture
def start_chip(database, valkey, courier):
    """Start as many Chips as wanted, with settings beside or instead of the usual ones.

    None as a setting leaves it unset. At the end all are stopped, and their logs must be free of
    tracebacks, of everything in their `secrets`, and of all that their visitors said and heard.
    """
    started: list[ChipProcess] = []

    def start(*flags: str, **settings: object) -> ChipProcess:
        usual = {"db": database, "valkey": valkey.url, "domain": courier.domain}
        given = {key: value for key, value in (usual | settings).items() if value is not None}
        chip = ChipProcess(*flags, **given)
        chip.secrets |= {"sesame"}
        started.append(chip)
        chip.start()
        if len(started) == 1:
            courier.configure(chip=chip.url)
        return chip

    yield start
    for chip in started:
        chip.stop()
    try:
        for chip in started:
            chip.check_log()
    finally:
        for chip in started:
            chip.close()


@pytest.fixture
def check(database, valkey, courier, channel):
    """Check a set-up with the usual settings, and others beside or instead of them."""

    def run(*flags: str, **settings: object) -> Checked:
        usual = {"db": database, "valkey": valkey.url, "domain": courier.domain}
        given = {key: value for key, value in (usual | settings).items() if value is not None}
        return checked(*flags, **given)

    return run


@pytest.fixture
def chip(start_chip):
    """One Chip with the usual settings."""
    return start_chip()


@pytest.fixture
def page(channel, kind):
    """What pages call the channel."""
    return public_id(channel.uuid, channel.secret) if kind == "External" else channel.uuid


@pytest.fixture
def visit(page):
    """Connect visitors; whoever is still there at the end of the test leaves."""
    visitors: list[Visitor] = []

    async def connect(chip: ChipProcess, chat_id: str | None = None, **options) -> Visitor:
        visitor = Visitor(chip.url, page, chat_id, **options)
        visitors.append(visitor)
        chip.visitors.append(visitor)
        return await visitor.connect()

    async def leave() -> None:
        for visitor in visitors:
            if visitor.connected:
                await visitor.vanish()

    yield connect
    pytest_twisted.blockon(ensureDeferred(leave()))


@pytest.fixture
def proxied():
    """Put a misbehaving proxy in front of a port: `proxied(valkey.port)`."""
    proxies: list[FaultyProxy] = []

    def put(port: int) -> FaultyProxy:
        proxy = FaultyProxy(port)
        proxy.start()
        proxies.append(proxy)
        return proxy

    yield put
    for proxy in proxies:
        proxy.close()
