"""What Chip logs meanwhile, as an operator reads it at level info."""

from __future__ import annotations

from typing import Any

from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher


class LogLines:
    """The events of Chip's own modules while it listens.

        assert log.about("Courier") == ["warn: Courier takes nothing"]

    Those at error level fail the test all the same, unless it takes them.
    """

    def __init__(self) -> None:
        self.events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if event["log_namespace"].startswith("chip.") and event["log_level"] >= LogLevel.info:
            self.events.append(event)

    def __enter__(self) -> LogLines:
        globalLogPublisher.addObserver(self)
        return self

    def __exit__(self, *_: object) -> None:
        globalLogPublisher.removeObserver(self)

    def about(self, words: str = "") -> list[str]:
        """The lines that hold these words, each behind its level."""
        return [line for line in map(_line, self.events) if words in line]

    def fields(self, name: str) -> list[Any]:
        """The values of a field, of those lines that have it."""
        return [event[name] for event in self.events if name in event]


def _line(event: LogEvent) -> str:
    return f"{event['log_level'].name}: {formatEvent(event)}"
