"""A Courier whose name does not resolve keeps Chip from nothing else."""

from __future__ import annotations

import os

import pytest
from twisted.internet.threads import deferToThread

from tests.support.fetch import fetch
from tests.support.process import eventually

VISITORS = 12
"""More than the reactor has threads, in which connections to PostgreSQL are opened."""
NAME_SERVERS_ARE_AWAY = """
import socket, time

look_up = socket.getaddrinfo

def hang(host, *more):
    if host == "courier.example":
        time.sleep(60)
    return look_up(host, *more)

socket.getaddrinfo = hang
"""


@pytest.fixture
def kind():
    return "CHP"


async def test_connections_to_postgresql_are_opened_meanwhile(
    start_chip, visit, postgres, tmp_path
):
    (tmp_path / "sitecustomize.py").write_text(NAME_SERVERS_ARE_AWAY)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    chip = start_chip(domain="courier.example", env={"PYTHONPATH": path})
    for _ in range(VISITORS):
        (await visit(chip)).command("start_chat")
    await deferToThread(
        eventually, lambda: "circuit to Courier is open" in chip.log(), "lookups to be given up", 20
    )
    await deferToThread(
        postgres.execute,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()",
    )

    def is_well() -> bool:
        return '"store":"ok"' in fetch(f"{chip.ops_url}/readyz").body.decode().replace(" ", "")

    await deferToThread(eventually, is_well, "the database to be there again", 10)
