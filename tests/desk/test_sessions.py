"""What a browser's cookie is worth, and for how long."""

from __future__ import annotations

import pytest_twisted

from chip.desk import sessions
from chip.desk.sessions import SESSION_DAYS, Sessions
from tests.support.sqlite import Machine


@pytest_twisted.async_yield_fixture
async def machine(tmp_path):
    machine = Machine(tmp_path)
    yield machine
    await machine.stop()


async def started(machine, label="token"):
    """The sessions as a start of Chip finds them."""
    known = Sessions(await machine.open(), label, machine.time.seconds)
    await known.load()
    return known


@pytest_twisted.ensureDeferred
async def test_a_session_outlives_a_restart_and_ends_for_good(machine):
    known = await started(machine)
    cookie = await known.begin()
    assert known.is_good(cookie)
    again = await started(machine)
    assert again.is_good(cookie)
    await again.end(cookie)
    assert not again.is_good(cookie)
    assert not (await started(machine)).is_good(cookie)


@pytest_twisted.ensureDeferred
async def test_a_session_ends_with_its_days(machine):
    known = await started(machine)
    cookie = await known.begin()
    await machine.pass_time(SESSION_DAYS * 86_400 - 1)
    assert known.is_good(cookie)
    await machine.pass_time(1)
    assert not known.is_good(cookie)
    assert not (await started(machine)).is_good(cookie)


@pytest_twisted.ensureDeferred
async def test_another_configured_token_ends_every_session(machine):
    cookie = await (await started(machine, "old")).begin()
    assert not (await started(machine, "new")).is_good(cookie)
    assert not (await started(machine, "old")).is_good(cookie)


@pytest_twisted.ensureDeferred
async def test_a_cookie_cannot_be_made_up(machine):
    known = await started(machine)
    cookie = await known.begin()
    for forged in ("", cookie[:-1], cookie + "A", "é"):
        assert not known.is_good(forged)


@pytest_twisted.ensureDeferred
async def test_only_so_many_sessions_are_kept_and_the_oldest_end(machine, monkeypatch):
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 2)
    known = await started(machine)
    cookies = [await known.begin() for _ in range(3)]
    assert [known.is_good(cookie) for cookie in cookies] == [False, True, True]
    again = await started(machine)
    assert [again.is_good(cookie) for cookie in cookies] == [False, True, True]
