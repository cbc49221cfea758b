"""Hostile peers against Chip as users start it, and what they cost a well-behaved neighbour.

Each must be cut in time. Meanwhile the neighbour, who asks one small thing after the other, is
served as before, and afterwards Chip's memory is where it was.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.lateness import PROC, waited_for_cpu

pytestmark = pytest.mark.private_parts

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024

SHORT_PAUSE = 0.1
"""Seconds, which nobody notices. The neighbour's slowest answers may take twice what they took, or
this: the attacker shares the machine with everybody here, and what it takes from them is not Chip's
doing."""
REQUESTS = 200
ATTEMPTS = 4
"""Whatever else runs on the machine makes answers slow now and then; an attack that Chip does not
bear makes them slow each time."""


@pytest.fixture(scope="module")
def chip():
    """One embedded Chip for all of them: they come one after the other, and it must survive."""
    chip = ChipProcess(desk_guide=False)
    chip.start()
    yield chip
    chip.stop()
    try:
        chip.check_log()
    finally:
        chip.close()


@pytest.fixture(scope="module")
def channel(chip):
    page = fetch(chip.url, headers={"Accept": "text/html"}).body.decode()
    return re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", page)[0]


class Suffered(NamedTuple):
    """The attacker's report, the neighbour's p99 before and meanwhile, and the seconds of Chip's
    processor time that the attack has cost."""

    report: dict[str, Any]
    before: float
    meanwhile: float
    cost: float


class Neighbour:
    """Somebody who asks one thing after the other on one connection, and notes how long it took,
    without the time for which he or Chip was kept from the processor: that is nobody's doing."""

    def __init__(self, chip: ChipProcess) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", chip.port, timeout=10)
        self._processes = [PROC / str(pid) for pid in (os.getpid(), chip.pid)]
        self.took: list[float] = []

    def close(self) -> None:
        self._connection.close()

    def asks(self) -> None:
        began = self._time()
        self._connection.request("GET", "/")
        answer = self._connection.getresponse()
        assert (answer.status, b"version" in answer.read()) == (200, True)
        self.took.append(self._time() - began)
        time.sleep(0.002)

    def _time(self) -> float:
        return time.monotonic() - sum(map(waited_for_cpu, self._processes)) / 1e9

    def p99(self) -> float:
        return sorted(self.took)[len(self.took) * 99 // 100]

    def p99_of(self, count: int) -> float:
        """Ask so many times, and tell how long the slowest took but one in a hundred."""
        self.took.clear()
        for _ in range(count):
            self.asks()
        return self.p99()


def suffer(chip: ChipProcess, channel: str, name: str) -> Suffered:
    """Let one attack happen."""
    command = [sys.executable, "-m", "tests.support.attacks", name, str(chip.port), channel]
    with contextlib.closing(Neighbour(chip)) as neighbour:
        cpu = chip.cpu()
        before = neighbour.p99_of(REQUESTS)
        request = (chip.cpu() - cpu) / REQUESTS
        neighbour.took.clear()
        cpu = chip.cpu()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as attacker:
            while attacker.poll() is None:
                neighbour.asks()
            report = json.loads(attacker.stdout.read())
        cost = chip.cpu() - cpu - request * len(neighbour.took)
        return Suffered(report, before, neighbour.p99(), cost)


def close_code(report: dict[str, Any]) -> int | None:
    """The code of the close frame at the end of what the attacker has read."""
    frames = report["answer"].partition("\r\n\r\n")[2].encode("latin-1")
    while frames:
        length = frames[1] if frames[1] < 126 else int.from_bytes(frames[2:4], "big")
        start = 2 if frames[1] < 126 else 4
        if frames[0] == 0x88:
            return int.from_bytes(frames[start : start + 2], "big")
        frames = frames[start + length :]
    return None


FLOODS = {
    "endless_head": "HTTP/1.1 431",
    "many_headers": "HTTP/1.1 431",
    "forged_headers": "HTTP/1.1 400",
    "endless_body": "",
    "requests_without_end": "HTTP/1.1 200",
    "empty_continuations": 1009,
    "pings": 4029,
    "pongs": 4029,
    "bad_commands": 4400,
    "declared_2_31": 1009,
    "declared_2_63": 1009,
    "declared_2_64": 1002,
}


@pytest.mark.parametrize(("name", "end"), FLOODS.items())
def test_a_flood_is_cut_before_it_costs_a_second_and_hurts_nobody(chip, channel, name, end):
    memory = chip.memory()
    for _ in range(ATTEMPTS):
        report, before, meanwhile, cost = suffer(chip, channel, name)
        assert report["seconds"] is not None
        assert cost < 1
        if isinstance(end, int):
            assert close_code(report) == end
        else:
            assert report["answer"].startswith(end)
        if meanwhile < max(2 * before, SHORT_PAUSE):
            break
    else:
        pytest.fail(f"the neighbour waited {meanwhile * 1000:.0f} ms, before {before * 1000:.0f}")
    assert chip.memory() < memory + 4 * MIB


@pytest.mark.parametrize(("name", "most"), [("slow_headers", 6), ("slow_body", 11)])
def test_a_slow_peer_is_cut_when_its_time_is_up(chip, channel, name, most):
    for _ in range(ATTEMPTS):
        seconds = suffer(chip, channel, name).report["seconds"]
        assert seconds is not None
        assert most - 2 < seconds
        if seconds < most:
            return
    pytest.fail(f"it was cut after {seconds:.1f} s only")


def test_ten_thousand_aborted_handshakes_leave_nothing_behind(chip, channel):
    suffer(chip, channel, "aborted_handshakes")
    for _ in range(ATTEMPTS):
        # Where it takes long to hear of the aborts, more are there at once than ever before, and
        # what the heap has grown by stays. Only what each of them leaves behind goes on growing.
        memory = chip.memory()
        suffer(chip, channel, "aborted_handshakes")
        with contextlib.suppress(TimeoutError):
            chip.wait_for_memory(memory + MIB)
            return
    pytest.fail(f"after {ATTEMPTS} times memory grows still")
