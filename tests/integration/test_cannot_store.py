"""Valkey answers and stores nothing: new visitors should go elsewhere, and the log says why."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from chip.queue.valkey.errors import AWAY, LOST
from tests.support.fetch import fetch
from tests.support.process import eventually, free_port
from tests.support.valkey import COUNTED_AT_ONCE, Valkey


class InMemory(Valkey):
    """A server that no disk makes late."""

    needs_disk = False


GONE = AWAY, LOST


@pytest.fixture(params=[0, 1], ids=["alone", "with a replica"])
def replicas(request):
    """How many are waited for."""
    return request.param


@pytest.fixture
def server(replicas):
    """A server of the test's own, to be starved, with so many replicas."""
    with ExitStack() as stack:
        server = stack.enter_context(InMemory(settings=COUNTED_AT_ONCE))
        for _ in range(replicas):
            follows = {"replicaof": f"127.0.0.1 {server.port}"}
            stack.enter_context(InMemory(settings=follows))
            eventually(
                lambda: "state=online" in server.cli("INFO", "replication"), "it has its replica"
            )
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
    eventually(lambda: fetch(f"{chip.ops_url}/readyz").status == 200, "it can store")
    before = len(chip.log())
    trouble(server)
    answer = fetch(f"{chip.ops_url}/readyz")
    assert answer.status == 503
    # Chip leaves a replica as soon as it finds one, which it may have done by itself by now.
    left = GONE if trouble is is_a_replica else ()
    assert answer.json["parts"]["queues"] in (f"Valkey {reason}", *left)
    assert fetch(f"{chip.ops_url}/livez").status == 200
    told = f"Valkey refuses a command: it {reason}"
    assert chip.log()[before:].count(told) == 1
    is_well(server)
    eventually(lambda: fetch(f"{chip.ops_url}/readyz").status == 200, "it can store again")
    assert "Valkey takes commands again" in chip.log()[before:]
    assert chip.log()[before:].count(told) == 1
