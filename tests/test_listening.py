"""What is made of a description of where to listen."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.internet.protocol import Factory

from chip.config.schema import Config
from chip.ops.listening import MOST_UNACCEPTED, listen_address
from tests.support.certificates import Certificates

# Twisted's own use of pyOpenSSL.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")


@pytest.fixture
def backlog(tmp_path):
    """How many connections may wait at a listener that is described like this."""
    made = Certificates(tmp_path)
    pem = tmp_path / "served" / "chip.pem"
    pem.parent.mkdir()
    pem.write_text(made.key.read_text() + made.certificate.read_text())
    found = []

    def listen(*_, backlog, **__):
        found.append(backlog)

    reactor = SimpleNamespace(listenTCP=listen, listenUNIX=listen)

    def of(description):
        keys = f"privateKey={made.key}:certKey={made.certificate}"
        told = description.format(directory=pem.parent, keys=keys)
        listen_address(reactor, "listen", told, Config().tls_ciphers).endpoint.listen(Factory())
        return found.pop()

    return of


@pytest.mark.parametrize(
    "description",
    [
        Config().endpoint,
        Config().ops_endpoint,
        "tcp:8070",
        "tcp:8070:127.0.0.1",
        "tcp6:8070:interface=\\:\\:1",
        "haproxy:tcp:8070",
        "unix:/run/chip/chip.sock:mode=666",
        "haproxy:unix:/run/chip/chip.sock",
        "ssl:443:{keys}",
        "haproxy:ssl:443:{keys}",
        "tls:{directory}",
        "tls:{directory}:8443",
        "haproxy:tls:{directory}:port=443",
    ],
)
def test_a_thousand_may_come_at_one_moment_unless_said_otherwise(backlog, description):
    assert MOST_UNACCEPTED == 1024
    assert backlog(description) == MOST_UNACCEPTED


@pytest.mark.parametrize(
    "description",
    [
        "tcp:8070:backlog=7",
        "tcp:8070:127.0.0.1:7",
        "tcp6:8070:7",
        "haproxy:tcp:8070:backlog=7",
        "unix:/run/chip/chip.sock:backlog=7",
        "unix:/run/chip/chip.sock:660:7",
        "ssl:443:{keys}:backlog=7",
        "tls:{directory}:backlog=7",
        "tls:{directory}:8443:7",
    ],
)
def test_what_the_description_says_counts(backlog, description):
    assert backlog(description) == 7
