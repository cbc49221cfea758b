"""A certificate authority for one test directory, and a server certificate for localhost."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)
_SIGNS_CERTIFICATES = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


class Certificates:
    """PEM files in a directory: `authority`, `certificate`, `key` and both of these, `bundle`.

    The key is of an elliptic curve, or `rsa`.
    """

    def __init__(self, directory: Path, name: str = "localhost", *, rsa: bool = False) -> None:
        self.authority = directory / "ca.pem"
        self.certificate = directory / "server.pem"
        self.key = directory / "server.key"
        self.bundle = directory / "bundle.pem"

        authority_key = ec.generate_private_key(ec.SECP256R1())
        issuer = f"Chip's tests of {name}"
        authority = _build(issuer, issuer, authority_key.public_key(), authority_key, ca=True)
        key = generate_rsa_key(65537, 2048) if rsa else ec.generate_private_key(ec.SECP256R1())
        certificate = _build(name, issuer, key.public_key(), authority_key, ca=False)

        pem = serialization.Encoding.PEM
        self.authority.write_bytes(authority.public_bytes(pem))
        self.certificate.write_bytes(certificate.public_bytes(pem))
        self.key.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        self.bundle.write_bytes(self.key.read_bytes() + self.certificate.read_bytes())


def _build(
    subject: str,
    issuer: str,
    public_key: ec.EllipticCurvePublicKey | RSAPublicKey,
    signing_key: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 30 * _DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    # Python 3.13 wants both: how a certificate finds the one that it is signed with.
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    builder = builder.add_extension(above, critical=False)
    own = x509.SubjectKeyIdentifier.from_public_key(public_key)
    builder = builder.add_extension(own, critical=False)
    if ca:
        builder = builder.add_extension(_SIGNS_CERTIFICATES, critical=True)
    else:
        names = [x509.DNSName(subject), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signing_key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
