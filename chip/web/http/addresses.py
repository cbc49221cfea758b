"""Who a peer is, for the limits that count per address.

Pure functions over a transport's peer and ``X-Forwarded-For``. A header is believed only when it
comes from a proxy that the operator trusts; anybody can send one.
"""

import ipaddress
from collections.abc import Iterable, Sequence

from twisted.internet.address import UNIXAddress

UNIX = "unix"
"""The entry of `trusted_proxies` that stands for every peer on a Unix socket."""

UNKNOWN = "unknown"
"""Every peer that has no address."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_V6_PREFIX = 64


class Addresses:
    """Tells addresses apart, given the networks of the trusted proxies (and "unix")."""

    def __init__(self, trusted: Iterable[str]) -> None:
        entries = set(trusted)
        self._trusts_unix = UNIX in entries
        self._networks = [
            ipaddress.ip_network(entry, strict=False) for entry in entries if entry != UNIX
        ]

    def of(self, peer: object, forwarded: Sequence[bytes]) -> str:
        """What the peer's limits count by; ``""`` when it is exempt from them.

        `forwarded` holds the values of the request's ``X-Forwarded-For`` headers. The right-most
        entry that is no trusted proxy counts. An entry that is no address, an empty one too, counts
        as whichever proxy has written it. A trusted peer without such a header, or with trusted
        proxies in it alone, is exempt, for there is no telling how many visitors stand behind it.
        IPv6 counts by /64, which is what one household gets.
        """
        if isinstance(peer, UNIXAddress):
            nearest, is_trusted = UNIX, self._trusts_unix
        else:
            address = _parse(getattr(peer, "host", ""))
            if address is None:
                return UNKNOWN
            nearest, is_trusted = _key(address), self._trusts(address)
        if not is_trusted:
            return nearest
        for entry in reversed(b",".join(forwarded).split(b",") if forwarded else []):
            address = _parse(entry.strip(b" \t").decode("latin-1"))
            if address is None:
                return nearest
            nearest = _key(address)
            if not self._trusts(address):
                return nearest
        return ""

    def trusts(self, peer: object) -> bool:
        """Whether the peer is a trusted proxy."""
        if isinstance(peer, UNIXAddress):
            return self._trusts_unix
        address = _parse(getattr(peer, "host", ""))
        return address is not None and self._trusts(address)

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)


def _parse(text: str) -> _Address | None:
    """The address in ``192.0.2.1``, ``192.0.2.1:80``, ``2001:db8::1`` or ``[2001:db8::1]:80``."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        # A zone ("fe80::1%eth0") names an interface of this machine, not another peer.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address


def _key(address: _Address) -> str:
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _V6_PREFIX), strict=False))
