"""Errors to Sentry, when ``sentry_dsn`` is set; needs the extra ``chip-webchat[sentry]``.

Sentry's own integrations would send local variables and requests; none is used. What is sent is
the message and fields that the log has of the same event, redacted in the same way.
"""

from importlib import import_module

from twisted.logger import ILogObserver
from zope.interface import implementer

from chip.config.schema import Config
from chip.errors import ConfigError
from chip.logs.log_observer import LogEvent, Record, origin
from chip.logs.redact import Redactor

_SENT_LEVELS = frozenset({"error", "critical"})


@implementer(ILogObserver)
class SentryObserver:
    """Sends errors. Raises ConfigError when the package is missing or the DSN is malformed."""

    def __init__(self, config: Config, redact: Redactor, release: str) -> None:
        try:
            self._sdk = import_module("sentry_sdk")
        except ImportError:
            raise ConfigError(
                "sentry_dsn: needs the package sentry-sdk (pip install 'chip-webchat[sentry]')"
            ) from None
        self._redact = redact
        try:
            self._sdk.init(
                config.sentry_dsn,
                release=f"chip@{release}",
                server_name=config.instance_id,
                default_integrations=False,
                auto_enabling_integrations=False,
                include_local_variables=False,
                max_breadcrumbs=0,
                traces_sample_rate=None,
            )
        except ValueError:
            # Its own message would quote the DSN, which is a credential.
            raise ConfigError("sentry_dsn: expected https://key@host/project") from None

    def __call__(self, event: LogEvent) -> None:
        level, name = origin(event)
        if level not in _SENT_LEVELS:
            return
        record = Record(event, level, name, self._redact)
        fields = dict(record.fields)
        report: dict[str, object] = {
            "level": "fatal" if level == "critical" else level,
            "logger": name,
            "logentry": {"formatted": record.message},
            "extra": fields,
        }
        if "error" in fields:
            kind, _, message = str(fields["error"]).partition(": ")
            report["exception"] = {"values": [{"type": kind, "value": message}]}
        self._sdk.capture_event(report)

    def close(self, seconds: float) -> None:
        """Wait at most `seconds` for what is still to be sent. It blocks."""
        self._sdk.flush(timeout=seconds)
