"""Where Valkey is and who we are there, read from a URL.

    valkey://user:password@host:6379/5     redis:// is the same, valkeys:// and rediss:// are TLS
    unix://user:password@/run/valkey.sock?db=5
    valkey://user:password@host,host:26380/5?sentinel=NAME&sentinel_password=…
    valkey://user:password@host,host:7000/?cluster=true     valkey-cluster:// is the same

As other clients have it, `?db=` names the database wherever a path may not, and wins over one.
Only hosts and ports, or the socket, ever show in a text or a log.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from twisted.internet.endpoints import UNIXClientEndpoint, wrapClientTLS

from chip.errors import ConfigError
from chip.hosts import HostEndpoint, ascii_host
from chip.queue.valkey.tls_files import TlsFiles

DEFAULT_DATABASE: Final = 5
_DEFAULT_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
CONNECT_TIMEOUT: Final = 3
_PLAIN = ("valkey", "redis")
_TLS = ("valkeys", "rediss")
_UNIX = ("unix",)
_CLUSTER = "-cluster"
_HOST = re.compile(r"(\[[^\[\]]+\]|[^:\[\]]+)(?::([0-9]{1,5})?)?")
_HOSTS = re.compile(
    r"(?P<before>[^:/?#]*://(?:[^/?#]*@)?)(?P<hosts>[^/?#]*)(?P<after>.*)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class ValkeyAddress:
    """A database of Valkey, and a login. `path` is that of a Unix socket, or empty."""

    hosts: tuple[tuple[str, int], ...]
    """The server; with `sentinel` the Sentinels; of a Cluster, some of its nodes. Names or
    addresses, and ports."""
    path: str
    database: int
    tls: bool
    user: str
    password: str = field(repr=False)
    cluster: bool = False
    sentinel: str = ""
    """What the Sentinels call the primary."""
    sentinel_user: str = ""
    sentinel_password: str = field(default="", repr=False)
    files: TlsFiles = field(default_factory=TlsFiles)
    name: str = "chip"
    """What our connections are called in the server's list of clients."""

    def __str__(self) -> str:
        hosts = ", ".join(f"{host}:{port}" for host, port in self.hosts)
        named = f" (as Sentinel's {self.sentinel})" if self.sentinel else ""
        return f"{self.path or hosts}{named}"

    @property
    def login(self) -> list[bytes]:
        """The arguments of AUTH, none where there is no password."""
        if not self.password:
            return []
        return [part.encode() for part in (self.user, self.password) if part]

    def at(self, host: str, port: int) -> "ValkeyAddress":
        """The same database and login, at this server."""
        return replace(self, hosts=((host, port),), sentinel="", cluster=False)

    def seeds(self) -> "list[ValkeyAddress]":
        """Each node of a Cluster that is named here."""
        return [self.at(host, port) for host, port in self.hosts]

    def sentinels(self) -> "list[ValkeyAddress]":
        """Each Sentinel by itself, with the login that is used there."""
        login = replace(self, user=self.sentinel_user, password=self.sentinel_password)
        return [login.at(host, port) for host, port in self.hosts]

    def endpoint(self, reactor: Any) -> Any:
        """How to connect to the one server that this is. With TLS, the server's certificate must
        be trusted and name the host. Raises ConfigError for TLS files that cannot be used."""
        if self.path:
            return UNIXClientEndpoint(reactor, self.path, timeout=CONNECT_TIMEOUT)
        ((host, port),) = self.hosts
        plain: Any = HostEndpoint(reactor, host, port, timeout=CONNECT_TIMEOUT)
        return wrapClientTLS(self.files.options(host), plain) if self.tls else plain


def parse_url(url: str, files: TlsFiles | None = None) -> ValkeyAddress:
    """The address that `url` names. Raises ConfigError."""
    # By hand, since for urllib there is but one host.
    found = _HOSTS.fullmatch(url)
    before, listed, after = found.groups() if found else (url, "", "")
    try:
        parts = urlsplit(f"{before}{'host' if listed else ''}{after}")
        # A plus is one, as in the login: only forms mean a space by it.
        pairs = parse_qs(parts.query.replace("+", "%2B"))
        query = {key: values[-1] for key, values in pairs.items()}
        scheme = parts.scheme.removesuffix(_CLUSTER)
        is_unix = scheme in _UNIX
        cluster = scheme != parts.scheme or query.get("cluster", "") in ("true", "yes", "1")
        database = int(
            query.get("db", "" if is_unix else parts.path.strip("/"))
            or (0 if cluster else DEFAULT_DATABASE)
        )
        sentinel = query.get("sentinel", "")
        named = _hosts(listed, _SENTINEL_PORT if sentinel else _DEFAULT_PORT)
    except ValueError:
        raise ConfigError("valkey: the port and the database must be numbers") from None
    if scheme not in _PLAIN + _TLS + _UNIX:
        raise ConfigError(
            "valkey: must begin with valkey://, valkeys://, redis://, rediss:// or unix://"
        )
    try:
        hosts = tuple((ascii_host(host, tls=scheme in _TLS), port) for host, port in named)
    except ValueError as error:
        raise ConfigError(f"valkey: {error}") from None
    if is_unix and not parts.path.strip("/"):
        raise ConfigError("valkey: the path of a socket is needed")
    if not is_unix and not hosts:
        raise ConfigError("valkey: a host is needed")
    if is_unix and sentinel:
        raise ConfigError("valkey: Sentinels are reached by hosts, not by a socket")
    if len(hosts) > 1 and not (sentinel or cluster):
        raise ConfigError(
            "valkey: several hosts are those of Sentinels or of a Cluster: ?sentinel=NAME or"
            " ?cluster=true is missing"
        )
    if cluster and (is_unix or sentinel):
        raise ConfigError("valkey: a Cluster is reached by hosts of its nodes only")
    if cluster and database:
        raise ConfigError("valkey: a Cluster has database 0 only")
    if database < 0:
        raise ConfigError("valkey: the database must not be negative")
    return ValkeyAddress(
        hosts=hosts,
        path=unquote(parts.path) if is_unix else "",
        database=database,
        tls=scheme in _TLS,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        cluster=cluster,
        sentinel=sentinel,
        sentinel_user=query.get("sentinel_user", ""),
        sentinel_password=query.get("sentinel_password", ""),
        files=files or TlsFiles(),
    )


def _hosts(listed: str, default_port: int) -> tuple[tuple[str, int], ...]:
    """Hosts and ports of a list like ``one,two:7000,[::1]:7000``. Raises ValueError."""
    hosts = []
    for entry in filter(None, listed.split(",")):
        found = _HOST.fullmatch(entry)
        if found is None or int(found[2] or 1) not in range(1, 65536):
            raise ValueError
        hosts.append((found[1].strip("[]").lower(), int(found[2] or default_port)))
    return tuple(hosts)
