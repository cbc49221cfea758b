"""What is done to whom, and when: a pure function of a seed and a length.

Nothing here knows the clock, the machine or what runs; so a report need name the seed alone.
Only `Random.random` is asked for numbers, whose sequence Python promises to keep.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

PROCESS: Final = ("is killed", "is restarted", "stands still")
LINE: Final = ("is cut", "loses answers", "passes nothing", "is slow", "is late")

TOGETHER: Final[Mapping[str, Sequence[str]]] = {
    "chip-1": PROCESS,
    "chip-2": PROCESS,
    "valkey": (*PROCESS, "has a full memory", "has a full disk"),
    "postgresql": (*PROCESS, "drops its clients"),
    "courier": (
        *PROCESS,
        "answers 500",
        "is a proxy that says 400",
        "hangs up before the work",
        "hangs up after the work",
        "takes its time",
        "does not listen",
    ),
    "visitors": ("drop their connections",),
    **{
        f"chip-{number} to {other}": LINE
        for number in (1, 2)
        for other in ("valkey", "postgresql", "courier")
    },
    "world to chip-1": LINE,
    "world to chip-2": LINE,
}
"""By party, what may happen to it."""
ALONE: Final[Mapping[str, Sequence[str]]] = {
    "chip-1": (*PROCESS, "has a full disk"),
    "visitors": ("drop their connections",),
    "world to chip-1": LINE,
}
"""The same for one Chip on SQLite."""
OFTEN: Final = {"chip-1": 4, "chip-2": 4, "valkey": 4, "postgresql": 3, "courier": 4}
"""How many times as often as another party one is drawn."""
MOMENTARY: Final = {
    *("is restarted", "is cut", "loses answers", "drops its clients", "drop their connections"),
}
"""What is over as soon as it has happened."""

AT_ONCE: Final = 2
"""Faults at the same time, at most."""
REST: Final = 2.5
"""Seconds between two faults of one party: a process that has just come back is let come up."""
LONG_FROM: Final = 120.0
"""Runs of at least so many seconds have faults that last longer than any deadline of Chip's."""
LONG_SHARE: Final = 0.15
SHORT: Final = (0.3, 3.0)
LONG: Final = (20.0, 45.0)
GAPS: Final = (0.4, 3.5)
"""Shortest and longest, in seconds."""


class Step(NamedTuple):
    """`whom` it happens to, `what`, from `at` on, for `lasts` seconds (0: a moment)."""

    at: float
    lasts: float
    whom: str
    what: str

    def __str__(self) -> str:
        lasting = f" for {self.lasts:.1f} s" if self.lasts else ""
        return f"{self.at:7.1f} s  {self.whom} {self.what}{lasting}"


def draw(
    seed: str, seconds: float, catalogue: Mapping[str, Sequence[str]] = TOGETHER
) -> list[Step]:
    """The steps of a run, in order. All are over after `seconds`."""
    random = Random(seed).random
    steps: list[Step] = []
    ends: dict[str, float] = {}
    at = round(between(random(), GAPS), 1)
    while at < seconds - SHORT[1]:
        free = [
            whom
            for whom in catalogue
            for _ in range(OFTEN.get(whom, 1))
            if ends.get(whom, -REST) + REST <= at
        ]
        if free and sum(end > at for end in ends.values()) < AT_ONCE:
            whom = pick(random(), free)
            what = pick(random(), catalogue[whom])
            is_long = random() < LONG_SHARE and seconds >= LONG_FROM
            lasts = between(random(), LONG if is_long else SHORT)
            if what in MOMENTARY:
                lasts = 0.0
            lasts = round(min(lasts, seconds - at), 1)
            steps.append(Step(at, lasts, whom, what))
            ends[whom] = at + lasts
        at = round(at + between(random(), GAPS), 1)
    return steps


def pick(drawn: float, options: Sequence[str]) -> str:
    """One of the options, by a number from 0 to 1."""
    return options[int(drawn * len(options))]


def between(drawn: float, bounds: tuple[float, float]) -> float:
    """A number within the bounds, by a number from 0 to 1."""
    low, high = bounds
    return low + drawn * (high - low)
