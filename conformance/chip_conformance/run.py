"""Tries promises, several at a time, and says what became of each."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from chip_conformance.broken import Broken
from chip_conformance.courier import Courier
from chip_conformance.offers import offers
from chip_conformance.promise import Extension, Need, Promise, words
from chip_conformance.target import External, Target
from chip_conformance.trial import Trial

DEADLINE: Final = 60.0
"""Seconds that one promise may take, waits for the server's own limits included."""

AT_ONCE: Final = 20
"""Promises tried at a time; most of them wait most of the time."""

Result = Literal["kept", "broken", "not offered", "not tried"]


class Outcome(NamedTuple):
    """What became of a promise, and what was seen."""

    promise: Promise
    result: Result
    seen: str
    seconds: float = 0.0


class Run:
    """Tries promises on one server. `plays_courier` says whether the server tells this kit what
    its visitors do; extensions that are `required` are broken where they are not `offered`."""

    def __init__(
        self,
        target: Target,
        courier: Courier,
        *,
        plays_courier: bool,
        required: frozenset[Extension] = frozenset(),
        offered: frozenset[Extension] = frozenset(),
        at_once: int = AT_ONCE,
    ) -> None:
        self._target = target
        self._courier = courier
        self._missing = _missing(target, courier, plays_courier)
        self._required = required
        self._turns = asyncio.Semaphore(at_once)
        self._offered = offered

    async def find_offers(self) -> None:
        """Find out what the server offers. Raises OSError where there is none, Broken where it is
        none of this protocol."""
        async with Trial(self._target, self._courier) as trial:
            self._offered = await offers(trial)

    async def all(self, promises: Sequence[Promise]) -> list[Outcome]:
        """What became of all of these, in their order."""
        together = [promise for promise in promises if not promise.alone]
        outcomes = await asyncio.gather(*map(self.one, together))
        outcomes += [await self.one(promise) for promise in promises if promise.alone]
        return sorted(outcomes, key=lambda outcome: promises.index(outcome.promise))

    async def one(self, promise: Promise) -> Outcome:
        """What became of this one."""
        if missing := words(promise.needs & self._missing):
            return Outcome(promise, "not tried", f"needs {missing}")
        if missing := words(promise.extensions - self._offered):
            required = promise.extensions - self._offered <= self._required
            return Outcome(promise, "broken" if required else "not offered", f"no {missing}")
        async with self._turns:
            begun = time.monotonic()
            result, seen = await self._try(promise)
            return Outcome(promise, result, seen, time.monotonic() - begun)

    async def _try(self, promise: Promise) -> tuple[Result, str]:
        try:
            async with (
                asyncio.timeout(DEADLINE),
                Trial(self._target, self._courier) as trial,
            ):
                return "kept", await promise.check(trial)
        except Broken as broken:
            return "broken", str(broken)
        except Exception as error:
            return "broken", f"{type(error).__name__}: {error}"


def _missing(target: Target, courier: Courier, plays_courier: bool) -> frozenset[Need]:
    """What promises need that there is not."""
    external = isinstance(target.channel, External)
    missing = {Need.WEBCHAT if external else Need.EXTERNAL}
    if not plays_courier:
        missing.add(Need.COURIER)
    if not target.knows_secret:
        missing.add(Need.SENDS)
    if courier.upstream or not external:
        # It reads what is said from Courier's database, into which the kit does not write.
        missing.add(Need.OWN_STORE)
    return frozenset(missing)
