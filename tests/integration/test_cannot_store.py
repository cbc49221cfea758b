"""Valkey answers and stores nothing: new visitors should go elsewhere, and the log says why."""

from __future__ import annotations

import pytest

from tests.support.fetch import fetch
from tests.support.process import eventually, free_port
from tests.support.sentinels import server_with


@pytest.fixture(params=[0, 1], ids=["alone", "with a replica"])
def replicas(request):
    """How many are waited for."""
    return request.param


@pytest.fixture
def server(replicas):
    """A server of the test's own, to be starved, with so many replicas."""
    with server_with(replicas) as server:
        yield server


def is_full(server):
    server.cli("CONFIG", "SET", "maxmemory", "1")


def lacks_replicas(server):
    server.cli("CONFIG", "SET", "min-replicas-to-write", "2")


def is_a_replica(server):
    server.cli("REPLICAOF", "127.0.0.1", str(free_port()))


def cannot_save(server):
    server.cannot_save()


def is_well(server):
    server.cli("CONFIG", "SET", "save", "")
    server.cli("CONFIG", "SET", "maxmemory", "0")
    server.cli("CONFIG", "SET", "min-replicas-to-write", "0")
    server.cli("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (is_full, "is out of memory"),
        (lacks_replicas, "has too few replicas"),
        (is_a_replica, "is a read-only replica"),
        (cannot_save, "cannot write to its disk"),
    ],
)
def test_a_chip_whose_valkey_stores_nothing_is_not_ready(
    start_chip, server, replicas, trouble, reason
):
    chip = start_chip(valkey=server.url, valkey_replicas=replicas)
    assert fetch(f"{chip.ops_url}/readyz").status == 200
    trouble(server)
    answer = fetch(f"{chip.ops_url}/readyz")
    assert answer.status == 503
    assert answer.json["parts"]["queues"] == f"Valkey {reason}"
    assert fetch(f"{chip.ops_url}/livez").status == 200
    told = f"Valkey refuses a command: it {reason}"
    assert chip.log().count(told) == 1
    is_well(server)
    eventually(lambda: fetch(f"{chip.ops_url}/readyz").status == 200, "it can store again")
    assert "Valkey takes commands again" in chip.log()
    assert chip.log().count(told) == 1
