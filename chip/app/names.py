"""Names of hosts are looked up in threads of their own, and none of them holds up the others.

Twisted looks names up in the reactor's ten threads, and waits for them at the end of the process.
A lookup cannot be interrupted, and takes half a minute where no name server answers; whoever asked
has given up long before, and asks again. One such name that many ask for, or ten of them, would
keep everything else from connecting, and Chip from ending.
"""

from collections.abc import Callable, Sequence
from socket import AF_INET, AF_INET6, SOCK_STREAM, getaddrinfo
from threading import Thread
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from twisted.logger import Logger
from zope.interface import implementer

from chip.throttle import LogThrottle

MOST_LOOKUPS: Final = 32
"""Names that are looked up at once, each in a thread."""
MOST_SLOW: Final = 16
"""Slow names among them: the others are left to those that have an answer."""
SLOW: Final = 2.0
"""Seconds after which a name is a slow one, until it has an answer sooner."""

_Addresses = list[IPv4Address | IPv6Address]

_KINDS: Final = {AF_INET: IPv4Address, AF_INET6: IPv6Address}


@implementer(IHostnameResolver)
class NameResolver(Service):
    """The reactor's resolver, from its start to its stop.

    Each name is looked up once at a time, for all who ask. What would be one lookup too many has no
    address, at once. An address is answered at once: the reactor's own would take a thread for it.
    To that one only localhost is left.
    """

    _log = Logger()

    def __init__(self, reactor: Any, look_up: Callable[..., Any] = getaddrinfo) -> None:
        self._reactor = reactor
        self._look_up = look_up
        self._replaced: Any = None
        # Since when a name and port are looked up, and who waits for that.
        self._lookups: dict[tuple[str, int], tuple[float, list[Callable[[_Addresses], None]]]] = {}
        self._slow: set[str] = set()
        self._throttle = LogThrottle(reactor.seconds)

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._replaced = self._reactor.installNameResolver(self)

    def stopService(self) -> None:
        self._reactor.installNameResolver(self._replaced)
        super().stopService()  # type: ignore[no-untyped-call]

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type] | None = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        """See IHostnameResolver."""
        if hostName == "localhost" or transportSemantics != "TCP":
            return self._replaced.resolveHostName(
                resolutionReceiver, hostName, portNumber, addressTypes, transportSemantics
            )

        def tell(addresses: _Addresses) -> None:
            for address in addresses:
                if addressTypes is None or type(address) in addressTypes:
                    resolutionReceiver.addressResolved(address)
            resolutionReceiver.resolutionComplete()

        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        wanted = hostName, portNumber
        if isIPAddress(hostName):
            tell([IPv4Address("TCP", hostName, portNumber)])
        elif isIPv6Address(hostName):
            tell([IPv6Address("TCP", hostName, portNumber)])
        elif wanted in self._lookups:
            self._lookups[wanted][1].append(tell)
        elif self._has_room(hostName) and self._begin(wanted):
            self._lookups[wanted] = self._reactor.seconds(), [tell]
        else:
            if times := self._throttle.times():
                self._log.warn(
                    "a name is not looked up: {names} others wait for an answer",
                    host=hostName,
                    names=len(self._lookups),
                    times=times,
                )
            tell([])
        return resolution

    def _has_room(self, name: str) -> bool:
        if name in self._slow:
            return sum(one in self._slow for one, _ in self._lookups) < MOST_SLOW
        return len(self._lookups) < MOST_LOOKUPS

    def _begin(self, wanted: tuple[str, int]) -> bool:
        # The thread ends with the process, though its lookup does not.
        thread = Thread(target=self._in_thread, args=wanted, name="names", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the machine has no thread to spare
            return False
        return True

    def _in_thread(self, name: str, port: int) -> None:
        try:
            infos = self._look_up(name, port, 0, SOCK_STREAM)
            addresses = [_KINDS[family]("TCP", *place) for family, *_, place in infos]
        except Exception:  # whatever it was: those who wait are told that there is none
            addresses = []
        self._reactor.callFromThread(self._answered, (name, port), addresses)

    def _answered(self, wanted: tuple[str, int], addresses: _Addresses) -> None:
        began, waiting = self._lookups.pop(wanted)
        is_slow = self._reactor.seconds() - began > SLOW
        (self._slow.add if is_slow else self._slow.discard)(wanted[0])
        for tell in waiting:
            tell(addresses)


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """A lookup cannot be interrupted; whoever has asked for it leaves it alone."""
