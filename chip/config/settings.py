"""The table of settings: each one's names, description and way of reading a value.

Made of the fields of `chip.config.schema.Config`. The one place that knows how a value is spelled
in the environment, on the command line and in TOML. Knows nothing of where values are looked for.
"""

import math
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from chip.config.schema import CHECKS, Config
from chip.errors import ConfigError
from chip.limits import Limits

_TRUE = frozenset({"1", "t", "true", "y", "yes", "on"})
_FALSE = frozenset({"0", "f", "false", "n", "no", "off"})

DESCRIPTIONS = {
    "address": "host or address to listen on; empty for all",
    "port": "TCP port to listen on",
    "listen": "Twisted endpoint to listen on instead of address and port",
    "ops_listen": 'endpoint for health and metrics, or "off"; unset: loopback, port + 1',
    "db": "RapidPro's PostgreSQL, as a URL; unset: the embedded store",
    "valkey": "Valkey or Redis, as a URL; unset: the embedded queues",
    "domain": "Courier's host, or host:port",
    "ssl": "speak https to Courier",
    "storage_url": "what avatar paths are appended to",
    "instance_id": "names this process in logs and status; unset: the host's name",
    "allowed_origins": "websites that may open chats",
    "trusted_proxies": "peers whose X-Forwarded-For is believed",
    "limits": "off lifts every rate and every cap per address",
    "data_dir": "directory of the embedded store and queues",
    "desk_token": "fixed token for the desk; unset: a new one at each start",
    "desk_guide": "let the guide answer while nobody is at the desk",
    "log_level": "what is logged: this and what is worse",
    "log_format": "one line of text or one JSON object per event",
    "sentry_dsn": "report errors to this Sentry project",
    "aws_access_key_id": "accepted and unused",
    "aws_secret_access_key": "accepted and unused",
    "aws_region": "accepted and unused",
    "cloudwatch_namespace": "accepted and unused",
    "deployment_id": "accepted and unused",
    "version": "accepted and unused",
    "handshake_bytes": "most bytes of a WebSocket handshake",
    "handshake_headers": "most header lines of a handshake",
    "handshake_deadline": "seconds for a whole handshake",
    "start_chat_deadline": "seconds from the handshake to start_chat, else close 4001",
    "message_bytes": "most bytes of a visitor's message or frame, else close 1009",
    "fragments_per_message": "most frames of one message",
    "frames_per_second": "frames a second from one socket",
    "pings_per_second": "pings a second from one socket",
    "pings_burst": "pings at once from one socket",
    "commands_per_second": "commands a second from one socket",
    "commands_burst": "commands at once from one socket",
    "bad_commands_per_minute": "commands in error a minute, else close 4400",
    "history_per_second": "history pages a second for one socket",
    "history_burst": "history pages at once for one socket",
    "unsent_pause_bytes": "unsent bytes at which a socket is no longer read",
    "unsent_close_bytes": "unsent bytes at which a socket is cut off",
    "write_stall": "seconds without progress in writing until a socket is cut off",
    "ping_interval": "seconds between pings to a visitor",
    "ping_timeout": "seconds a visitor has to answer a ping",
    "sends_per_second": "messages a second from one chat",
    "sends_burst": "messages at once from one chat",
    "sockets_per_chat": "open sockets of one chat; the oldest is closed with 4409",
    "window_messages": "messages under way unacknowledged on one socket",
    "window_bytes": "bytes under way unacknowledged on one socket",
    "outbox_messages": "messages that may wait for one visitor",
    "outbox_bytes": "bytes that may wait for one visitor",
    "outbox_days": "days that messages wait for a visitor",
    "duplicate_memory_hours": "hours that repeated sends are recognised",
    "spool_events": "events of one chat that may wait for Courier",
    "spool_hours": "hours that events wait for Courier",
    "new_chats_per_minute": "new chats a minute from one address",
    "new_chats_burst": "new chats at once from one address",
    "sockets_per_address": "open sockets from one address",
    "connects_per_second": "connections a second from one address",
    "connects_burst": "connections at once from one address",
    "wrong_secrets_per_minute": "wrong secrets a minute from one address for one channel",
    "sockets": "open sockets of this process",
    "spool_total": "events that may wait for Courier in all",
    "post_bytes": "most bytes of a POST body",
    "post_deadline": "seconds for a whole POST request",
    "courier_connect_timeout": "seconds to connect to Courier",
    "courier_timeout": "seconds to wait for Courier's answer",
    "courier_parallel": "requests to Courier at once",
    "drain_deadline": "seconds that work in hand may take when stopping",
    "stop_deadline": "seconds after which a stop no longer waits for anything",
}


class Setting(msgspec.Struct, frozen=True):
    """One setting. `kind` is the annotated type of its field."""

    name: str
    kind: Any
    default: object
    description: str

    @property
    def env(self) -> str:
        return f"CHIP_{self.name.upper()}"

    @property
    def flag(self) -> str:
        return self.name.replace("_", "-")

    @property
    def is_switch(self) -> bool:
        return self.kind is bool

    @property
    def is_limit(self) -> bool:
        return self.name in Limits.__struct_fields__

    @property
    def default_text(self) -> str:
        """The default as one would write it in the environment, ``""`` for none."""
        if isinstance(self.default, bool):
            return "true" if self.default else "false"
        if isinstance(self.default, tuple):
            return ",".join(self.default)
        return str(self.default)

    def read(self, value: object, source: str) -> object:
        """Return the value as the field's type, from a string or from what TOML made of it.

        Raises ConfigError naming the setting and `source`, never the value.
        """
        try:
            found = msgspec.convert(_plain(value, self.kind), self.kind, strict=False)
        except msgspec.ValidationError:
            raise self._wrong(source, _expected(self.kind)) from None
        if isinstance(found, float) and not math.isfinite(found):
            raise self._wrong(source, _expected(self.kind))
        if isinstance(found, str) and "\0" in found:
            raise self._wrong(source, "text without NUL")
        check = CHECKS.get(self.name)
        if check is not None and (found or self.default):
            expected = check(found)
            if expected:
                raise self._wrong(source, expected)
        return found

    def _wrong(self, source: str, expected: str) -> ConfigError:
        return ConfigError(f"{self.name} ({source}): expected {expected}")


def _plain(value: object, kind: Any) -> object:
    """What people write, as msgspec wants to read it."""
    if kind is bool and isinstance(value, str):
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else value
    if get_origin(kind) is Literal:
        if isinstance(value, bool):  # TOML's `limits = true`
            value = "on" if value else "off"
        return value.strip().lower() if isinstance(value, str) else value
    if get_origin(kind) is tuple and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    # msgspec would read a number out of a boolean's place and the other way round.
    if isinstance(value, bool) != (kind is bool) and not isinstance(value, str):
        return None
    return value.strip() if isinstance(value, str) else value


def _expected(kind: Any) -> str:
    if kind is bool:
        return "true or false"
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if get_origin(kind) is tuple:
        return "a list of strings"
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.IntType):
        top = f" to {info.le}" if info.le is not None else " or more"
        return f"a whole number, {info.ge}{top}"
    if isinstance(info, msgspec.inspect.FloatType):
        return "a number greater than 0"
    return "text"


def _settings() -> tuple[Setting, ...]:
    kinds = get_type_hints(Config, include_extras=True)
    defaults = Config()
    limits = Limits.__struct_fields__
    others = [name for name in Config.__struct_fields__ if name not in limits]
    return tuple(
        Setting(
            name=name,
            kind=kinds[name],
            # The host's name would make the table differ from machine to machine.
            default="" if name == "instance_id" else getattr(defaults, name),
            description=DESCRIPTIONS[name],
        )
        for name in (*others, *limits)
    )


SETTINGS = {setting.name: setting for setting in _settings()}
"""Every setting by name: first those of Chip, then the limits."""
