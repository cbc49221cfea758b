"""The certificates of a listener, which may change while it listens.

Twisted reads those of `ssl:` once, and keeps those of `tls:` that it has served.
"""

from collections.abc import Callable
from typing import Any

from OpenSSL.SSL import Connection
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """Stands before what an endpoint serves its certificates with; `read` makes such an endpoint.

    Without TLS there is nothing to read again.
    """

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read
        self.endpoint = read()
        self._served = vars(self.endpoint).get(_place(self.endpoint))
        if self._served is not None:
            setattr(self.endpoint, _place(self.endpoint), self)

    def read_again(self) -> None:
        """Serve new connections with what the files hold now. Raises ConfigError, and goes on with
        the old ones, where they cannot be used."""
        if self._served is not None:
            fresh = self._read()
            self._served = vars(fresh)[_place(fresh)]

    def serverConnectionForTLS(self, protocol: Any) -> Any:
        """A connection with the certificates as they are now; part of Twisted's interface."""
        served: Any = self._served
        if hasattr(served, "serverConnectionForTLS"):
            return served.serverConnectionForTLS(protocol)
        return Connection(served.getContext(), None)


def _place(endpoint: object) -> str:
    return "connectionCreator" if hasattr(endpoint, "connectionCreator") else "_sslContextFactory"
