"""The certificates of a listener, which may change while it listens."""

from collections.abc import Callable
from typing import Any

from OpenSSL.SSL import Connection
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions
from zope.interface import implementer


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """Makes the server's side of TLS connections, with what `read` returned last."""

    def __init__(self, read: Callable[[], CertificateOptions]) -> None:
        self._read = read
        self._served = read()

    def read_again(self) -> None:
        """Serve new connections with what the files hold now. Raises ConfigError, and goes on with
        the old ones, where they cannot be used."""
        self._served = self._read()

    def serverConnectionForTLS(self, protocol: Any) -> Connection:
        """A connection with the certificates as they are now; part of Twisted's interface."""
        return Connection(self._served.getContext(), None)
