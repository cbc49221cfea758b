"""Who reaches a listener, and how: what its description says, without listening.

tcp:8070:interface=127.0.0.1    this machine alone, at http://127.0.0.1:8070
tcp:8070                        whoever reaches this machine; from here, http://localhost:8070
tls:/etc/chip:port=443          the same by TLS, https://localhost
haproxy:tcp:8070:…              a proxy, and whoever reaches that: the URL is the proxy's
unix:…, systemd:…               a proxy, or nobody knows
"""

import ipaddress
import re
import socket
from typing import Final, NamedTuple

_EVERYWHERE: Final = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
_SCHEMES: Final = {"tcp": "http", "tcp6": "http", "ssl": "https", "tls": "https"}
_OWN_PORTS: Final = {"http": "80", "https": "443"}


class _Listener(NamedTuple):
    scheme: str
    port: str
    interface: str


def is_loopback_only(description: str) -> bool:
    """Whether nobody but this machine reaches the listener that an endpoint description means.

    A name counts by what it leads to now, as it does for whoever listens. Where that is not known,
    the answer is no.
    """
    listener = _read(description)
    if listener is None or not listener.interface:
        return False
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(listener.interface, None)}
        return all(ipaddress.ip_address(address).is_loopback for address in found)
    except (OSError, ValueError):
        return False


def local_url(description: str) -> str:
    """The URL of such a listener for a browser on this machine; ``""`` where it has none."""
    listener = _read(description)
    if listener is None:
        return ""
    scheme, port, host = listener
    host = "localhost" if host in _EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" + (f":{port}" if port != _OWN_PORTS[scheme] else "")


def _read(description: str) -> _Listener | None:
    """What Twisted would make of a description of TCP, with TLS or without."""
    kind, *parts = re.split(r"(?<!\\):", description)
    if kind not in _SCHEMES:
        return None
    named, in_order = {}, []
    for part in parts:
        name, is_named, value = part.partition("=")
        if is_named and name.isalpha():
            named[name] = re.sub(r"\\(.)", r"\1", value)
        else:
            in_order.append(re.sub(r"\\(.)", r"\1", part))
    if kind == "tls" and in_order and "path" not in named:
        del in_order[0]
    order = ("port",) if kind == "ssl" else ("port", "interface")
    named = dict(zip(order, in_order, strict=False)) | named
    port = named.get("port", "443" if kind == "tls" else "")
    return _Listener(_SCHEMES[kind], port, named.get("interface", ""))
