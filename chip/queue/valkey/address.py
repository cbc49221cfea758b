"""Where Valkey is and who we are there, read from a URL.

    valkey://user:password@host:6379/5     redis:// is the same, valkeys:// and rediss:// are TLS
    unix://user:password@/run/valkey.sock?db=5

As other clients have it, `?db=` names the database wherever a path may not, and wins over one.
Only the host and the port, or the socket, ever show in a text or a log.
"""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.ssl import optionsForClientTLS

from chip.errors import ConfigError

DEFAULT_DATABASE: Final = 5
_DEFAULT_PORT: Final = 6379
_CONNECT_TIMEOUT: Final = 3
_PLAIN = ("valkey", "redis")
_TLS = ("valkeys", "rediss")
_UNIX = ("unix",)


@dataclass(frozen=True, slots=True)
class ValkeyAddress:
    """A server, a database on it, and a login. `path` is that of a Unix socket, or empty."""

    host: str
    port: int
    path: str
    database: int
    tls: bool
    user: str
    password: str = field(repr=False)
    name: str = "chip"
    """What our connections are called in the server's list of clients."""

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"

    def endpoint(self, reactor: Any) -> Any:
        """How to connect. With TLS, the server's certificate must be trusted and name the host."""
        if self.path:
            return UNIXClientEndpoint(reactor, self.path, timeout=_CONNECT_TIMEOUT)
        plain: Any = HostnameEndpoint(reactor, self.host, self.port, timeout=_CONNECT_TIMEOUT)
        if not self.tls:
            return plain
        return wrapClientTLS(optionsForClientTLS(self.host), plain)


def parse_url(url: str) -> ValkeyAddress:
    """The address that `url` names. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORT
        is_unix = parts.scheme in _UNIX
        (number,) = parse_qs(parts.query).get("db", ["" if is_unix else parts.path.strip("/")])
        database = int(number or DEFAULT_DATABASE)
    except ValueError:
        raise ConfigError("valkey: the port and the database must be numbers") from None
    if parts.scheme not in _PLAIN + _TLS + _UNIX:
        raise ConfigError(
            "valkey: must begin with valkey://, valkeys://, redis://, rediss:// or unix://"
        )
    if is_unix and not parts.path.strip("/"):
        raise ConfigError("valkey: the path of a socket is needed")
    if not is_unix and not parts.hostname:
        raise ConfigError("valkey: a host is needed")
    if database < 0:
        raise ConfigError("valkey: the database must not be negative")
    return ValkeyAddress(
        host=parts.hostname or "",
        port=port,
        path=unquote(parts.path) if is_unix else "",
        database=database,
        tls=parts.scheme in _TLS,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
