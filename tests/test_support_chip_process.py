"""Chip as a process: started, ended and read as its users would."""

import signal

import pytest

from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.process import NotRunningError


@pytest.fixture
def chip():
    chip = ChipProcess(db="postgresql://bob:p%2Fw@nowhere/x", valkey="redis://:hush@nowhere/5")
    yield chip
    chip.close()


@pytest.fixture
def embedded():
    with ChipProcess() as chip:
        yield chip


class Bob:
    def secrets(self):
        return {"my little secret"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("Traceback (most recent call last):", "a traceback"),
        ("2026-11-22T21:13:54Z critical chip.chat: AckChat failed", "a failure"),
        ('{"time":"2026-11-22T21:13:54Z","level":"critical"}', "a failure"),
        ("using redis://:hush@nowhere", "a secret"),
        ("password p/w refused", "a secret"),
        ("bob said: my little secret", "a secret"),
    ],
)
def test_a_log_with_a_traceback_or_a_secret_is_found_out(chip, line, complaint):
    chip.visitors.append(Bob())
    chip.log_path.write_text("Chip serves at port 8070\n")
    chip.check_log()

    chip.log_path.write_text(f"Chip serves\n{line}\n")

    with pytest.raises(AssertionError, match=complaint):
        chip.check_log()


def test_a_failure_that_was_provoked_is_no_failure(chip):
    chip.log_path.write_text("2026-11-22T21:13:54Z critical chip.chat: AckChat failed\n")
    chip.provoked.append("AckChat failed")

    chip.check_log()


def test_settings_go_by_the_environment_and_the_shell_has_no_say(monkeypatch):
    monkeypatch.setenv("CHIP_LOG_LEVEL", "debug")
    chip = ChipProcess(ssl=True, trusted_proxies=["10.0.0.1", "10.0.0.2"], env={"TZ": "UTC"})

    environment = chip.environment()

    assert "CHIP_LOG_LEVEL" not in environment
    assert environment["CHIP_SSL"] == "true"
    assert environment["CHIP_TRUSTED_PROXIES"] == "10.0.0.1,10.0.0.2"
    assert environment["TZ"] == "UTC"
    chip.close()


def test_what_cannot_start_ends_with_a_status_and_a_reason():
    chip = ChipProcess("--no-such-flag")

    status, log = chip.run_to_end()

    assert status == 1
    assert "no-such-flag" in log
    chip.close()


def test_it_serves_stops_in_order_and_serves_again_at_the_same_place(embedded):
    url = embedded.url
    first = embedded.pid

    status = embedded.stop()
    with pytest.raises(OSError):
        fetch(url)
    embedded.start()

    assert status in {0, -signal.SIGTERM}
    assert fetch(url).status == 200
    assert embedded.pid != first
    embedded.check_log()


def test_it_can_be_killed(embedded):
    embedded.kill()

    assert embedded.wait_for_exit() == -signal.SIGKILL


def test_its_memory_and_its_cpu_time_can_be_read(embedded):
    assert 10_000_000 < embedded.memory() < 500_000_000
    assert 0.01 < embedded.cpu() < 60


class LateAtFirst(ChipProcess):
    """A program whose first start finds a replica late, or so it says."""

    said = "Chip cannot go on: Valkey has too few replicas"

    def command(self):
        script = 'test -e again && echo serves && exec sleep 600; touch again; echo "$0"; exit 1'
        return ["/bin/sh", "-c", script, f"now critical {self.said}"]

    def ready(self):
        return "serves" in self.log()


def test_one_that_waits_for_replicas_is_started_again_where_one_was_late():
    with LateAtFirst(valkey_replicas=1) as chip:
        assert chip.running
    chip.check_log()


@pytest.mark.parametrize(
    ("said", "settings"),
    [(LateAtFirst.said, {}), ("Chip cannot go on: the port is in use", {"valkey_replicas": 1})],
)
def test_one_that_does_not_start_for_another_reason_is_not_started_again(said, settings):
    chip = LateAtFirst(**settings)
    chip.said = said
    with pytest.raises(NotRunningError, match=said):
        chip.start()
    chip.close()
