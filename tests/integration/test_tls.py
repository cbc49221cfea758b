"""TLS as Chip speaks it itself: real handshakes with clients old and new."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_twisted
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread

from chip.config.schema import Config
from chip.errors import ConfigError
from chip.ops.listening import listen_address
from tests.support.certificates import Certificates
from tests.support.web import FakeChatServer, build_site, request

# Twisted's own use of pyOpenSSL.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:X509:DeprecationWarning"),
    pytest.mark.private_parts,
]

USUAL = Config().tls_ciphers
MODERN = [
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
]
OLD = [
    "AES128-GCM-SHA256:AES256-GCM-SHA384",  # RSA key exchange
    "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:AES128-SHA",  # SHA-1 and CBC
    "ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384:AES128-SHA256",  # CBC
]


class Met(NamedTuple):
    """What a client finds at a listener."""

    suite: str
    names: set[str]
    answer: str


class Listener:
    """A site on an endpoint, and clients that trust one authority."""

    def __init__(self, description: str, authority: Path, ciphers: str) -> None:
        self._endpoint: Any = listen_address(reactor, "listen", description, ciphers).endpoint
        self._authority = authority

    async def start(self) -> None:
        self._site = build_site(FakeChatServer(), reactor)
        self._port = await self._endpoint.listen(self._site)

    async def stop(self) -> None:
        await self._port.stopListening()
        await self._site.drain(0.1)

    async def meets(
        self,
        suites: str = "",
        name: str = "localhost",
        before: bytes = b"",
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    ) -> Met:
        """Let a client come that offers these suites of this version, or whatever is usual."""
        return await deferToThread(self._meets, suites, name, before, version)

    def _meets(self, suites: str, name: str, before: bytes, version: ssl.TLSVersion) -> Met:
        client = ssl.create_default_context(cafile=self._authority)
        client.check_hostname = False
        if suites:
            client.minimum_version = client.maximum_version = version
            client.set_ciphers(f"{suites}:@SECLEVEL=0")
        address = "127.0.0.1", self._port.getHost().port
        with socket.create_connection(address, timeout=10) as plain:
            plain.sendall(before)
            with client.wrap_socket(plain, server_hostname=name) as sock:
                sock.sendall(request("/"))
                names = {text for kind, text in sock.getpeercert()["subjectAltName"]}
                return Met(sock.cipher()[0], names, sock.recv(4000).decode())


@pytest.fixture
def served(tmp_path):
    """A directory with a certificate for localhost and its key, which is for RSA."""
    directory = tmp_path / "served"
    directory.mkdir()
    made = Certificates(tmp_path, rsa=True)
    (directory / "localhost.pem").write_bytes(made.bundle.read_bytes())
    return directory


@pytest.fixture
def listen(tmp_path):
    """Start a listener on a description; stop it afterwards."""
    started: list[Listener] = []

    async def start(description: str, ciphers: str = USUAL) -> Listener:
        listener = Listener(description, tmp_path / "ca.pem", ciphers)
        await listener.start()
        started.append(listener)
        return listener

    yield start
    for listener in started:
        pytest_twisted.blockon(ensureDeferred(listener.stop()))


def where(served: Path) -> dict[str, str]:
    """What listens there, by kind."""
    return {
        "tls": f"tls:{served}:port=0:interface=127.0.0.1",
        "ssl": f"ssl:0:interface=127.0.0.1:privateKey={served}/localhost.pem",
    }


@pytest.mark.parametrize("kind", ["tls", "ssl"])
@pytest_twisted.ensureDeferred
async def test_modern_cipher_suites_are_taken_and_old_ones_refused(listen, served, kind):
    listener = await listen(where(served)[kind])
    assert (await listener.meets()).suite.startswith("TLS_")
    for suite in MODERN:
        assert (await listener.meets(suite)).suite == suite
    for suites in OLD:
        with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
            await listener.meets(suites)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
@pytest.mark.parametrize("kind", ["tls", "ssl"])
@pytest_twisted.ensureDeferred
async def test_tls_1_1_is_refused_whatever_suites_are_served(listen, served, kind):
    listener = await listen(where(served)[kind], "ALL:@SECLEVEL=0")
    assert await listener.meets("ALL")
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        await listener.meets("ALL", version=ssl.TLSVersion.TLSv1_1)


@pytest_twisted.ensureDeferred
async def test_other_cipher_suites_are_a_setting(listen, served):
    listener = await listen(f"tls:{served}:port=0:interface=127.0.0.1", "AES128-SHA256")
    assert (await listener.meets("AES128-SHA256")).suite == "AES128-SHA256"
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
        await listener.meets(MODERN[0])


@pytest_twisted.ensureDeferred
async def test_browsers_are_told_to_come_back_by_tls_only(listen, served):
    listener = await listen(f"tls:{served}:port=0:interface=127.0.0.1")
    answer = (await listener.meets()).answer
    assert "\r\nStrict-Transport-Security: max-age=15552000\r\n" in answer


@pytest_twisted.ensureDeferred
async def test_the_certificate_is_the_one_for_the_name_that_is_asked_for(listen, served, tmp_path):
    trusted = (tmp_path / "ca.pem").read_bytes()
    for name in ("*.example.org", "chat.example.net"):
        other = tmp_path / name.strip("*.")
        other.mkdir()
        made = Certificates(other, name)
        (served / f"{name.strip('*.')}.pem").write_bytes(made.bundle.read_bytes())
        trusted += made.authority.read_bytes()
    (tmp_path / "ca.pem").write_bytes(trusted)
    listener = await listen(f"tls:{served}:port=0:interface=127.0.0.1")
    for asked, name in {
        "localhost": "localhost",
        "chat.example.net": "chat.example.net",
        "CHAT.example.org": "*.example.org",
    }.items():
        assert name in (await listener.meets(name=asked)).names
    assert (await listener.meets(name="elsewhere.example")).suite


@pytest.mark.parametrize("kind", ["tls", "ssl"])
@pytest_twisted.ensureDeferred
async def test_the_proxy_protocol_goes_before_tls(listen, served, kind):
    listener = await listen(f"haproxy:{where(served)[kind]}")
    proxy = b"PROXY TCP4 203.0.113.5 192.0.2.1 5123 443\r\n"
    assert "200 OK" in (await listener.meets(MODERN[0], before=proxy)).answer


def refusal(description: str) -> str:
    with pytest.raises(ConfigError) as refused:
        listen_address(reactor, "listen", description, USUAL)
    return str(refused.value)


def test_a_directory_that_cannot_be_served_from_is_refused_with_a_word(served):
    pem = served / "localhost.pem"
    assert refusal("tls:/no/such/place") == (
        "listen: no certificate with its key in /no/such/place/*.pem"
    )
    key = load_pem_private_key(pem.read_bytes(), None)
    certificate = pem.read_bytes().partition(b"-----BEGIN CERTIFICATE")[2]
    pem.write_bytes(b"-----BEGIN CERTIFICATE" + certificate)
    assert refusal(f"tls:{served}") == f"listen: no certificate with its key in {served}/*.pem"
    locked = BestAvailableEncryption(b"sesame")
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    assert refusal(f"tls:{served}") == f"listen: {pem}: the encrypted private key cannot be used"


def test_a_key_that_openssl_takes_for_too_small_is_refused_before_anybody_comes(tmp_path):
    place = tmp_path / "served"
    place.mkdir()
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:512", "-nodes", "-subj", "/CN=localhost"),
            *("-keyout", place / "key.pem", "-out", place / "certificate.pem"),
        ],
        check=True,
        capture_output=True,
    )
    assert refusal(f"tls:{place}") == (
        f"listen: a certificate in {place} cannot be used: ee key too small"
    )


P256, AN_UNKNOWN_CURVE = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030105")
SUBJECT_KEY, AUTHORITY_KEY = bytes.fromhex("551d0e"), bytes.fromhex("551d23")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("server.key", P256, AN_UNKNOWN_CURVE),
        ("server.pem", P256, AN_UNKNOWN_CURVE),
        ("server.pem", SUBJECT_KEY, AUTHORITY_KEY),
    ],
    ids=["a key of an unknown kind", "a certificate of one", "an extension that is there twice"],
)
def test_what_nobody_knows_how_to_use_is_refused_by_its_name(tmp_path, file, old, new):
    Certificates(tmp_path)
    place = tmp_path / "served"
    place.mkdir()
    pem = place / "a.pem"
    kind = "CERTIFICATE" if file == "server.pem" else "PRIVATE KEY"
    _, first, text, last, _ = re.split(r"(-----.*?-----)", (tmp_path / file).read_text())
    changed = b64encode(b64decode(text).replace(old, new)).decode()
    pem.write_text(f"{first}\n{changed}\n{last}\n")
    assert refusal(f"tls:{place}") == f"listen: {pem}: the {kind.lower()} cannot be used"
