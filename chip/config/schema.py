"""The settings of Chip: what there is to set, what it means, and what is refused.

One frozen struct. The flags, the environment's names, ``--help`` and the table in
``docs/operating.md`` are made of its fields. Where the values come from is `chip.config.sources`'s
business; this module neither reads files nor knows who uses a setting.
"""

import ipaddress
import re
import socket
from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from chip.limits import Limits

_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

TCP_BACKLOG = 1024
"""Connections that may wait to be accepted; Twisted's own 50 is too few after a restart."""

DEFAULT_OPS_PORT = 8071

SECRETS = frozenset({"db", "valkey", "desk_token", "sentry_dsn", "aws_secret_access_key"})
"""The settings whose values must never be shown."""


class Config(Limits, frozen=True, kw_only=True):
    """Every setting, and every limit of `chip.limits` under its own name.

    An empty string means "not set". Construct it through `chip.sources.load`, which also checks.
    """

    address: str = "localhost"
    port: _Port = 8070
    listen: str = ""
    ops_listen: str = ""
    db: str = ""
    valkey: str = ""
    domain: str = "localhost"
    ssl: bool = False
    storage_url: str = "http://localhost/media/"
    instance_id: str = msgspec.field(default_factory=socket.gethostname)
    allowed_origins: tuple[str, ...] = ("*",)
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1", "unix")
    limits: Literal["on", "off"] = "on"
    data_dir: str = "chip-data"
    desk_token: str = ""
    desk_guide: bool = True
    log_level: Literal["debug", "info", "warn", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    sentry_dsn: str = ""
    aws_access_key_id: str = ""
    aws_secret_access_key: str = ""
    aws_region: str = ""
    cloudwatch_namespace: str = ""
    deployment_id: str = ""
    version: str = ""

    @property
    def endpoint(self) -> str:
        """The public listener as a Twisted endpoint description."""
        if self.listen:
            return self.listen
        address = self.address.replace(":", r"\:")
        return f"tcp:{self.port}:interface={address}:backlog={TCP_BACKLOG}"

    @property
    def ops_endpoint(self) -> str:
        """The operators' listener as an endpoint description, ``""`` when there is to be none.

        Unless set it is on loopback, on the port after the public one. Nobody asked for that
        one, so a start must not fail for its sake: see `ops_required`.
        """
        if self.ops_listen:
            return "" if self.ops_listen == "off" else self.ops_listen
        port = DEFAULT_OPS_PORT if self.listen or self.port == 65535 else self.port + 1
        return f"tcp:{port}:interface=127.0.0.1"

    @property
    def ops_required(self) -> bool:
        """Whether somebody asked for the operators' listener."""
        return self.ops_listen not in ("", "off")

    @property
    def limits_in_force(self) -> Limits:
        """The limits alone, rates lifted where ``limits`` is off."""
        limits = Limits(**{name: getattr(self, name) for name in Limits.__struct_fields__})
        return limits.without_rates() if self.limits == "off" else limits

    @property
    def courier_url(self) -> str:
        """Where Courier is: ``http(s)://host[:port]``."""
        return f"{'https' if self.ssl else 'http'}://{self.domain}"

    def secret_values(self) -> frozenset[str]:
        """What must never be printed: tokens, and the passwords within URLs."""
        values = {self.desk_token, self.aws_secret_access_key, self.sentry_dsn}
        for url in (self.db, self.valkey, self.sentry_dsn):
            values |= _passwords(url)
        return frozenset(values - {""})

    def __repr__(self) -> str:
        shown = (
            f"{name}={'***' if name in SECRETS and value else repr(value)}"
            for name, value in msgspec.structs.asdict(self).items()
        )
        return f"Config({', '.join(shown)})"


def _passwords(url: str) -> set[str]:
    """What a URL keeps secret, as it is written and as it is meant."""
    parts = urlsplit(url)
    found = {parts.password or ""}
    found |= {value for key, _, value in _pairs(parts.query) if key == "password"}
    return found | {unquote(value) for value in found}


def _pairs(query: str) -> list[tuple[str, str, str]]:
    return [pair.partition("=") for pair in query.split("&")]


# What a value must look like, beyond its type. Each returns what was expected, or nothing.


def _check_db(value: str) -> str | None:
    parts = _split(value)
    if parts is None or parts.scheme not in ("postgres", "postgresql") or not parts.netloc:
        return "a URL like postgresql://user:password@host:5432/database"
    return None


def _check_valkey(value: str) -> str | None:
    parts = _split(value)
    schemes = ("valkey", "valkeys", "redis", "rediss")
    if (
        parts is None
        or parts.scheme not in schemes
        or not parts.hostname
        or not re.fullmatch(r"(/[0-9]{0,5})?", parts.path)
    ):
        return "a URL like valkey://user:password@host:6379/5 (valkeys:// for TLS)"
    return None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is no number
    except ValueError:
        return None
    return parts


def _check_domain(value: str) -> str | None:
    parts = _split(f"//{value}")
    if parts is None or not parts.hostname or parts.netloc != value or "@" in value:
        return "a host, or host:port, without http:// and without a path"
    return None


def _check_storage_url(value: str) -> str | None:
    return None if re.match(r"(https?:/)?/", value) else "a URL that begins with http(s)://"


def _check_trusted_proxies(value: tuple[str, ...]) -> str | None:
    for entry in value:
        if entry == "unix":
            continue
        try:
            ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return 'addresses or networks like 10.0.0.0/8, or "unix"'
    return None


def _check_desk_token(value: str) -> str | None:
    return None if len(value) >= 8 else "at least 8 characters"


def _check_data_dir(value: str) -> str | None:
    return None if value else "a directory"


def _check_instance_id(value: str) -> str | None:
    return None if re.fullmatch(r"[\x21-\x7e]{1,128}", value) else "a name without spaces"


CHECKS: dict[str, Callable[[Any], str | None]] = {
    "db": _check_db,
    "valkey": _check_valkey,
    "domain": _check_domain,
    "storage_url": _check_storage_url,
    "trusted_proxies": _check_trusted_proxies,
    "data_dir": _check_data_dir,
    "desk_token": _check_desk_token,
    "instance_id": _check_instance_id,
}
"""Asked about a value that was given, unless it says "not set"."""
