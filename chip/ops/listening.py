"""What an endpoint description means, and a readable refusal where it is wrong."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import TCP4ServerEndpoint, serverFromString, wrapServerTLS
from twisted.internet.ssl import CertificateOptions

from chip.errors import ConfigError
from chip.ops.certificates import Certificates
from chip.ops.proxy_protocol import ProxiedEndpoint
from chip.ops.tls import NoCertificateError, certificates

MOST_UNACCEPTED: Final = 1024
"""Connections that may wait to be accepted, unless the description says otherwise: Twisted's 50 are
fewer than come at one moment when all visitors come back."""

_PROXY: Final = "haproxy:"
_BEFORE_BACKLOG: Final = {"tcp": 2, "tcp6": 1, "unix": 2, "ssl": 5}
"""How many arguments without a name stand before the backlog, for each kind that has one."""

_COLON: Final = re.compile(r"(?<!\\):")

_Read = Callable[[], CertificateOptions]


class ListenAddress(NamedTuple):
    """Where to listen, an `IStreamServerEndpoint`, and by TLS the certificates to serve with."""

    endpoint: Any
    certificates: Certificates | None


def listen_address(
    reactor: object, setting: str, description: str, tls_ciphers: str
) -> ListenAddress:
    """Return where `description` means, as Twisted reads it.

    ``systemd:domain=INET:name=NAME`` adopts the socket that the socket unit calls NAME. By TLS,
    `tls_ciphers` are offered besides those of TLS 1.3; the PROXY protocol comes before it. Raises
    ConfigError naming `setting` where the description is wrong, there is no such socket, or there
    is no certificate to serve with.
    """
    refusal = partial(_refusal, setting, description)
    plain = description.removeprefix(_PROXY)
    found: Any
    read: _Read | None = None
    with refusal():
        if plain.startswith("tls:"):
            found, read = _tls(reactor, plain, tls_ciphers)
        elif plain.startswith("ssl:"):
            found, read = _ssl(reactor, plain, tls_ciphers)
        else:
            found = _server(reactor, plain)
        if description.startswith(_PROXY):
            found = ProxiedEndpoint(found)
        if read is None:
            return ListenAddress(found, None)
        served: Any = Certificates(refusal()(read))
        return ListenAddress(wrapServerTLS(served, found), served)


@contextmanager
def _refusal(setting: str, description: str) -> Iterator[None]:
    try:
        yield
    except NoCertificateError as error:
        raise ConfigError(f"{setting}: {error}") from None
    except (ValueError, TypeError, AttributeError) as error:
        reason = str(error).rpartition("() ")[2]  # without the name of a function of Twisted's
        raise ConfigError(f"{setting}: not an endpoint that can be used: {reason}") from None
    except (crypto.Error, SSL.Error):
        raise ConfigError(f"{setting}: no certificate with its key in {description}") from None
    except (KeyError, IndexError):
        raise ConfigError(f"{setting}: systemd handed over no such socket") from None
    except OSError as error:  # a certificate that cannot be read
        raise ConfigError(f"{setting}: {error.filename}: {error.strerror}") from None


def _server(reactor: object, description: str) -> Any:
    """Twisted's endpoint, at which more may wait than it would have unless told."""
    kind, *parts = re.split(_COLON, description)
    nameless = sum("=" not in part for part in parts)
    is_told = nameless > _BEFORE_BACKLOG.get(kind, -1)
    if not is_told and not any(part.startswith("backlog=") for part in parts):
        description += f":backlog={MOST_UNACCEPTED}"
    return serverFromString(reactor, description)


def _tls(reactor: object, description: str, ciphers: str) -> tuple[Any, _Read]:
    """``tls:DIRECTORY:port=443:…``. Twisted's own leaves no choice of cipher suites, and turns
    everybody away where there is no certificate."""
    _, *parts = re.split(_COLON, description)
    path = next((part for part in parts if part.startswith("path=")), parts[0])
    parts.remove(path)
    if all(re.match("backlog=|interface=", part) for part in parts):
        parts.append("port=443")
    directory = Path(path.removeprefix("path=").replace("\\:", ":"))
    within = _server(reactor, ":".join(["tcp6", *parts]))
    return within, partial(certificates, directory, ciphers)


def _ssl(reactor: object, description: str, ciphers: str) -> tuple[Any, _Read]:
    """``ssl:443:privateKey=FILE:…``. Twisted's own keeps the certificates that it has read."""

    def read() -> CertificateOptions:
        options: Any = serverFromString(reactor, description)._sslContextFactory
        options.getContext().set_cipher_list(ciphers.encode())
        return cast(CertificateOptions, options)

    own = _server(reactor, description)
    return TCP4ServerEndpoint(reactor, own._port, own._backlog, own._interface), read
