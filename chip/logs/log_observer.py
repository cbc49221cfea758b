"""Chip's log: one line per event, as text or JSON, without secrets. It never raises.

Owns how an event becomes a line. All that is logged in this process comes here: Chip's own events,
Twisted's, the standard library's, and what is printed. What is secret `chip.logs.redact` knows,
and where lines go, `chip.logs.targets`.

An event of Chip is a constant sentence with named fields::

    log.info("connection closed", chat=chat.label, code=1000, seconds=12.5)
    2026-11-22T20:42:00.123Z info chip.web.connect connection closed chat=65vb…@7d62d551 code=1000

What other packages log as ``info`` counts as ``debug``.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, Logger, LogLevel, formatEvent, globalLogPublisher
from twisted.python.components import Componentized
from twisted.python.failure import Failure
from zope.interface import implementer

from chip.logs.failures import describe
from chip.logs.redact import MASK, Redactor
from chip.logs.targets import Target

LogEvent = dict[str, object]
Fields = dict[str, object]

LEVELS = ("debug", "info", "warn", "error", "critical")

LEGACY = "log_legacy"
"""The namespace of events from Twisted's old log, twisted.python.log."""

_OUR_NAMESPACES = ("chip", "stdout", "stderr")
_MAX_VALUE = 2000
"""Characters of a message, and of the value of a field."""

# Values of fields with these names are never shown.
_PRIVATE = frozenset(
    {"text", "email", "secret", "chat_id", "password", "token", "body", "cookie", "authorization"}
)

# Characters that some programs take for the end of a line, or that control a terminal.
_CONTROLS = {code: f"\\u{code:04x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)} | {
    9: "\\t",
    10: "\\n",
    13: "\\r",
}


class Record:
    """One event, redacted, not yet formatted."""

    __slots__ = ("fields", "level", "message", "name", "template", "time")

    def __init__(self, event: LogEvent, level: str, name: str, redact: Redactor) -> None:
        self.time = float(event.get("log_time", 0.0))  # type: ignore[arg-type]
        self.level = level
        self.name = name
        self.template = str(event.get("log_format") or "")
        if self.template and "{" not in self.template:
            self.message = redact(self.template)
        else:
            self.message = redact.cut(formatEvent(event), _MAX_VALUE)
        self.fields: Fields = {}
        if name != LEGACY:  # whose fields only repeat the message
            for key, value in event.items():
                if not key.startswith("log_"):
                    self.fields[key] = MASK if key in _PRIVATE else _plain(value, redact)
        failure = event.get("log_failure")
        if isinstance(failure, Failure):
            self.fields["error"], trace = describe(failure, redact)
            self.fields["trace"] = redact(trace)


def _plain(value: object, redact: Redactor) -> object:
    if value is None or type(value) in (int, float, bool):
        return value
    return redact.cut(str(value), _MAX_VALUE)


_second: tuple[int, str] = (-1, "")


def _timestamp(when: float) -> str:
    """UTC, RFC 3339, with milliseconds. The text of the last second is cached."""
    global _second  # noqa: PLW0603
    whole = int(when)
    if _second[0] != whole:
        _second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)))
    return f"{_second[1]}.{int((when - whole) * 1000):03d}Z"


def as_text(record: Record) -> str:
    """Format for people: time, level, module, sentence, then ``name=value``."""
    parts = [_timestamp(record.time), record.level, record.name, record.message]
    for key, value in record.fields.items():
        if f"{{{key}}}" in record.template:
            continue  # the sentence says it already
        shown = value if isinstance(value, str) else str(value)
        if not shown or not shown.isprintable() or any(c in shown for c in ' "='):
            shown = _quote(shown)
        parts.append(f"{key}={shown}")
    return " ".join(parts)


def as_json(record: Record) -> str:
    """Format for machines: one object, the sentence as ``message``, fields beside it."""
    return _to_json(
        record.fields
        | {
            "time": _timestamp(record.time),
            "level": record.level,
            "logger": record.name,
            "message": record.message,
        }
    )


_quote = json.JSONEncoder(ensure_ascii=False).encode
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode

FORMATS: Mapping[str, Callable[[Record], str]] = {"text": as_text, "json": as_json}


@implementer(ILogObserver)
class LogObserver:
    """Writes events of at least `level` to `target`. It never raises."""

    def __init__(self, target: Target, redact: Redactor, *, level: str, format: str) -> None:
        self._target = target
        self._redact = redact
        self.set_level(level)
        self._format = FORMATS[format]
        self._lost = 0

    def set_level(self, level: str) -> None:
        """Write events of at least this level from now on."""
        self._wanted = frozenset(LEVELS[LEVELS.index(level) :])

    def reopen(self) -> None:
        """Open the log's file anew, if it is one: it may have been moved away."""
        self._target.reopen()

    def __call__(self, event: LogEvent) -> None:
        level, name = origin(event)
        if level not in self._wanted:
            return
        try:
            line = self._format(Record(event, level, name, self._redact))
        except Exception as error:
            # The str() of a field has raised: the event is logged without it.
            what = f"an event that cannot be shown: {type(error).__name__}"
            line = f"{_timestamp(time.time())} {level} {name} {what}"
        self._write(line)

    def _write(self, line: str) -> None:
        if not line.isprintable():
            line = line.translate(_CONTROLS)
        try:
            self._target.write(line.encode("utf-8", "backslashreplace") + b"\n")
        except (OSError, ValueError):
            # The disk is full, or the reader has closed its end. The service goes on.
            self._lost += 1
            return
        if self._lost:
            lost, self._lost = self._lost, 0
            _log.warn("log lines were lost", lines=lost)


def origin(event: LogEvent) -> tuple[str, str]:
    """The event's level, and the name of the module that logged it."""
    level = getattr(event.get("log_level"), "name", "info")
    name = str(event.get("log_namespace", "-"))
    if "warning" in event:  # warnings.warn, by way of twisted.python.log
        return "warn", name
    if level == "info" and name.partition(".")[0] not in _OUR_NAMESPACES:
        level = "debug"
    return level, name


class StandardLibraryHandler(logging.Handler):
    """Hands the standard library's log records to Twisted's. It never raises, either: whoever logs
    is not prepared for that."""

    def emit(self, record: logging.LogRecord) -> None:
        # Libraries may have levels of their own between these.
        at = min(max(record.levelno, logging.DEBUG), logging.CRITICAL) // 10
        log = Logger(namespace=record.name)
        extra: LogEvent = {}
        if record.exc_info and record.exc_info[1]:
            extra["log_failure"] = cast(Any, Failure)(record.exc_info[1])
        try:
            message = record.getMessage()
        except Exception as error:
            where = f"{record.filename}:{record.lineno}"
            message = f"what {where} logs cannot be shown: {type(error).__name__}"
        level = LogLevel.lookupByName(LEVELS[at - 1])
        log.emit(level, "{log_message}", log_message=message, **extra)


class LoggedService(MultiService):
    """A service whose application logs through `observer` from the first line on.

    twistd looks for an observer on the application, before anything starts. The `listeners` get
    the same events while the service runs.
    """

    def __init__(self, observer: LogObserver, *listeners: Callable[[LogEvent], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._observer = observer
        self._listeners = listeners
        self._handler = StandardLibraryHandler(logging.INFO)

    def setServiceParent(self, parent: object) -> None:
        if isinstance(parent, Componentized):
            cast(Any, parent).setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    def privilegedStartService(self) -> None:
        logging.getLogger().addHandler(self._handler)
        for listener in self._listeners:
            globalLogPublisher.addObserver(cast(Any, listener))
        super().privilegedStartService()  # type: ignore[no-untyped-call]

    def stopService(self) -> Deferred[object]:
        stopped: Deferred[object] = super().stopService()  # type: ignore[no-untyped-call]
        return stopped.addBoth(self._remove_listeners)

    def _remove_listeners(self, result: object) -> object:
        logging.getLogger().removeHandler(self._handler)
        for listener in self._listeners:
            globalLogPublisher.removeObserver(cast(Any, listener))
        return result


_log = Logger()
