"""Desks behind their HTTP, open for one test."""

from __future__ import annotations

import pytest_twisted

from tests.support.desk_fixture import DeskFixture


@pytest_twisted.async_yield_fixture
async def desk(tmp_path):
    desk = DeskFixture(tmp_path / "data", guide=False)
    await desk.open()
    yield desk
    await desk.close()


@pytest_twisted.async_yield_fixture
async def guided(tmp_path):
    desk = DeskFixture(tmp_path / "data", on_front_page=True)
    await desk.open()
    yield desk
    await desk.close()
