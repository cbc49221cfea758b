"""What systemd hears, on a real datagram socket, and the sockets it hands over."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.task import Clock

from chip.config.schema import Config
from chip.errors import ConfigError
from chip.ops.listening import listen_address
from chip.ops.systemd import Notifier, WatchdogService
from tests.support.process import free_port


class Manager:
    """systemd's end of the datagram socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(10)

    def hears(self) -> str:
        return self.socket.recv(4096).decode()

    def hears_nothing(self) -> bool:
        self.socket.setblocking(False)
        try:
            return not self.socket.recv(4096)
        except BlockingIOError:
            return True


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.fixture
def manager(path: str):
    manager = Manager(path)
    yield manager
    manager.socket.close()


@pytest.fixture
def notifier_for():
    """Make a notifier of these variables."""
    with contextlib.ExitStack() as made:
        yield lambda environ: made.enter_context(contextlib.closing(Notifier(environ)))


def test_systemd_hears_of_start_status_and_stop(manager, path, notifier_for):
    notifier = notifier_for({"NOTIFY_SOCKET": path})
    notifier.ready()
    assert manager.hears() == "READY=1"
    notifier.status("3 sockets\nREADY=0")
    assert manager.hears() == "STATUS=3 sockets READY=0"
    notifier.stopping()
    assert manager.hears() == "STOPPING=1"


def test_an_abstract_socket_is_reached_too(notifier_for):
    name = f"chip-test-{os.getpid()}"
    manager = Manager(f"\0{name}")
    notifier_for({"NOTIFY_SOCKET": f"@{name}"}).ready()
    assert manager.hears() == "READY=1"
    manager.socket.close()


def test_without_systemd_nothing_happens_and_a_deaf_one_does_no_harm(path, notifier_for):
    Notifier({}).ready()
    notifier_for({"NOTIFY_SOCKET": path}).ready()
    assert Notifier({}).watchdog_interval == 0


def test_the_watchdog_hears_twice_as_often_as_it_asks_until_the_service_stops(
    manager, path, notifier_for
):
    clock = Clock()
    notifier = notifier_for({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"})
    service = WatchdogService(notifier, clock)
    service.startService()
    for _ in range(3):
        assert manager.hears() == "WATCHDOG=1"
        clock.advance(15)
    assert manager.hears() == "WATCHDOG=1"
    service.stopService()
    clock.advance(60)
    assert manager.hears_nothing()
    assert not clock.getDelayedCalls()


def test_a_process_without_free_descriptors_gives_signs_of_life(manager, path, notifier_for):
    notifier = notifier_for({"NOTIFY_SOCKET": path})
    notifier.alive()
    assert manager.hears() == "WATCHDOG=1"
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        notifier.alive()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert manager.hears() == "WATCHDOG=1"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "soon"},
    ],
)
def test_a_watchdog_that_asks_nothing_of_us_hears_nothing(manager, path, environ):
    clock = Clock()
    service = WatchdogService(Notifier({"NOTIFY_SOCKET": path} | environ), clock)
    service.startService()
    clock.advance(60)
    service.stopService()
    assert manager.hears_nothing()


@pytest.mark.parametrize(
    ("description", "complaint"),
    [
        ("", "listen: not an endpoint that can be used: "),
        ("carrier-pigeon:8070", "listen: not an endpoint that can be used: "),
        ("tcp:http", "listen: not an endpoint that can be used: "),
        ("tcp:8070:colour=blue", "listen: not an endpoint that can be used: "),
        ("systemd:domain=MARS:index=0", "listen: systemd handed over no such socket"),
        ("systemd:domain=INET:name=chip", "listen: systemd handed over no such socket"),
        ("ssl:8443:privateKey=/no/such.pem", "listen: /no/such.pem: No such file or directory"),
    ],
)
def test_an_endpoint_that_cannot_be_used_is_refused_in_one_line(description, complaint):
    with pytest.raises(ConfigError) as caught:
        listen_address(reactor, "listen", description, Config().tls_ciphers)
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)


ANSWER_ONCE = """
from twisted.internet import protocol, reactor
from chip.ops.listening import listen_address
class Answer(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(b"hello")
        self.transport.loseConnection()
    def connectionLost(self, reason):
        reactor.stop()
address = listen_address(reactor, "listen", "systemd:domain=INET:name=chip", "ECDHE")
address.endpoint.listen(
    protocol.Factory.forProtocol(Answer))
reactor.run()
"""


def test_a_socket_of_systemds_is_adopted_by_its_name():
    port = free_port()
    activator = subprocess.Popen(
        [
            *("systemd-socket-activate", f"--listen=127.0.0.1:{port}", "--fdname=chip"),
            *("-E", f"PYTHONPATH={Path(__file__).parent.parent}"),
            *(sys.executable, "-c", ANSWER_ONCE),
        ],
        stderr=subprocess.PIPE,
    )
    with activator:
        assert activator.stderr is not None
        assert b"Listening on" in activator.stderr.readline()
        with socket.create_connection(("127.0.0.1", port), timeout=60) as visitor:
            assert visitor.recv(100) == b"hello"
        assert activator.wait(10) == 0
