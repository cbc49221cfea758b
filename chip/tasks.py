"""Coroutines that nobody awaits: named, their failures logged, waited for at shutdown.

Every coroutine is either awaited or given to `Tasks`. The functions below it pause, limit and
repeat work by a clock, which may be a test's.
"""

import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from chip.errors import Unavailable

T = TypeVar("T")

BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The machine's clock that counts on whoever sets the time of day, and while it is suspended."""

_log = Logger()


class Clock(Protocol):
    """Twisted's IReactorTime: the reactor, or a test's clock."""

    def seconds(self) -> float:
        """Seconds since 1970, as they were known when Chip started: setting the machine's clock
        changes nothing. What is shown to people takes the time of day instead."""

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object
    ) -> IDelayedCall:
        """Call `callable` with `args` after `delay` seconds."""


class Tasks:
    """The coroutines that run and that nobody awaits."""

    def __init__(self) -> None:
        self._running: set[Deferred[Any]] = set()

    def spawn(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        """Run `work` now. What it raises is logged under `name`: Unavailable at level debug, since
        an outage is told where it is noticed, anything else as an error."""
        done: Deferred[Any] = Deferred.fromCoroutine(work)
        if done.called and not isinstance(done.result, Failure | Deferred):
            return
        self._running.add(done)

        def finished(result: object) -> None:
            self._running.discard(done)
            if isinstance(result, Failure):
                if isinstance(result.value, Unavailable):
                    _log.debug("{task} gave up: {reason}", task=name, reason=str(result.value))
                else:
                    _log.failure("{task} failed", result, task=name)

        done.addBoth(finished)

    async def finish(self) -> None:
        """Wait until all of them, and those that they start, are done."""
        while self._running:
            # One after the other, each through a Deferred of its own: a caller that stops waiting
            # cancels that one, and not the work.
            waiter: Deferred[None] = Deferred()
            next(iter(self._running)).addBoth(lambda _, waiter: waiter.callback(None), waiter)
            await waiter


class Semaphore(DeferredSemaphore):
    """Twisted's, for whatever may be done at once when its turn has come.

    Twisted resumes whoever is next from within the `release` of the one before: some ninety that
    have nothing to wait for fill the stack. Here the first release resumes them all in a loop.
    """

    def __init__(self, tokens: int = 1) -> None:
        super().__init__(tokens)
        self._to_release = 0

    def release(self) -> None:
        """Give a place back."""
        self._to_release += 1
        if self._to_release == 1:
            while self._to_release:
                super().release()
                self._to_release -= 1


async def pause(clock: Clock, seconds: float) -> None:
    """Let `seconds` pass. When it is cancelled, it leaves no timer behind."""
    done: Deferred[None] = Deferred(lambda _: timer.cancel())
    timer: Any = clock.callLater(seconds, done.callback, None)
    await done


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, or `Unavailable` when that takes longer than `seconds`.

    Work that is late is cancelled, and nobody waits for it any more, whatever it makes of that.
    """
    done: Deferred[T] = Deferred.fromCoroutine(work)
    waiter: Deferred[T] = Deferred(lambda _: done.cancel())

    def ended(result: Any) -> None:
        if not waiter.called:
            waiter.callback(result)
        elif isinstance(result, Failure) and not result.check(CancelledError, Unavailable):
            _log.failure("work that was late failed", result)

    done.addBoth(ended)
    waiter.addTimeout(seconds, cast(Any, clock))
    try:
        return await waiter
    except DeferredTimeout:
        raise Unavailable("it took too long") from None


def in_time(work: "Deferred[T]", seconds: float, clock: Clock) -> "Deferred[T]":
    """`work`, which is cancelled after so many seconds and fails with TimeoutError then, whatever
    it makes of that: Twisted says of a look-up that was cancelled that there is no such host."""

    def ended(result: T | Failure, _: float) -> T:
        if isinstance(result, Failure):
            raise TimeoutError
        return result

    return work.addTimeout(seconds, cast(Any, clock), ended)


def every(clock: Clock, seconds: float, call: Callable[[], None], *, now: bool) -> LoopingCall:
    """Call `call` every `seconds` until the loop is stopped, at once for the first time if `now`.

    What `call` raises does not stop the loop; of failures in a row the first is logged.
    """
    works = True

    def attempt() -> None:
        nonlocal works
        try:
            call()
        except Exception:
            if works:
                _log.failure("{call} failed", call=getattr(call, "__qualname__", repr(call)))
            works = False
        else:
            works = True

    loop = LoopingCall(attempt)
    loop.clock = cast(Any, clock)
    loop.start(seconds, now=now)
    return loop
