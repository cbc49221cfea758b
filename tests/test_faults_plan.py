"""The fault suite's plans: the seed decides, and nothing else."""

from __future__ import annotations

import pytest

from faults import plan
from faults.plan import ALONE, TOGETHER, draw

HOUR = 3600.0
HARBOUR = [
    "    2.9 s  courier does not listen for 1.9 s",
    "    5.4 s  chip-1 to postgresql is late for 1.3 s",
    "    8.0 s  chip-2 is killed for 1.7 s",
]
SEEDS = [f"seed {number}" for number in range(50)]


def test_a_seed_draws_the_same_plan_on_every_machine():
    assert [str(step) for step in draw("harbour", 12)] == HARBOUR


def test_another_seed_draws_another_plan():
    assert len({tuple(draw(seed, 60)) for seed in SEEDS}) == len(SEEDS)


def test_an_hour_does_everything_to_everybody():
    for catalogue in (TOGETHER, ALONE):
        done = {(step.whom, step.what) for step in draw("all", 4 * HOUR, catalogue)}
        assert done == {(whom, what) for whom, harms in catalogue.items() for what in harms}


@pytest.mark.parametrize("seconds", [6.0, 60.0, 600.0])
def test_every_step_is_over_by_the_end(seconds):
    for seed in SEEDS:
        for step in draw(seed, seconds):
            assert 0 < step.at <= step.at + step.lasts <= seconds


def test_nobody_has_two_faults_at_a_time_and_no_more_than_two_have_one():
    for seed in SEEDS:
        steps = draw(seed, 300)
        for index, step in enumerate(steps):
            during = [one for one in steps[:index] if one.at + one.lasts > step.at]
            assert len(during) < plan.AT_ONCE
            assert step.whom not in {one.whom for one in during}


def test_only_long_runs_have_faults_that_last_longer_than_courier_waits():
    assert max(step.lasts for seed in SEEDS for step in draw(seed, 100)) <= plan.SHORT[1]
    assert max(step.lasts for step in draw("long", HOUR)) > 31
