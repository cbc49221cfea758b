"""How late the tests' own reactor is, and how long other processes wait for a CPU."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from chip.tasks import pause
from tests.support.lateness import PROC, Lateness, Waits
from tests.support.process import ChildProcess, eventually


def sleep(seconds: float) -> None:
    """Block the reactor without using the CPU: that is what is to be seen."""
    time.sleep(seconds)


def work(seconds: float) -> None:
    """Use the CPU for so long."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("hold_up", [sleep, work])
async def test_what_holds_up_the_reactor_is_seen_while_it_does(hold_up):
    before = time.time()
    with Lateness() as lateness:
        await pause(reactor, 0.05)
        began = time.time()
        hold_up(0.3)
        ended = time.time()
        await pause(reactor, 0.05)
    late = lateness.worst(began, ended)
    assert 0.25 < late <= lateness.worst(began - 1, ended + 1)
    assert lateness.worst(before - 1, before) == 0
    assert 0.25 < lateness.total(began, ended) <= ended - began
    assert lateness.total(before - 1, before) == 0
    without_cpu = lateness.worst(began, ended, without_cpu=True)
    assert without_cpu > 0.25 if hold_up is sleep else without_cpu <= late - 0.25


class Program(ChildProcess):
    """One that wakes up from time to time."""

    def command(self) -> list[str]:
        return [sys.executable, "-c", "import time\nwhile True: time.sleep(0.01)"]

    def ready(self) -> bool:
        return True


@pytest.fixture
def program():
    with Program() as program:
        yield program


class Kernel:
    """Says what threads have waited, in the place of ``/proc``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def says(self, process: int, thread: int, waited: float, children: str = "") -> None:
        task = self.path / str(process) / "task" / str(thread)
        task.mkdir(parents=True, exist_ok=True)
        (task / "schedstat").write_text(f"5000000 {round(waited * 1e9)} 7\n")
        (task / "children").write_text(children)


def test_what_keeps_a_process_from_the_cpu_is_seen_while_it_does(program, tmp_path):
    kernel, pid = Kernel(tmp_path), program.pid
    kernel.says(pid, pid, 10)
    waits = Waits([program], tmp_path)
    waits.look()
    began = time.time()
    kernel.says(pid, pid, 10.3)
    waits.look()
    ended = time.time()
    assert waits.worst(began, ended) == pytest.approx(0.3)
    assert waits.worst(began - 20, began - 10) == waits.worst(ended + 10, ended + 20) == 0
    assert waits.worst(began, ended, without=program) == 0


def test_the_longest_wait_of_all_threads_and_children_counts(program, tmp_path):
    kernel, pid = Kernel(tmp_path), program.pid
    waits = Waits([program], tmp_path)
    for thread, child, waited in ((1, 1, 1), (1.1, 1.2, 1.2), (1.3, 1.3, 1.3)):
        kernel.says(pid, pid, 1, children="4000000 ")
        kernel.says(pid, 3_999_999, thread)
        kernel.says(4_000_000, 4_000_000, child)
        kernel.says(4_000_000, 4_000_001, waited)
        waits.look()
    assert waits.worst(0, time.time()) == pytest.approx(0.2)


@pytest.mark.skipif(not (PROC / "self/schedstat").exists(), reason="this kernel counts no waits")
def test_the_kernel_is_asked_again_and_again(program):
    """Whoever wakes up waits for a CPU, if only for some microseconds."""
    with Waits([program]) as waits:
        eventually(lambda: waits.worst(0, time.time()) > 0, "the program has waited")
