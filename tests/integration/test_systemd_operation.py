"""Chip under systemd's own tools: activated by a socket, notified, watched, restarted."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chip.web.http.waiting import LAST_WORDS
from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.process import eventually

# What systemd does when a service ends, in a line of shell: the socket stays open, and the next
# process is told that it is meant.
AGAIN_AND_AGAIN = """while :; do sh -c 'LISTEN_PID=$$ exec "$@"' chip "$@"; done"""


class ActivatedChip(ChipProcess):
    """A Chip that systemd-socket-activate starts with the first connection, and again for ever."""

    def __init__(self, **settings: object) -> None:
        super().__init__(listen="systemd:domain=INET:name=chip", **settings)

    def command(self) -> Sequence[str]:
        given = super().environment()
        names = [name for name in given if name.startswith(("CHIP_", "PYTHON"))]
        passed = [word for name in names for word in ("-E", f"{name}={given[name]}")]
        listen = f"--listen=127.0.0.1:{self.port}"
        loop = ["sh", "-c", AGAIN_AND_AGAIN, "again", *super().command()]
        return ["systemd-socket-activate", listen, "--fdname=chip", *passed, *loop]

    def twistd(self) -> int:
        """Return the number of the process that serves."""
        (child,) = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(child)

    def restart_service(self) -> None:
        """Do what ``systemctl restart`` does, and return when a new process is ready."""
        before = self.twistd()
        os.kill(before, signal.SIGTERM)
        eventually(lambda: not Path(f"/proc/{before}").exists(), "the old process is gone")
        eventually(lambda: fetch(self.url).status == 200, "the new process serves")

    def close(self) -> None:
        self.kill()
        if self.process is not None:
            # The loop is gone; what it started is in its group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        super().close()


class Prober(threading.Thread):
    """Asks for something on a connection of its own, over and over, until it is stopped. That it
    gets no answer is a failure if it has asked within the time that a stop leaves for that."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._host = urlsplit(url).netloc
        self._enough = threading.Event()
        self.answers: list[int] = []
        self.failures: list[Exception] = []

    def run(self) -> None:
        while not self._enough.is_set():
            connection = http.client.HTTPConnection(self._host, timeout=30)
            began = time.monotonic()
            try:
                try:
                    connection.request("GET", "/")
                finally:
                    took = time.monotonic() - began
                self.answers.append(connection.getresponse().status)
            except (OSError, http.client.HTTPException) as error:
                if took < LAST_WORDS:
                    self.failures.append(error)
            finally:
                connection.close()

    def go_on(self, answers: int) -> None:
        """Return once there are so many more answers."""
        wanted = len(self.answers) + answers
        eventually(lambda: len(self.answers) >= wanted, f"{answers} more answers")

    def enough(self) -> None:
        """Stop, and return once the last answer is there."""
        self._enough.set()
        self.join()


@pytest.fixture
def activated():
    chip = ActivatedChip()
    chip.spawn()
    yield chip
    chip.close()


def test_the_first_visitor_wakes_chip_and_a_restart_refuses_nobody(activated):
    eventually(lambda: "Listening on" in activated.log(), "the port is open")
    assert fetch(activated.url).status == 200
    first = activated.twistd()

    probers = [Prober(activated.url) for _ in range(4)]
    for prober in probers:
        prober.start()
    for _ in range(2):
        activated.restart_service()
        for prober in probers:
            prober.go_on(5)
    for prober in probers:
        prober.enough()

    assert activated.twistd() != first
    assert [failure for prober in probers for failure in prober.failures] == []
    assert {status for prober in probers for status in prober.answers} == {200}


class NotifiedChip(ChipProcess):
    """A Chip whose manager listens on a datagram socket."""

    def __init__(self, manager: Path, **settings: object) -> None:
        super().__init__(**settings)
        self._manager = manager

    def environment(self) -> Mapping[str, str]:
        # A sign of life every second: the socket keeps ten datagrams that nobody has read yet, and
        # what Chip says once must not be one too many.
        told = {"NOTIFY_SOCKET": str(self._manager), "WATCHDOG_USEC": "2000000"}
        return {**super().environment(), **told}


def test_the_manager_hears_of_start_life_and_stop(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)

        def hears(wanted: str) -> None:
            until = time.monotonic() + 30
            while not manager.recv(4096).decode().startswith(wanted):
                assert time.monotonic() < until, wanted

        chip = NotifiedChip(tmp_path / "notify")
        try:
            chip.spawn()
            hears("READY=1")
            assert fetch(chip.url).status == 200
            assert fetch(f"{chip.ops_url}/readyz").status == 200
            hears("WATCHDOG=1")
            hears("WATCHDOG=1")
            chip.process.terminate()
            hears("STOPPING=1")
            assert chip.wait_for_exit(30) in (0, -signal.SIGTERM)
        finally:
            chip.close()
