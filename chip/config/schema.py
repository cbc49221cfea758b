"""The settings of Chip, each declared in one place.

A field's annotation says its type, section, description, check and what of it is secret; the flags,
the names in the environment, ``--help`` and the tables in ``docs/operating.md`` are made of that.
This module reads no values (`chip.config.sources` does), and does not know who uses them.
"""

import socket
from functools import partial
from typing import Annotated, Literal

import msgspec

from chip.config import checks
from chip.config.origins import parse_allowed_origins
from chip.config.reach import is_loopback_only, local_url
from chip.limits import About, Limits

DEFAULT_OPS_PORT = 8071

UNUSED = "Accepted and unused"
"""The section of settings that the original server has and Chip does not use."""

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

listening = partial(About, "Listening")
rapidpro = partial(About, "RapidPro")
embedded = partial(About, "Embedded mode")
operators = partial(About, "Logs and operators")
limits_at_all = partial(About, "Limits")
unused = partial(About, UNUSED, "accepted and unused")


class Config(Limits, frozen=True, kw_only=True):
    """Every setting, and every limit of `chip.limits` under its own name.

    An empty string means "not set". Construct it through `chip.config.sources.load`, which also
    checks.
    """

    address: Annotated[str, listening("host or address to listen on; empty for all")] = "localhost"
    port: Annotated[Port, listening("TCP port to listen on")] = 8070
    listen: Annotated[
        str, listening("Twisted endpoint to listen on instead of address and port; backlog: 1024")
    ] = ""
    public_url: Annotated[
        str,
        listening(
            "how browsers reach Chip, for links to it; unset: by what it listens on",
            check=checks.public_url,
        ),
    ] = ""
    tls_ciphers: Annotated[
        str,
        listening("cipher suites of TLS 1.2 where Chip speaks TLS itself", check=checks.ciphers),
    ] = "ECDHE+AESGCM:ECDHE+CHACHA20"
    allowed_origins: Annotated[
        tuple[str, ...],
        listening("websites that may open chats", check=parse_allowed_origins),
    ] = ("*",)
    trusted_proxies: Annotated[
        tuple[str, ...],
        listening("peers whose X-Forwarded-For is believed", check=checks.proxies),
    ] = ("127.0.0.0/8", "::1", "unix")

    db: Annotated[
        str,
        rapidpro(
            "RapidPro's PostgreSQL, as a URL; unset: the embedded store",
            check=checks.database_url,
            secret=checks.passwords,
        ),
    ] = ""
    valkey: Annotated[
        str,
        rapidpro(
            "Valkey or Redis, as a URL; unset: the embedded queues",
            check=checks.valkey_url,
            secret=checks.passwords,
        ),
    ] = ""
    valkey_replicas: Annotated[
        int,
        msgspec.Meta(ge=0, le=5),
        rapidpro("how many replicas must have what was stored before it counts"),
    ] = 0
    valkey_ca_file: Annotated[
        str, rapidpro("authorities for Valkey's certificate, in PEM; unset: the machine's")
    ] = ""
    valkey_cert_file: Annotated[
        str, rapidpro("the certificate that Chip shows Valkey, in PEM, with its chain")
    ] = ""
    valkey_key_file: Annotated[str, rapidpro("the key of valkey_cert_file, in PEM")] = ""
    domain: Annotated[str, rapidpro("Courier's host, or host:port", check=checks.domain)] = (
        "localhost"
    )
    ssl: Annotated[bool, rapidpro("speak https to Courier")] = False
    external_ids: Annotated[
        tuple[str, ...],
        rapidpro(
            "public ids of External channels that are not to be computed: ID=CHANNEL",
            check=checks.external_ids,
            secret=checks.external_uuids,
        ),
    ] = ()
    storage_url: Annotated[
        str, rapidpro("what avatar paths are appended to", check=checks.storage_url)
    ] = "http://localhost/media/"

    data_dir: Annotated[
        str, embedded("directory of the embedded store and queues", check=checks.directory)
    ] = "chip-data"
    desk_token: Annotated[
        str,
        embedded(
            "fixed token for the desk; unset: a new one at each start",
            check=checks.desk_token,
            secret=checks.whole,
        ),
    ] = ""
    desk_guide: Annotated[
        bool, embedded("let the guide answer on the front page while nobody is at the desk")
    ] = True

    ops_listen: Annotated[
        str,
        operators(
            'endpoint for health and metrics, or "off"; unset: loopback, port + 1',
            check=checks.endpoint_or_off,
        ),
    ] = ""
    ops_hosts: Annotated[
        tuple[str, ...],
        operators(
            'names with dots by which /metrics and /status are asked for; "*" for any',
            check=checks.host_names,
        ),
    ] = ()
    instance_id: Annotated[
        str,
        operators(
            "names this process in logs and status; unset: the host's name",
            check=checks.process_name,
        ),
    ] = msgspec.field(default_factory=socket.gethostname)
    log_level: Annotated[
        Literal["debug", "info", "warn", "error"],
        operators("what is logged: this and what is worse"),
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"], operators("one line of text or one JSON object per event")
    ] = "text"
    sentry_dsn: Annotated[
        str, operators("report errors to this Sentry project", secret=checks.whole)
    ] = ""

    limits: Annotated[
        Literal["on", "off"], limits_at_all("off lifts every rate and every cap per address")
    ] = "on"

    aws_access_key_id: Annotated[str, unused()] = ""
    aws_secret_access_key: Annotated[str, unused(secret=checks.whole)] = ""
    aws_region: Annotated[str, unused()] = ""
    cloudwatch_namespace: Annotated[str, unused()] = ""
    deployment_id: Annotated[str, unused()] = ""
    version: Annotated[str, unused()] = ""

    @property
    def endpoint(self) -> str:
        """The public listener as a Twisted endpoint description."""
        if self.listen:
            return self.listen
        address = self.address.strip("[]").replace(":", r"\:")
        return f"tcp:{self.port}:interface={address}"

    @property
    def url(self) -> str:
        """How browsers reach Chip, as far as it is known: `public_url`, else how one on this
        machine does; ``""`` where neither is known."""
        return self.public_url or local_url(self.endpoint)

    @property
    def own_origin(self) -> str:
        """The origin of Chip's own pages, as far as it is known."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}" if rest else ""

    @property
    def is_this_machines_alone(self) -> bool:
        """Whether nobody else reaches Chip: it listens on loopback, and no URL says otherwise."""
        return is_loopback_only(self.endpoint) and not self.public_url

    @property
    def external_uuids(self) -> dict[str, str]:
        """The External channels whose public ids were chosen, by these ids."""
        return dict(entry.split("=") for entry in self.external_ids)

    @property
    def ops_endpoint(self) -> str:
        """The operators' listener as an endpoint description, ``""`` when there is to be none.

        Unless set it is on loopback, on the port after the public one. Where that port is taken
        Chip starts without the listener: see `ops_required`.
        """
        if self.ops_listen:
            return "" if self.ops_listen == "off" else self.ops_listen
        port = DEFAULT_OPS_PORT if self.listen or self.port == 65535 else self.port + 1
        return f"tcp:{port}:interface=127.0.0.1"

    @property
    def ops_required(self) -> bool:
        """Whether the operators' listener is set, so that a start must fail without it."""
        return self.ops_listen not in ("", "off")

    @property
    def limits_in_force(self) -> Limits:
        """The limits alone, without rates where ``limits`` is off."""
        limits = Limits(**{name: getattr(self, name) for name in Limits.__struct_fields__})
        return limits.without_rates() if self.limits == "off" else limits

    def secret_values(self) -> frozenset[str]:
        """What must never be printed: tokens, and the passwords within URLs."""
        found: set[str] = set()
        for name, about in ABOUT_SETTINGS.items():
            if about.secret:
                found |= about.secret(getattr(self, name))
        return frozenset(found - {""})

    def __repr__(self) -> str:
        shown = (
            f"{name}={'***' if ABOUT_SETTINGS[name].secret and value else repr(value)}"
            for name, value in msgspec.structs.asdict(self).items()
        )
        return f"Config({', '.join(shown)})"


ABOUT_SETTINGS: dict[str, About] = {
    field.name: next(part for part in field.type.__metadata__ if isinstance(part, About))
    for field in msgspec.structs.fields(Config)
}
"""What the annotations say of each setting."""
