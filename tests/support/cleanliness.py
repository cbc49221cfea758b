"""What a test must not leave behind: logged failures, timers and sockets in the reactor.

Owns looking for them; tests/conftest.py makes every test answer for what is found.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet import reactor
from twisted.internet._signals import _FDWaker
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher

_BAD = {LogLevel.error, LogLevel.critical}
_GRACE = 0.5
_TURN = 0.005
_TURNS = 100


class LoggedFailures:
    """Everything logged at error level or above while it listens.

    A test that provokes one says so by taking it.
    """

    def __init__(self) -> None:
        self.events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_level") in _BAD:
            self.events.append(event)

    def listen(self) -> None:
        """Begin to collect."""
        globalLogPublisher.addObserver(self)

    def leave(self) -> None:
        """Stop collecting, once Deferreds that nobody holds have told of their failures."""
        gc.collect()
        globalLogPublisher.removeObserver(self)

    def take(self, *kinds: type[BaseException]) -> list[LogEvent]:
        """Return and forgive what was logged so far, of these exceptions or of any.

        Raises AssertionError when there was none: a test that expects a failure must see it.
        """
        gc.collect()
        taken = [event for event in self.events if not kinds or _is_about(event, kinds)]
        if not taken:
            raise AssertionError(f"no failure {kinds or ''} was logged")
        self.events = [event for event in self.events if event not in taken]
        return taken

    def forgive(self, words: str) -> None:
        """Forgive what says this, if anything does: it may happen where the machine is busy."""
        self.events = [event for event in self.events if words not in _describe(event)]

    def report(self) -> list[str]:
        """Return a line, or a traceback, for everything that was not taken."""
        return [_describe(event) for event in self.events]


def _is_about(event: LogEvent, kinds: tuple[type[BaseException], ...]) -> bool:
    failure = event.get("log_failure")
    return failure is not None and failure.check(*kinds) is not None


def _describe(event: LogEvent) -> str:
    failure = event.get("log_failure")
    text = f"logged at {event['log_level'].name}: {formatEvent(event)}"
    return f"{text}\n{failure.getTraceback()}" if failure is not None else text


class ReactorContents:
    """The timers and sockets in the reactor at one moment."""

    def __init__(self) -> None:
        self._timers = set(_timers())
        self._sockets = set(_sockets())

    def new_timers(self) -> list[IDelayedCall]:
        """Return the timers that came since."""
        return [timer for timer in _timers() if timer not in self._timers]

    def new_sockets(self) -> list[Any]:
        """Return the sockets that came since."""
        return [each for each in _sockets() if each not in self._sockets]

    def settled(self) -> bool:
        """Tell whether nothing came since, or all of it has gone again."""
        return not self.new_timers() and not self.new_sockets()

    async def settle(self) -> None:
        """Give connections that are being closed the turns of the reactor that this takes: also
        where the process stands still meanwhile, and all of the time is gone after the first."""
        deadline = reactor.seconds() + _GRACE  # type: ignore[attr-defined]
        turns = 0
        while not self.settled() and (
            turns < _TURNS or reactor.seconds() < deadline  # type: ignore[attr-defined]
        ):
            await _turn()
            turns += 1

    def clear(self) -> list[str]:
        """Remove what is new, so that no other test pays for it; return what it was."""
        found = []
        for timer in self.new_timers():
            found.append(f"left in the reactor: {timer}")
            timer.cancel()
        for each in self.new_sockets():
            found.append(f"left in the reactor: {each}")
            reactor.removeReader(each)  # type: ignore[attr-defined]
            reactor.removeWriter(each)  # type: ignore[attr-defined]
            if hasattr(each, "socket"):
                each.socket.close()
        return found


def _turn() -> Deferred[None]:
    return deferLater(reactor, _TURN, lambda: None)  # type: ignore[arg-type]


def _timers() -> list[IDelayedCall]:
    return [call for call in reactor.getDelayedCalls() if call.active()]  # type: ignore[attr-defined]


def _sockets() -> list[Any]:
    everything = [*reactor.getReaders(), *reactor.getWriters()]  # type: ignore[attr-defined]
    # The reactor opens pipes to wake itself when it first needs them.
    return [each for each in everything if not isinstance(each, _FDWaker)]
