"""TLS as Chip speaks it itself: the certificates of a directory, and the cipher suites.

Owns what a listener ``tls:DIRECTORY`` offers: for each private key in the directory's PEM files its
certificate, chosen by the name that a client asks for, with the certificates that lead to its root.
"""

import re
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from OpenSSL.crypto import X509, PKey
from OpenSSL.SSL import Context, Error
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)

_UNUSABLE = (
    ValueError,
    TypeError,  # it is encrypted
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class NoCertificateError(Exception):
    """There is nothing to serve with; the text says why."""


def certificates(directory: Path, ciphers: str) -> CertificateOptions:
    """What a server with the certificates in `directory` offers. Clients that ask for no name, or
    for one that none has, get the first.

    `ciphers` are those of TLS 1.2, as OpenSSL writes them. Raises OSError where a file cannot be
    read, NoCertificateError where there is no certificate with its key.
    """
    keys, found = _read(directory)
    # Of two certificates for one key, the one that is good for longer.
    found.sort(key=lambda certificate: certificate.not_valid_after_utc)
    of_key = {_public(one): one for one in found}
    of_subject = {one.subject: one for one in found}
    by_name: dict[bytes, CertificateOptions] = {}

    def context_for(name: bytes | None) -> Context | None:
        asked = (name or b"").lower()
        options = by_name.get(asked) or by_name.get(b"*." + asked.partition(b".")[2])
        return options.getContext() if options else None

    all_options = []
    for key in keys:
        certificate = of_key.get(_public(key))
        if certificate is None:
            continue
        options = CertificateOptions(
            privateKey=PKey.from_cryptography_key(key),
            certificate=X509.from_cryptography(certificate),
            extraCertChain=[X509.from_cryptography(one) for one in _above(certificate, of_subject)],
            acceptableCiphers=AcceptableCiphers.fromOpenSSLCipherString(ciphers),
            contextForServerName=context_for,
        )
        _try(options, directory)
        all_options.append(options)
        by_name.update(dict.fromkeys(_names(certificate), options))
    if not all_options:
        raise NoCertificateError(f"no certificate with its key in {directory}/*.pem")
    return all_options[0]


def _try(options: CertificateOptions, directory: Path) -> None:
    """Else it would be known only when somebody connects that OpenSSL thinks a key too small."""
    try:
        options.getContext()
    except Error as error:
        reason = error.args[0][-1][-1] if error.args and error.args[0] else "no reason given"
        raise NoCertificateError(f"a certificate in {directory} cannot be used: {reason}") from None


def _read(directory: Path) -> tuple[list[Any], list[x509.Certificate]]:
    """The private keys and the certificates in the PEM files of a directory."""
    keys: list[Any] = []
    found: list[x509.Certificate] = []
    for path in sorted(directory.rglob("*.pem")):
        for match in _PEM.finditer(path.read_bytes()):
            try:
                if match[1] == b"CERTIFICATE":
                    found.append(_certificate(match[0]))
                elif match[1].endswith(b"PRIVATE KEY"):
                    keys.append(load_pem_private_key(match[0], None))
            except _UNUSABLE:
                what = match[1].decode().lower()
                raise NoCertificateError(f"{path}: the {what} cannot be used") from None
    return keys, found


def _certificate(pem: bytes) -> x509.Certificate:
    certificate = x509.load_pem_x509_certificate(pem)
    # These are read only when they are asked for, and not until then is it known that they can be.
    _public(certificate)
    _names(certificate)
    return certificate


def _public(owner: Any) -> bytes:
    """What a private key and its certificate have in common."""
    key: bytes = owner.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key


def _above(
    certificate: x509.Certificate, of_subject: dict[x509.Name, x509.Certificate]
) -> list[x509.Certificate]:
    """The certificates that lead from this one to its root, as far as they are there."""
    chain = [certificate]
    while (issuer := of_subject.get(chain[-1].issuer)) and issuer not in chain:
        chain.append(issuer)
    return chain[1:]


def _names(certificate: x509.Certificate) -> list[bytes]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.lower().encode() for name in names.get_values_for_type(x509.DNSName)]
