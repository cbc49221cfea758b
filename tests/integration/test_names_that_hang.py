"""A host whose name does not resolve keeps Chip from nothing else, nor from ending."""

from __future__ import annotations

import os
import time
from contextlib import closing

import pytest
from twisted.internet.threads import deferToThread

from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.process import eventually

VISITORS = 12
"""More than the reactor has threads."""
NAME_SERVERS_ARE_AWAY = """
import os, socket, time

AWAY = os.path.join(os.path.dirname(__file__), "away")
look_up = socket.getaddrinfo

def hang(host, *more, **named):
    if host == "database.example":
        host = "127.0.0.1"
    elif host != "courier.example":
        return look_up(host, *more, **named)
    if os.path.exists(AWAY):
        with open(AWAY, "a") as asked:
            asked.write("asked")
        time.sleep(120)
    return look_up(host, *more, **named)

socket.getaddrinfo = hang
"""
TIME_TO_END = 35
"""Seconds: a stop's deadline, and some for a machine that is busy."""


class NameServers:
    """Those of Chips that are started with `env`."""

    def __init__(self, directory):
        (directory / "sitecustomize.py").write_text(NAME_SERVERS_ARE_AWAY)
        path = os.pathsep.join(filter(None, (str(directory), os.environ.get("PYTHONPATH"))))
        self.env = {"PYTHONPATH": path}
        self._away = directory / "away"

    def go_away(self):
        self._away.touch()

    def wait_until_asked(self):
        eventually(lambda: self._away.stat().st_size, "a name to be looked up")


@pytest.fixture
def kind():
    return "CHP"


@pytest.fixture
def name_servers(tmp_path):
    return NameServers(tmp_path)


def ends_in_time(chip):
    began = time.monotonic()
    chip.process.terminate()
    chip.wait_for_exit(120)
    return time.monotonic() - began < TIME_TO_END


def is_well(chip):
    return '"store":"ok"' in fetch(f"{chip.ops_url}/readyz").body.decode().replace(" ", "")


async def test_connections_to_postgresql_are_opened_meanwhile(
    start_chip, visit, postgres, name_servers
):
    name_servers.go_away()
    chip = start_chip(domain="courier.example", env=name_servers.env)
    for _ in range(VISITORS):
        (await visit(chip)).command("start_chat")
    await deferToThread(
        eventually, lambda: "circuit to Courier is open" in chip.log(), "lookups to be given up", 20
    )
    await deferToThread(postgres.disconnect_all)
    await deferToThread(eventually, lambda: is_well(chip), "the database to be there again", 10)
    assert await deferToThread(ends_in_time, chip)


async def test_a_stop_does_not_wait_for_the_database_s_name(
    start_chip, visit, database, postgres, name_servers
):
    chip = start_chip(db=database.replace("127.0.0.1", "database.example"), env=name_servers.env)
    await (await visit(chip)).start_chat()
    name_servers.go_away()
    await deferToThread(postgres.disconnect_all)
    (await visit(chip)).command("start_chat")
    await deferToThread(name_servers.wait_until_asked)
    assert await deferToThread(ends_in_time, chip)


def test_neither_does_a_stop_while_chip_starts(usual, database, name_servers):
    name_servers.go_away()
    settings = usual({"db": database.replace("127.0.0.1", "database.example")})
    with closing(ChipProcess(env=name_servers.env, **settings)) as chip:
        chip.spawn()
        name_servers.wait_until_asked()
        assert ends_in_time(chip)
