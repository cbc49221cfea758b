"""Short runs of the fault suite, by seeds whose plans hold nothing that takes long to get over."""

from __future__ import annotations

import pytest

from faults.page import as_html, as_text
from faults.parts import alone, together
from faults.plan import ALONE, TOGETHER, draw
from faults.run import carry_out

SECONDS = 7.0


async def wholesome(parts, steps):
    """Take these steps; nothing may be wrong afterwards, and there must be something to count."""
    run = await carry_out(parts, steps)
    told = as_text(run, "the test's", SECONDS / 60)
    assert run.findings == [], told
    assert [done.step for done in sorted(run.done, key=lambda done: done.began)] == steps
    assert len(run.history.accepted("in")) > 10, told
    assert len(run.history.accepted("out")) > 10, told
    assert "Nothing was lost" in as_html(run, "the test's", SECONDS / 60)


@pytest.mark.parametrize("seed", ["loud pebble"])
async def test_two_chips_lose_double_and_reorder_nothing(postgres, seed):
    with together(postgres) as parts:
        await wholesome(parts, draw(seed, SECONDS, TOGETHER))


@pytest.mark.parametrize("seed", ["grey ribbon"])
async def test_nor_does_a_chip_that_runs_alone(seed):
    with alone() as parts:
        await wholesome(parts, draw(seed, SECONDS, ALONE))
