"""The URLs of Valkey and PostgreSQL, as their own clients take them, and servers that want more."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from tests.support.checked import checked
from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.process import answers, free_port
from tests.support.valkey import Valkey
from tests.support.valkey_cluster import ValkeyCluster


def start(**settings):
    """The line with which a start ends."""
    chip = ChipProcess(**settings)
    try:
        status, log = chip.run_to_end()
    finally:
        chip.close()
    assert status == 1
    (line,) = [line for line in log.splitlines() if line.startswith("chip: ")]
    return line


def check(**settings):
    """The line with which a check fails."""
    found = checked(**settings)
    assert found.status == 1
    (line,) = found.failures
    return line


either_way = pytest.mark.parametrize("complaint", [start, check])


@contextlib.contextmanager
def protected():
    """A Valkey in protected mode, as whoever comes from elsewhere sees it. Yields its port."""

    def turn_away():
        with contextlib.suppress(OSError):
            while True:
                peer, _ = server.accept()
                with peer:
                    peer.sendall(b"-DENIED Valkey is running in protected mode because\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=turn_away, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_valkey_is_reached_by_its_socket(tmp_path):
    path = tmp_path / "valkey.sock"
    settings = {"unixsocket": str(path), "port": "0"}

    class Local(Valkey):
        def ready(self):
            with socket.socket(socket.AF_UNIX) as probe:
                return probe.connect_ex(str(path)) == 0

    with Local(settings=settings), ChipProcess(valkey=f"unix://{path}?db=3") as chip:
        assert fetch(f"{chip.ops_url}/readyz").status == 200
        chip.stop()
        chip.check_log()


def test_the_database_is_found_among_several_hosts(postgres, database):
    name = database.rpartition("/")[2]
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{postgres.port}"
    with ChipProcess(db=f"postgresql://chip@{hosts}/{name}", domain="127.0.0.1:1") as chip:
        assert fetch(f"{chip.ops_url}/readyz").status == 200
        chip.stop()
        chip.check_log()


def node_without_slots():
    # Its second port would be the first and 10000, where clients' ports begin.
    return Valkey(settings={"cluster-enabled": "yes", "cluster-port": str(free_port())})


def node_with_all_slots():
    return ValkeyCluster(1)


@either_way
@pytest.mark.parametrize("number", [0, 5])
@pytest.mark.parametrize("cluster", [node_without_slots, node_with_all_slots])
def test_a_cluster_is_named_and_nothing_written(complaint, cluster, number):
    with cluster() as found:
        node = found.primaries[0] if isinstance(found, ValkeyCluster) else found
        line = complaint(valkey=f"redis://127.0.0.1:{node.port}/{number}")
        assert node.cli("KEYS", "*", database=0) == ""
    assert "is a Cluster: add ?cluster=true" in line


@either_way
def test_a_certificate_that_is_wanted_of_us_is_named(complaint):
    class Choosy(Valkey):
        def ready(self):
            return answers(self.port)

    with Choosy(tls=True, settings={"tls-auth-clients": "yes"}) as server:
        line = complaint(
            valkey=f"rediss://127.0.0.1:{server.port}",
            env={"SSL_CERT_FILE": str(server.certificates.authority)},
        )
    assert "it wants a certificate of ours" in line


@either_way
def test_protected_mode_is_named(complaint):
    with protected() as port:
        line = complaint(valkey=f"redis://127.0.0.1:{port}")
    assert "runs in protected mode and wants a password" in line
