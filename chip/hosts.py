"""Hosts that Chip connects to: which texts name one, and how it is reached.

Names are those that a resolver takes, not only those that one could register: containers are called
``courier_1``. Only a certificate cannot name such a host.
"""

import re
from ipaddress import ip_address
from typing import Final

from hyperlink import URL
from twisted.internet.endpoints import HostnameEndpoint

_NAME: Final = re.compile(r"(?!.{254})[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)


def ascii_host(host: str, *, tls: bool = False) -> str:
    """A name or an address, without brackets, as it goes over the wire. Raises ValueError for what
    is neither, and for a name that cannot be reached by `tls`."""
    if _is_address(host):
        return host
    name = host if host.isascii() else _by_idna(host)
    if not _NAME.fullmatch(name):
        raise ValueError("expected the name or the address of a host")
    if tls and not _by_idna(name):
        raise ValueError("a certificate cannot name this host: expected no underscore, for one")
    return name


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _by_idna(name: str) -> str:
    """An international name in ASCII; ``""`` for what is none."""
    try:
        return URL(scheme="https", host=name).to_uri().host
    except ValueError:
        return ""


class HostEndpoint(HostnameEndpoint):
    """Connects to a host that `ascii_host` has returned. Twisted's own refuses each name that IDNA
    does not allow, though it is no international one."""

    @staticmethod
    def _hostAsBytesAndText(host: bytes | str) -> tuple[bool, bytes, str]:
        text = host if isinstance(host, str) else host.decode("ascii")
        return False, text.encode("ascii"), text
