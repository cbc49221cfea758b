"""What an endpoint description means, and a readable refusal where it is wrong."""

import re
from pathlib import Path
from typing import Any, cast

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import serverFromString, wrapServerTLS
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.protocols.haproxy import proxyEndpoint

from chip.errors import ConfigError
from chip.ops.tls import NoCertificateError, certificates

_PROXY = "haproxy:"


def endpoint(
    reactor: object, setting: str, description: str, tls_ciphers: str
) -> IStreamServerEndpoint:
    """Return the endpoint that `description` means, as Twisted reads it.

    ``systemd:domain=INET:name=NAME`` adopts the socket that the socket unit calls NAME. By TLS,
    `tls_ciphers` are offered besides those of TLS 1.3. Raises ConfigError naming `setting` where
    the description is wrong, there is no such socket, or there is no certificate to serve with.
    """
    if description.startswith(_PROXY):
        within = description.removeprefix(_PROXY)
        proxied = proxyEndpoint(endpoint(reactor, setting, within, tls_ciphers))
        return cast(IStreamServerEndpoint, proxied)
    try:
        if description.startswith("tls:"):
            return _tls(reactor, description, tls_ciphers)
        found: Any = serverFromString(reactor, description)
        if description.startswith("ssl:"):
            found._sslContextFactory.getContext().set_cipher_list(tls_ciphers.encode())
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
    return cast(IStreamServerEndpoint, found)


def _tls(reactor: object, description: str, ciphers: str) -> IStreamServerEndpoint:
    """``tls:DIRECTORY:port=443:…``. Twisted's own leaves no choice of cipher suites, and turns
    everybody away where there is no certificate."""
    _, *parts = re.split(r"(?<!\\):", description)
    path = next((part for part in parts if part.startswith("path=")), parts[0])
    parts.remove(path)
    if all(re.match("backlog=|interface=", part) for part in parts):
        parts.append("port=443")
    directory = Path(path.removeprefix("path=").replace("\\:", ":"))
    served: Any = certificates(directory, ciphers)
    return wrapServerTLS(served, serverFromString(reactor, ":".join(["tcp6", *parts])))
