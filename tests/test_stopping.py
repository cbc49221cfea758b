"""The stop of Chip, where its steps fail or hang."""

from __future__ import annotations

import contextlib

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from chip.app.stopping import stop_by_steps


class Steps:
    """Steps of a stop that note when they are taken."""

    def __init__(self, deadline: float) -> None:
        self.clock = Clock()
        self.deadline = deadline
        self.taken: list[tuple[str, float]] = []
        self.ended_at: list[float] = []

    async def works(self) -> None:
        self.taken.append(("works", self.clock.seconds()))

    async def hangs_for_ever(self) -> None:
        self.taken.append(("hangs", self.clock.seconds()))
        await Deferred()

    async def will_not_be_cancelled(self) -> None:
        self.taken.append(("hangs", self.clock.seconds()))
        while True:
            with contextlib.suppress(CancelledError):
                await Deferred()

    async def fails(self) -> None:
        raise RuntimeError("a step that fails")

    def stop(self, *steps) -> None:
        stopped = Deferred.fromCoroutine(stop_by_steps(self.clock, self.deadline, steps))
        stopped.addCallback(lambda _: self.ended_at.append(self.clock.seconds()))
        for _ in range(round(self.deadline * 100)):
            self.clock.advance(0.01)


def test_steps_that_work_are_taken_at_once():
    steps = Steps(30)
    steps.stop(steps.works, steps.works)
    assert steps.taken == [("works", 0), ("works", 0)]
    assert steps.ended_at == [0]
    assert not steps.clock.getDelayedCalls()


def test_however_many_steps_hang_the_stop_ends_in_time_and_each_was_taken(log):
    for deadline in (30, 1, 0.1):
        steps = Steps(deadline)
        hanging = steps.hangs_for_ever, steps.will_not_be_cancelled, steps.hangs_for_ever
        steps.stop(*hanging, steps.works)
        assert [name for name, _ in steps.taken] == ["hangs", "hangs", "hangs", "works"]
        (ended_at,) = steps.ended_at
        assert ended_at <= deadline
    assert log.about()[0] == "warn: the stop goes on without: hangs for ever"


def test_a_step_has_half_a_second_though_those_before_it_have_taken_all_they_had():
    steps = Steps(30)
    steps.stop(steps.hangs_for_ever, steps.hangs_for_ever, steps.works)
    times = [time for _, time in steps.taken]
    assert [round(time, 1) for time in times] == [0, 29, 29.5]


def test_a_step_that_fails_keeps_no_other_from_being_taken(expected_failures):
    steps = Steps(30)
    steps.stop(steps.fails, steps.works)
    assert steps.taken == [("works", 0)]
    expected_failures.take(RuntimeError)
