"""The PROXY protocol, versions 1 and 2: a proxy tells whose connection it passes on.

    → PROXY TCP4 203.0.113.5 192.0.2.1 5123 443 CR LF    whose; also TCP6
    → PROXY UNKNOWN … CR LF                              nobody's but the proxy's own
    → signature, command, family, length, addresses, …   version 2, the same in binary
    then whatever the peer says; nothing goes back

As https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt has it in section 2. Twisted's own
closes on UNKNOWN and on a header in several packets, and logs a traceback for a wrong number.
"""

import ipaddress
import re
import struct
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, NamedTuple

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from chip.throttle import LogThrottle

MAX_V1: Final = 107
"""Bytes of a header of version 1, its end included."""
MAX_V2: Final = 4096
"""Bytes of a header of version 2 behind its length. HAProxy asks for 536 to be taken."""

_V1 = re.compile(
    rb"PROXY (?:UNKNOWN(?: .*)?"
    rb"|(?P<family>TCP[46]) (?P<host>[0-9A-Fa-f.:]+) [0-9A-Fa-f.:]+ (?P<port>\d{1,5}) \d{1,5})"
)
_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
_LOCAL, _PROXY = 0x20, 0x21
_FIXED: Final = struct.Struct("!12sBBH")
_TCP: Final = {0x11: struct.Struct("!4s4sHH"), 0x21: struct.Struct("!16s16sHH")}

_Address = IPv4Address | IPv6Address


class ProxyHeader(NamedTuple):
    """`source` is whose connection it is, None for the proxy's own; `size` is in bytes."""

    source: _Address | None
    size: int


def read_header(data: bytes) -> ProxyHeader | None:
    """The header at the beginning of `data`, or None while it is not whole. Raises ValueError where
    there is none."""
    if _V2.startswith(data[: len(_V2)]):
        return _read_v2(data)
    end = data.find(b"\r\n", 0, MAX_V1)
    if end < 0 and b"PROXY ".startswith(data[:6]) and len(data) < MAX_V1:
        return None
    match = _V1.fullmatch(data[: max(end, 0)])
    if match is None:
        raise ValueError("no header of the PROXY protocol")
    size = end + len(b"\r\n")
    if match["family"] is None:
        return ProxyHeader(None, size)
    kind = ipaddress.IPv4Address if match["family"] == b"TCP4" else ipaddress.IPv6Address
    return ProxyHeader(_address(kind(match["host"].decode()), int(match["port"])), size)


def _read_v2(data: bytes) -> ProxyHeader | None:
    if len(data) < _FIXED.size:
        return None
    _, command, family, length = _FIXED.unpack_from(data)
    if command not in (_LOCAL, _PROXY) or length > MAX_V2:
        raise ValueError("no command of the PROXY protocol")
    size = _FIXED.size + length
    if len(data) < size:
        return None
    addresses = _TCP.get(family)
    if command == _LOCAL or addresses is None:
        return ProxyHeader(None, size)
    if length < addresses.size:
        raise ValueError("an address is missing")
    source, _, port, _ = addresses.unpack_from(data, _FIXED.size)
    return ProxyHeader(_address(ipaddress.ip_address(source), port), size)


def _address(host: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> _Address:
    kind = IPv4Address if host.version == 4 else IPv6Address
    return kind("TCP", str(host), port)


class ProxiedEndpoint:
    """An `IStreamServerEndpoint` whose connections begin with the PROXY protocol."""

    def __init__(self, within: Any) -> None:
        self._within = within

    def listen(self, factory: Any) -> Any:
        """Listen, with `factory` for what comes behind the header."""
        return self._within.listen(ProxiedFactory(factory))


class ProxiedFactory(WrappingFactory["_Proxied"]):
    """Connections that begin with the PROXY protocol; `seconds` tells the time."""

    noisy = False
    _log = Logger()

    def __init__(self, factory: Any, seconds: Callable[[], float] = monotonic) -> None:
        super().__init__(factory)  # type: ignore[no-untyped-call]
        self.protocol = _Proxied
        self._throttle = LogThrottle(seconds)

    def refused(self, proxy: Any) -> None:
        """`proxy` has sent no header."""
        if times := self._throttle.times():
            self._log.warn(
                "{times} connections were closed: they did not begin with the PROXY protocol"
                " (the last one from {address})",
                times=times,
                address=getattr(proxy, "host", "a Unix socket"),
            )


class _Proxied(ProtocolWrapper):
    factory: ProxiedFactory
    transport: Any
    wrappedProtocol: Any
    _head: bytes | None = b""  # until it is whole
    _source: _Address | None = None

    def dataReceived(self, data: bytes) -> None:
        if self._head is None:
            self.wrappedProtocol.dataReceived(data)
            return
        self._head += data
        try:
            header = read_header(self._head)
        except ValueError:
            self._head = b""
            self.factory.refused(self.transport.getPeer())
            self.transport.loseConnection()
            return
        if header is not None:
            behind, self._head = self._head[header.size :], None
            self._source = header.source
            if behind:
                self.wrappedProtocol.dataReceived(behind)

    def getPeer(self) -> Any:
        return self._source or self.transport.getPeer()
