"""Starting Chip, in every way there is, and failing to."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.process import free_port, free_ports

TAC = Path(__file__).parents[2] / "chip.tac"


class FromTac(ChipProcess):
    """A Chip that is started by its .tac file, with settings from the environment alone."""

    def command(self) -> Sequence[str]:
        twistd, *_ = super().command()
        return [twistd, "--pidfile=", "-ny", str(TAC)]


def test_the_tac_file_serves_what_file_and_environment_say():
    chip = FromTac(log_format="json")
    (chip.directory / "config.toml").write_text('instance_id = "not-this"\nsockets = 7\n')
    with chip:
        assert fetch(chip.url).json["version"]
        assert fetch(f"{chip.ops_url}/status").json["instance"] == chip.settings["instance_id"]
        assert chip.stop() in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"db": "postgresql://u:pa55@127.0.0.1:{nobody}/d"}, "cannot use the database"),
        ({"valkey": "redis://:pa55@127.0.0.1:{nobody}"}, "cannot use Valkey"),
        ({"ops_listen": "tcp:{taken}:interface=127.0.0.1"}, "ops_listen: cannot listen on tcp:"),
        ({"port": "{taken}"}, "could not start: address and port: cannot listen on tcp:"),
        ({"listen": "tcp:{taken}:interface=127.0.0.1"}, "could not start: listen: cannot listen"),
        ({"listen": "ssl:443:privateKey=/no/such/key.pem"}, "listen: /no/such/key.pem: "),
        ({"listen": "tcp:8070:colour=blue"}, "an unexpected keyword argument 'colour'"),
        ({"listen": "systemd:domain=INET:name=chip"}, "listen: systemd handed over no such socket"),
        ({"data_dir": "/proc/nowhere"}, "data_dir"),
        ({"allowed_origins": "shop.example.org"}, "allowed_origins"),
    ],
)
def test_what_cannot_start_ends_with_one_line_and_a_status(settings, complaint):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"nobody": free_port(), "taken": taken.getsockname()[1]}
        given = {name: value.format(**places) for name, value in settings.items()}
        chip = ChipProcess(**given)
        try:
            status, log = chip.run_to_end()
        finally:
            chip.close()
    said = [line for line in log.splitlines() if line.startswith("chip: ")]
    assert status == 1
    assert len(said) == 1, log
    assert complaint in said[0]
    assert "Traceback" not in log
    assert "pa55" not in log


def test_a_stop_while_the_start_waits_is_no_failure():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        chip = ChipProcess(valkey=f"redis://127.0.0.1:{deaf.getsockname()[1]}")
        try:
            chip.spawn()
            asked, _ = deaf.accept()
            with asked:
                os.kill(chip.pid, signal.SIGTERM)
                assert chip.wait_for_exit(30) in (0, -signal.SIGTERM)
            assert "Chip is stopping" in chip.log()
            assert "could not start" not in chip.log()
            chip.check_log()
        finally:
            chip.close()


def test_an_operators_listener_that_nobody_asked_for_does_not_hinder_the_start():
    port, usual = free_ports(2)
    chip = ChipProcess(port=port)
    del chip.settings["ops_listen"]
    try:
        with socket.create_server(("127.0.0.1", usual)):
            chip.start()
            assert fetch(chip.url).status == 200
            assert "no operators' listener" in chip.log()
    finally:
        chip.close()
