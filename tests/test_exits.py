"""How a Chip that cannot go on ends: under a real twistd, seen from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet.error import CannotListenError

from chip.app.exits import words_of
from chip.errors import ConfigError
from tests.support.process import eventually

TAC = """
import sys
from twisted.application.service import Application, Service
from twisted.internet import reactor
from chip.app import exits
from chip.logs import redact

redact.REDACTOR.keep(["pa55word"])

class Failing(Service):
    def startService(self):
        {start}

    def stopService(self):
        print("tidied up", file=sys.__stdout__, flush=True)

application = Application("failing")
Failing().setServiceParent(application)
"""

AT_ONCE = 'exits.fail(reactor, "no database at pa55word:\\n it is away")'
LATER = 'reactor.callLater(0, exits.fail, reactor, "port taken", 3)'
TWICE = f'{LATER}; reactor.callLater(0, exits.fail, reactor, "and more", 4)'
NOT_AT_ALL = "reactor.callLater(0, reactor.stop)"
ANNOUNCE = 'exits.announce("secret link: pa55word"); reactor.callLater(0, reactor.stop)'


def run(directory: Path, start: str, *flags: str) -> subprocess.CompletedProcess[str]:
    (directory / "failing.tac").write_text(TAC.format(start=start))
    twistd = str(Path(sys.executable).with_name("twistd"))
    return subprocess.run(
        [twistd, *flags, "-y", "failing.tac"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("start", "status", "line"),
    [
        (AT_ONCE, 1, "chip: no database at ***: it is away\n"),
        (LATER, 3, "chip: port taken\n"),
        (TWICE, 3, "chip: port taken\nchip: and more\n"),
        (NOT_AT_ALL, 0, ""),
    ],
)
def test_the_reason_is_one_line_and_the_status_says_so_after_tidying_up(
    tmp_path, start, status, line
):
    ended = run(tmp_path, start, "-n")
    assert ended.returncode == status
    assert ended.stderr == line
    assert "tidied up" in ended.stdout
    assert "Traceback" not in ended.stdout
    assert not (tmp_path / "twistd.pid").exists()


def test_a_daemon_tells_its_log(tmp_path):
    run(tmp_path, AT_ONCE, "--logfile=daemon.log", "--pidfile=daemon.pid")
    log = tmp_path / "daemon.log"
    eventually(lambda: log.exists() and "Server Shut Down" in log.read_text(), "it has ended")
    assert "Chip cannot go on" in log.read_text()
    eventually(lambda: not (tmp_path / "daemon.pid").exists(), "its pid file is removed")


def test_what_is_announced_is_seen_by_whoever_started_chip_and_is_in_no_log(tmp_path):
    ended = run(tmp_path, ANNOUNCE, "-n", "--logfile=chip.log")
    assert "secret link: pa55word\n" in ended.stdout
    assert "pa55word" not in (tmp_path / "chip.log").read_text()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigError("port: expected a number"), "port: expected a number"),
        (CannotListenError("", 8070, OSError(98, "Address already in use")), "Address already in"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_reason_is_never_empty(error, said):
    assert words_of(error).startswith(said)
