"""A Chip that may open few files, and more visitors than it has files for."""

from __future__ import annotations

import http.client
import resource
import socket
from contextlib import ExitStack, closing

import pytest

from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.process import eventually

FILES = 90
VISITORS = 100


@pytest.fixture
def chip():
    # Visitors are heard one after the other, and none of them is to be dropped for being slow.
    chip = ChipProcess(limits="off", desk_guide=False, handshake_deadline=60)
    chip.start()
    yield chip
    chip.stop()
    chip.check_log()
    chip.close()


def is_served(visitor):
    """Whether a visitor who has connected gets an answer."""
    try:
        visitor.sendall(b"GET / HTTP/1.1\r\nHost: chip\r\n\r\n")
        return visitor.recv(100).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False


def cuts(ops):
    ops.request("GET", "/metrics")
    page = ops.getresponse().read().decode()
    (line,) = [line for line in page.splitlines() if 'reason="no_descriptors"' in line]
    return float(line.split()[1])


@pytest.mark.private_parts
def test_who_is_turned_away_for_want_of_a_descriptor_is_counted_and_logged(chip):
    ops = http.client.HTTPConnection("127.0.0.1", chip.ops_port, timeout=20)
    assert cuts(ops) == 0
    before = resource.prlimit(chip.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
    with closing(ops), ExitStack() as visitors:
        come = [
            visitors.enter_context(socket.create_connection(("127.0.0.1", chip.port), timeout=20))
            for _ in range(VISITORS)
        ]
        served = sum(map(is_served, come))
        assert 0 < served < VISITORS
        ops.request("GET", "/readyz")
        answer = ops.getresponse()
        assert answer.status == 503
        assert b'"descriptors":"none left"' in answer.read()
        assert cuts(ops) >= VISITORS - served
    eventually(lambda: fetch(f"{chip.ops_url}/readyz").status == 200, "it is ready again")
    with socket.create_connection(("127.0.0.1", chip.port), timeout=20) as visitor:
        assert is_served(visitor)
    assert before[0] > FILES
    assert chip.log().count("connections were cut: no file descriptors are left") == 1
