"""Whole processes, as an operator runs them: Chip beside PostgreSQL, Valkey and Courier.

async def test_…(start_chip, visit, courier, channel):
    chip = start_chip()
    bob = await visit(chip)
    await bob.start_chat()
"""

from __future__ import annotations

import os

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from chip.store.public_ids import public_id
from chip.store.rapidpro import pool
from tests.support.checked import Checked, checked
from tests.support.chip_process import ChipProcess
from tests.support.courier import Courier
from tests.support.guide import database_rights, valkey_rights
from tests.support.proxy import FaultyProxy
from tests.support.sentinels import Pair
from tests.support.valkey import Valkey
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
        print(courier.log())  # pytest shows it where the test fails


@pytest.fixture
def guided(postgres, database):
    """The URL of that database for a user with the rights that the guide gives."""
    postgres.execute(database_rights("guided"), database)
    yield database.replace("//chip@", "//guided:secret@")
    postgres.execute("DROP OWNED BY guided; DROP ROLE guided", database)


@pytest.fixture
def guarded():
    """A Valkey with the user that the guide makes."""
    with Valkey(user="chip", password="s3cret-of-valkey", acl=valkey_rights()) as valkey:
        yield valkey


@pytest.fixture
def pair():
    """A primary and its replica."""
    with Pair() as pair:
        yield pair


@pytest.fixture
def patient(monkeypatch):
    """Whoever asks PostgreSQL in this process waits for as long as a busy machine takes."""
    monkeypatch.setattr(pool, "CALL_DEADLINE", 120)


@pytest.fixture
def with_constants(tmp_path_factory):
    """The environment of a Chip whose constants have other values, such as
    ``{"chip.throttle.SAME_KIND_EVERY": 2}``."""

    def environment(values: dict[str, float]) -> dict[str, str]:
        directory = tmp_path_factory.mktemp("constants")
        modules = {name.rpartition(".")[0] for name in values}
        lines = [f"import {module}" for module in sorted(modules)]
        lines += [f"{name} = {value}" for name, value in values.items()]
        (directory / "sitecustomize.py").write_text("\n".join(lines))
        path = [str(directory), os.environ.get("PYTHONPATH", "")]
        return {"PYTHONPATH": os.pathsep.join(path)}

    return environment


@pytest.fixture
def usual(database, valkey, courier):
    """The usual settings, with others beside or instead of them; None leaves one unset."""

    def settings(given: dict[str, object]) -> dict[str, object]:
        settings = {"db": database, "valkey": valkey.url, "domain": courier.domain} | given
        return {name: value for name, value in settings.items() if value is not None}

    return settings


@pytest.fixture
def start_chip(usual, courier):
    """Start as many Chips as wanted, with settings beside or instead of the usual ones.

    None as a setting leaves it unset. At the end all are stopped, and their logs must be free of
    tracebacks, of everything in their `secrets`, and of all that their visitors said and heard.
    """
    started: list[ChipProcess] = []

    def start(*flags: str, **settings: object) -> ChipProcess:
        chip = ChipProcess(*flags, **usual(settings))
        chip.secrets |= {"sesame"}
        started.append(chip)
        chip.start()
        if len(started) == 1:
            courier.configure(chip=chip.url)
        return chip

    yield start
    for chip in started:
        chip.stop()
        print(chip.log())  # pytest shows it where the test fails
    try:
        for chip in started:
            chip.check_log()
    finally:
        for chip in started:
            chip.close()


@pytest.fixture
def check(usual, channel):
    """Check a set-up with the usual settings, and others beside or instead of them."""

    def run(*flags: str, **settings: object) -> Checked:
        return checked(*flags, **usual(settings))

    return run


@pytest.fixture
def chip(start_chip, kind, channel):
    """One Chip with the usual settings. Its log must not name an External channel as Courier calls
    it."""
    chip = start_chip()
    chip.secrets |= {channel.uuid} if kind == "External" else set()
    return chip


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
