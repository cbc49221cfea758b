"""A stranger takes every place for HTTP connections, and takes each anew that he loses."""

from __future__ import annotations

import http.client
import json
import re
import resource
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chip.web.http.server import MAX_HTTP_CONNECTIONS
from tests.support.attacks import upgrade
from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch

ROOT = Path(__file__).parents[2]
UNKNOWN = "/wc/send/00000000-3030-4100-a260-2d7c4e9693e7"


@pytest.fixture(autouse=True)
def _enough_files():
    """For Chip and for the stranger, who inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < MAX_HTTP_CONNECTIONS + 1000:
        pytest.fail(f"{MAX_HTTP_CONNECTIONS} sockets do not go into {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def chip():
    # Whoever comes from loopback is to count as anybody else.
    chip = ChipProcess(desk_guide=False, trusted_proxies="unix")
    chip.start()
    yield chip
    chip.stop()
    chip.check_log()
    chip.close()


def posts(connection: http.client.HTTPConnection) -> int:
    connection.request("POST", UNKNOWN, body=b"{}")
    answer = connection.getresponse()
    answer.read()
    return answer.status


def opens_a_websocket(port: int, channel: str) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(upgrade(channel))
        return sock.recv(100).startswith(b"HTTP/1.1 101")


def test_posts_and_new_visitors_find_their_places(chip):
    page = fetch(chip.url, headers={"Accept": "text/html"}).body.decode()
    channel = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", page)[0]
    kept = http.client.HTTPConnection("127.0.0.1", chip.port, timeout=20)
    assert posts(kept) == 400
    kept_socket = kept.sock
    command = [sys.executable, "-m", "tests.support.attacks", "all_places", str(chip.port), channel]
    is_cut, rounds = False, 0
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as stranger:
        # Before and after he has all places, and loses some.
        while rounds < 4:
            assert stranger.poll() is None
            assert posts(kept) == 400
            assert opens_a_websocket(chip.port, channel)
            assert fetch(chip.url).status == 200
            rounds += is_cut
            is_cut = is_cut or stranger.stdout in select.select([stranger.stdout], [], [], 0.05)[0]
        stranger.stdin.close()
        assert stranger.stdout.readline() == "cut\n"
        report = json.loads(stranger.stdout.read())
    assert kept.sock is kept_socket
    kept.close()
    assert report["cut"] > 200
    assert "connections were cut" in chip.log()
