"""The authority that signed Valkey's certificate, and the certificate that Chip shows it.

The files are read at every connect, so that what was renewed is used without a restart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL.crypto import X509
from twisted.internet import ssl

from chip.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Names of PEM files, each ``""`` for none: authorities to trust instead of the system's, and
    a certificate, followed by those between it and its authority, and its key."""

    authorities: str = ""
    certificate: str = ""
    key: str = ""

    def options(self, host: str) -> Any:
        """What TLS to this host needs. Raises ConfigError."""
        root = None
        if self.authorities:
            found = _read("valkey_ca_file", self.authorities, load_pem_x509_certificates)
            authorities = [ssl.Certificate(X509.from_cryptography(one)) for one in found]
            root = ssl.trustRootFromCertificates(authorities)
        return ssl.optionsForClientTLS(host, root, extraCertificateOptions=self._own())

    def _own(self) -> dict[str, Any]:
        if not self.certificate:
            return {}
        own, *others = _read("valkey_cert_file", self.certificate, load_pem_x509_certificates)
        key: Any = _read("valkey_key_file", self.key, lambda pem: load_pem_private_key(pem, None))
        if key.public_key() != own.public_key():
            raise ConfigError("valkey_key_file: is not the key of the certificate")
        return {
            "certificate": own,
            "privateKey": key,
            "extraCertChain": others,
        }


def _read(setting: str, name: str, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(Path(name).read_bytes())
    except OSError as error:
        raise ConfigError(f"{setting}: {name}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(f"{setting}: {name}: expected PEM, without a passphrase") from None
