"""What the values of settings must look like beyond their types, and what of them is secret.

A check returns the value as it is to be used, or raises ValueError saying what was expected and
never what was given.
"""

import contextlib
import ipaddress
import re
import ssl
from urllib.parse import SplitResult, unquote, urlsplit

from chip.config.origins import parse_allowed_origins
from chip.hosts import ascii_host
from chip.models import UUID_FORM

_VALKEY_SCHEMES = "(valkeys?|rediss?)(-cluster)?"


def database_url(value: str) -> str:
    """The URL of a PostgreSQL database, on one of several hosts perhaps, or behind a socket."""
    scheme, _, rest = value.partition("://")
    hosts = rest.partition("?")[0].rpartition("@")[2].partition("/")[0].split(",")
    ports = [re.fullmatch(r"(\[[^]]*\]|[^:]*)(:[0-9]*)?", host) for host in hosts]
    if scheme not in ("postgres", "postgresql") or not rest or not all(ports):
        raise ValueError("expected a URL like postgresql://user:password@host:5432/database")
    return value


def valkey_url(value: str) -> str:
    """The URL of a Valkey server, of the Sentinels that know it, or of a Cluster; the schemes of
    Redis are accepted too."""
    # The first host stands for all: urllib knows one. A comma in the login parts none.
    login = re.match(r"[^/?#]*://([^/?#]*@)?", value)
    before = login.group() if login else ""
    match _split(before + re.sub(r"^([^/?#,]*),[^/?#]*", r"\1", value[len(before) :])):
        case SplitResult(scheme="unix", path=path) if path.strip("/"):
            return value
        case SplitResult(scheme=scheme) as parts if re.fullmatch(_VALKEY_SCHEMES, scheme):
            if parts.hostname and re.fullmatch(r"(/[0-9]{0,5})?", parts.path):
                return value
    raise ValueError(
        "expected a URL like valkey://user:password@host:6379/5 (valkeys:// for TLS), or"
        " unix:///run/valkey.sock?db=5"
    )


def domain(value: str) -> str:
    """A host, with a port or without."""
    parts = _split(f"//{value}")
    if parts and parts.netloc == value and "@" not in value and not re.search(":0*$", value):
        with contextlib.suppress(ValueError):
            ascii_host(parts.hostname or "")
            return value
    raise ValueError("expected a host, or host:port, without http:// and without a path")


def public_url(value: str) -> str:
    """An http(s) URL without query and login, a path perhaps; in the form that browsers use,
    without a slash at the end."""
    parts = _split(value)
    path = parts.path.rstrip("/") if parts else ""
    if parts and re.fullmatch(r"(/[\w~%-][\w.~%-]*)*", path, re.ASCII):
        origin, rest = f"{parts.scheme}://{parts.netloc}", f"{parts.path}"
        if "*" not in origin and value.lower() == f"{origin}{rest}".lower():
            with contextlib.suppress(ValueError):
                return parse_allowed_origins([origin])[0] + path
    raise ValueError(
        "expected a URL like https://chat.example.org or https://example.org/chat, without a query"
    )


def endpoint_or_off(value: str) -> str:
    """An endpoint, which is read where it is listened on; or "off", in lower case."""
    return "off" if value.lower() == "off" else value


def host_names(value: tuple[str, ...]) -> tuple[str, ...]:
    """Names of hosts without ports, or "*"; in lower case."""
    if not all(re.fullmatch(r"\*|[\w.-]+", name) for name in value):
        raise ValueError('expected names like chip.example.org, without ports, or "*"')
    return tuple(name.lower() for name in value)


def storage_url(value: str) -> str:
    """The beginning of a URL, or of a path on the same site."""
    if not re.match(r"(https?:/)?/", value):
        raise ValueError("expected a URL that begins with http(s)://")
    return value


def external_ids(value: tuple[str, ...]) -> tuple[str, ...]:
    """Pairs of UUIDs, each UUID in one of them; in lower case."""
    pairs = tuple(entry.replace(" ", "").lower() for entry in value)
    named = [uuid for pair in pairs for uuid in pair.split("=")]
    if not all(re.fullmatch(f"{UUID_FORM}={UUID_FORM}", pair) for pair in pairs):
        raise ValueError("expected ID=CHANNEL, each a UUID: the public one, and the channel's own")
    if len(set(named)) < len(named):
        raise ValueError("expected each UUID only once")
    return pairs


def external_uuids(value: tuple[str, ...]) -> set[str]:
    """The channels' own UUIDs, by which anybody could post as a visitor."""
    return {pair.partition("=")[2] for pair in value}


def proxies(value: tuple[str, ...]) -> tuple[str, ...]:
    """Networks, addresses, and "unix" for peers on a Unix socket."""
    try:
        for entry in value:
            if entry != "unix":
                ipaddress.ip_network(entry, strict=False)
    except ValueError:
        raise ValueError('expected addresses or networks like 10.0.0.0/8, or "unix"') from None
    return value


def ciphers(value: str) -> str:
    """Cipher suites of TLS 1.2 as OpenSSL writes them; there is at least one of them."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(value)
    except ssl.SSLError:
        raise ValueError("expected cipher suites as OpenSSL writes them") from None
    return value


def desk_token(value: str) -> str:
    """At least 8 characters, so that it cannot be guessed quickly."""
    if len(value) < 8:
        raise ValueError("expected at least 8 characters")
    return value


def directory(value: str) -> str:
    """Not empty, which would be the working directory."""
    if not value:
        raise ValueError("expected a directory")
    return value


def process_name(value: str) -> str:
    """Printable ASCII without spaces, so that it is one word in a log."""
    if not re.fullmatch(r"[\x21-\x7e]{1,128}", value):
        raise ValueError("expected a name without spaces")
    return value


def whole(value: str) -> set[str]:
    """The whole value, and the password within if it is a URL."""
    return {value} | passwords(value)


def passwords(url: str) -> set[str]:
    """The passwords within a URL, as they are written and percent-decoded."""
    # By hand: some letters that a password may have here end the host for urllib.
    login = url.partition("://")[2].rpartition("@")[0]
    pairs = (pair.partition("=") for pair in url.partition("?")[2].split("&"))
    found = {text for key, _, text in pairs if key.endswith("password")}
    found.add(login.partition(":")[2])
    return found | {unquote(text) for text in found}


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is no number
    except ValueError:
        return None
    return parts
