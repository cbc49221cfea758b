"""What a check finds, and how it is shown: a line for each finding, and one verdict.

    ok      Valkey: Redis 7.0.15 at valkey.example.org:6379, database 5, without replicas
    warning Valkey: appendonly is off: …
    FAILED  Courier: http://courier.example.org: the connection was refused. …

Owns the order, the deadline of each part and the look of the answer. What is asked of a part is
its own module's business.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from chip.errors import ChipError
from chip.logs.failures import describe
from chip.logs.redact import REDACTOR
from chip.tasks import in_time

PART_DEADLINE = 15.0
"""Seconds that each part has to answer."""

NAMED = 10
"""Things that one line names, such as channels; the others it counts."""

Grade = Literal["ok", "warning", "FAILED"]


class Finding(NamedTuple):
    """Something that was found out about a part. Where it is not well, `text` says what to do.

    ``warning``: Chip works, and the operator should know. ``FAILED``: something would not work.
    """

    verdict: Grade
    part: str
    text: str


class Probe(NamedTuple):
    """How to ask one part. What is raised is a finding as well."""

    part: str
    ask: Callable[[], Awaitable[list[Finding]]]


async def run(clock: IReactorTime, probes: Iterable[Probe], say: Callable[[str], object]) -> bool:
    """Ask one part after the other, `say` a line for each finding, and return whether none has
    failed."""
    well = True
    for probe in probes:
        for verdict, part, text in await _ask(clock, probe):
            well = well and verdict != "FAILED"
            say(f"{verdict:<7} {part}: {REDACTOR(' '.join(text.split()))}")
    return well


async def _ask(clock: IReactorTime, probe: Probe) -> list[Finding]:
    async def ask() -> list[Finding]:
        return await probe.ask()

    try:
        return await in_time(Deferred.fromCoroutine(ask()), PART_DEADLINE, clock)
    except TimeoutError:
        trouble = f"no answer within {PART_DEADLINE:g} seconds"
    except ChipError as error:
        trouble = str(error).removeprefix(f"{probe.part}: ")
    except Exception:
        trouble = describe(Failure(), REDACTOR)[0]
    return [Finding("FAILED", probe.part, trouble)]


def listed(items: Sequence[str]) -> str:
    """The items in a row, the first ten by name."""
    more = len(items) - NAMED
    return ", ".join(items[:NAMED]) + (f" and {more} more" if more > 0 else "")
