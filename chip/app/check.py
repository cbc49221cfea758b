"""``twistd chip --check``: ask every part that Chip depends on, and say what it answered.

Owns the order, the deadline and the look of the answer. The probes themselves are made by
whoever knows the parts; a probe is a name and an asynchronous function that returns a line on what
it found, or raises.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from chip.errors import ChipError
from chip.logs.failures import describe
from chip.logs.redact import REDACTOR

PATIENCE = 10.0
"""Seconds that each part has to answer."""


class Probe(NamedTuple):
    """One part to ask: its name, and how."""

    name: str
    ask: Callable[[], Awaitable[str]]


async def run(clock: IReactorTime, probes: Iterable[Probe], say: Callable[[str], object]) -> bool:
    """Ask one part after the other, `say` a line about each, and return whether all are well."""
    well = True
    for probe in probes:
        verdict, found = await _one(clock, probe)
        well = well and verdict == "ok"
        say(f"{verdict:<7} {probe.name}: {REDACTOR(' '.join(found.split()))}")
    return well


async def _one(clock: IReactorTime, probe: Probe) -> tuple[str, str]:
    async def ask() -> str:
        return await probe.ask()

    answer: Deferred[str] = Deferred.fromCoroutine(ask())
    answer.addTimeout(PATIENCE, clock)
    try:
        return "ok", await answer
    except DeferredTimeout:
        return "FAILED", f"no answer within {PATIENCE:g} seconds"
    except ChipError as error:
        return "FAILED", str(error)
    except Exception:
        return "FAILED", describe(Failure())[0]
