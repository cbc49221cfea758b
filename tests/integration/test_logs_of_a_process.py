"""A running Chip and its log: as an operator asks for it, and when nobody takes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.process import eventually


class Mute(ChipProcess):
    """A Chip whose standard output goes to `stdout`."""

    def __init__(self, stdout: int, **settings: object) -> None:
        super().__init__(**settings)
        self._stdout = stdout

    def spawn_options(self) -> dict[str, object]:
        return {**super().spawn_options(), "stdout": self._stdout}


@pytest.fixture
def running():
    """Start a Chip, and end it with the test."""
    started: list[ChipProcess] = []

    def start(chip: ChipProcess) -> ChipProcess:
        started.append(chip)
        chip.start()
        return chip

    yield start
    for chip in started:
        chip.close()


def test_every_line_is_an_object_when_machines_are_to_read_them(running):
    chip = running(ChipProcess(log_format="json", log_level="debug", desk_token="a-fixed-token"))
    assert chip.stop() in (0, -signal.SIGTERM)
    lines = [line for line in chip.log().splitlines() if line.startswith("{")]
    records = [json.loads(line) for line in lines]
    assert any("is ready" in record["message"] for record in records)
    assert {"time", "level", "logger", "message"} <= set.intersection(*map(set, records))
    # What is for the person at the terminal is no event: a blank line, two links, a blank line.
    assert len(chip.log().splitlines()) - len(lines) == 4


@pytest.mark.parametrize("flags", [("--logfile=filed.log",), ("-l", "filed.log")])
def test_the_log_goes_where_twistds_own_flag_says_and_is_rotated_by_a_signal(running, flags):
    class Filed(ChipProcess):
        def command(self):
            twistd, *rest = super().command()
            return [twistd, *flags, *rest]

    chip = running(Filed(log_level="debug"))
    os.kill(chip.pid, signal.SIGUSR1)
    chip.stop()
    assert "is ready" not in chip.log()
    assert "is ready" in (chip.directory / "filed.log.1").read_text()
    assert "Server Shut Down" in (chip.directory / "filed.log").read_text()


def test_a_full_disk_under_the_log_stops_nobody(running):
    with Path("/dev/full").open("wb") as full:
        chip = running(Mute(full.fileno(), log_level="debug"))
    for _ in range(20):
        assert fetch(chip.url).status == 200
    assert chip.stop() in (0, -signal.SIGTERM)


def test_a_reader_of_the_log_that_goes_away_stops_nobody(running):
    ours, theirs = os.pipe()
    chip = Mute(theirs, log_level="debug")
    os.close(ours)
    running(chip)
    os.close(theirs)
    assert fetch(chip.url).status == 200
    assert chip.stop() in (0, -signal.SIGTERM)


def test_a_daemon_keeps_its_log_and_its_pid_file_and_ends_without_either_complaint(tmp_path):
    chip = ChipProcess(directory=tmp_path)
    twistd, _, _, *rest = chip.command()
    started = subprocess.run(
        [twistd, *rest], cwd=tmp_path, env=chip.environment(), timeout=60, check=False
    )
    assert started.returncode == 0
    pid_file = tmp_path / "twistd.pid"
    eventually(chip.ready, "the daemon serves")
    os.kill(int(pid_file.read_text()), signal.SIGTERM)
    eventually(lambda: not pid_file.exists(), "the daemon has ended")
    log = (tmp_path / "twistd.log").read_text()
    assert "is ready" in log
    assert "Traceback" not in log
