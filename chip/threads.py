"""Work that blocks, in a thread of its own, which ends with the process, whatever it waits for.

Twisted waits at the end for all that runs in its own threads: what hangs there holds the end up.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


class Threads(Protocol):
    """The reactor's method that threads use."""

    def callFromThread(self, callable: Callable[..., object], *args: object) -> object:
        """Run `callable` in the reactor's thread, soon, in the order of these calls."""


def run_in_thread(reactor: Threads, name: str, work: Callable[[], T]) -> "Deferred[T]":
    """What `work` returns or raises in a thread called `name`."""
    done: Deferred[T] = Deferred()

    def run() -> None:
        try:
            result: Any = work()
        except BaseException:
            result = Failure()
        call_in_reactor(reactor, done.callback, result)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError:  # the machine has no thread to spare
        done.errback(Failure())
    return done


def call_in_reactor(reactor: Threads, call: Callable[..., object], *args: object) -> None:
    """Have the reactor call it soon, even if it cannot be woken at this moment."""
    # An error comes from waking the reactor, when the call is in its list already.
    with contextlib.suppress(Exception):
        reactor.callFromThread(call, *args)
