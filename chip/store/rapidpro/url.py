"""A database's URL, as libpq's connection parameters, with what Chip adds to them.

Parameters in the URL override Chip's. Those of other programs' libraries that Chip does not need
are ignored; unknown ones are refused, because one may be a misspelt `sslmode`.
"""

from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from chip.errors import ConfigError
from chip.hosts import ascii_host

Parameters = dict[str, str]

OPTIONS: Final = "options"
STATEMENT_TIMEOUT: Final = 4000
"""Milliseconds after which the server ends a statement: before the pool's deadline for the call."""

# Every statement finds its rows by an index. A plan is made once for a connection, and must be the
# right one later too, though the tables were nearly empty then, or had no statistics yet.
_SETTINGS: Final = {
    "statement_timeout": str(STATEMENT_TIMEOUT),
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
# A server that has vanished is noticed within seconds (milliseconds, for the last one).
_DEFAULTS: Final = {
    "client_encoding": "UTF8",
    "connect_timeout": "3",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
_IGNORED: Final = frozenset({"timezone", "binary_parameters", "disable_prepared_binary_result"})


def connection_parameters(url: str) -> Parameters:
    """libpq's parameters for `url`. Raises ConfigError, whose text quotes nothing of the URL."""
    base, _, query = url.partition("?")
    if not base.startswith(("postgres://", "postgresql://")):
        raise ConfigError("db: not a postgres:// or postgresql:// URL")
    settings = [
        setting
        for setting in query.split("&")
        if setting and setting.partition("=")[0].lower() not in _IGNORED
    ]
    try:
        given = conninfo_to_dict(f"{base}?{'&'.join(settings)}")
    except (psycopg.Error, UnicodeError):
        raise ConfigError("db: not a URL that PostgreSQL's library understands") from None
    try:
        for host in str(given.get("host", "")).split(","):
            # Others are the directories of Unix sockets, or none.
            if host and host[0] not in "/@":
                ascii_host(host)
    except ValueError as error:
        raise ConfigError(f"db: {error}") from None
    parameters = _DEFAULTS | {name: str(value) for name, value in given.items()}
    ours = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    # The server takes the last of several values.
    parameters[OPTIONS] = f"{ours} {parameters.get(OPTIONS, '')}".strip()
    return parameters
