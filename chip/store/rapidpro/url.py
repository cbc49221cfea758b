"""A database's URL, as libpq's connection parameters, with what Chip adds to them.

What stands in the URL goes before what Chip would choose. Settings that other programs' libraries
know, and whose meaning Chip has anyway, are passed over; what nobody knows is refused, because it
may be a misspelt `sslmode`.
"""

from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from chip.errors import ConfigError

Parameters = dict[str, str]

OPTIONS: Final = "options"
STATEMENT_TIMEOUT: Final = 4000
"""Milliseconds until the server gives a statement up: sooner than whoever waits for it."""

# Every statement finds its rows by an index. A plan is made once for a connection and must stay
# good: also when the tables were all but empty then, or had no statistics yet.
_SETTINGS: Final = {
    "statement_timeout": str(STATEMENT_TIMEOUT),
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
# A server that has vanished is noticed within seconds (milliseconds, for the last one).
_DEFAULTS: Final = {
    "application_name": "chip",
    "client_encoding": "UTF8",
    "connect_timeout": "3",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
_PASSED_OVER: Final = frozenset({"timezone", "binary_parameters", "disable_prepared_binary_result"})


def connection_parameters(url: str) -> Parameters:
    """libpq's parameters for `url`. Raises ConfigError, whose text holds nothing of the URL."""
    base, _, query = url.partition("?")
    if not base.startswith(("postgres://", "postgresql://")):
        raise ConfigError("db: not a postgres:// or postgresql:// URL")
    settings = [
        setting
        for setting in query.split("&")
        if setting and setting.partition("=")[0].lower() not in _PASSED_OVER
    ]
    try:
        given = conninfo_to_dict(f"{base}?{'&'.join(settings)}")
    except (psycopg.Error, UnicodeError):
        raise ConfigError("db: not a URL that PostgreSQL's library understands") from None
    parameters = _DEFAULTS | {name: str(value) for name, value in given.items()}
    ours = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    # The server takes the last of several values.
    parameters[OPTIONS] = f"{ours} {parameters.get(OPTIONS, '')}".strip()
    return parameters
