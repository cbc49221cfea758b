"""What an endpoint description means, and a readable refusal where it is wrong."""

import re
from pathlib import Path

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

from chip.errors import ConfigError


def endpoint(reactor: object, setting: str, description: str) -> IStreamServerEndpoint:
    """Return the endpoint that `description` means, as Twisted reads it.

    ``systemd:domain=INET:name=NAME`` adopts the socket that the socket unit calls NAME. Raises
    ConfigError naming `setting` where the description is wrong, there is no such socket, or there
    is no certificate to serve with.
    """
    if description.startswith("tls:"):
        _look_for_certificates(setting, description)
    try:
        found: IStreamServerEndpoint = serverFromString(reactor, description)
    except (ValueError, TypeError, AttributeError) as error:
        reason = str(error).rpartition("() ")[2]  # without the name of a function of Twisted's
        raise ConfigError(f"{setting}: not an endpoint that can be used: {reason}") from None
    except (crypto.Error, SSL.Error):
        raise ConfigError(f"{setting}: no certificate with its key in {description}") from None
    except (KeyError, IndexError):
        raise ConfigError(f"{setting}: systemd handed over no such socket") from None
    except OSError as error:  # a certificate that cannot be read
        raise ConfigError(f"{setting}: {error.filename}: {error.strerror}") from None
    return found


def _look_for_certificates(setting: str, description: str) -> None:
    """Twisted takes a directory without certificates, and would turn everybody away."""
    directory = re.split(r"(?<!\\):", description)[1].removeprefix("path=").replace("\\:", ":")
    try:
        pems = [path.read_text("latin-1") for path in sorted(Path(directory).rglob("*.pem"))]
    except OSError as error:
        raise ConfigError(f"{setting}: {error.filename}: {error.strerror}") from None
    if not any("PRIVATE KEY" in pem for pem in pems) or not any("CERTIFICATE" in p for p in pems):
        raise ConfigError(f"{setting}: no certificate with its key in {directory}/*.pem")
