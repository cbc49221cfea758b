"""Chip as its users start it: `twistd -n chip` in a directory of its own.

Owns starting and ending the process, and reading what it wrote. Settings are given by the names
that the configuration file has, and reach Chip through its environment.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from .fetch import fetch
from .process import ChildProcess, NotRunningError, eventually, free_port

_STARTS = 5
_TOO_FEW = "Valkey has too few replicas"
_CRITICAL = re.compile(r'^\S+ critical |"level": ?"critical"')


class Private(Protocol):
    """Somebody with something to hide."""

    def secrets(self) -> set[str]: ...


class ChipProcess(ChildProcess):
    """One Chip on a private port of loopback. Without `db` and `valkey` it is embedded.

        ChipProcess(db=url, valkey=valkey.url, domain=courier.domain, limits="off")

    `flags` go to the command line, `env` to the environment as they are. `secrets` is what must
    never stand in the log, beside what its `visitors` say and hear; the passwords of the URLs
    are in it from the start.
    """

    name = "chip"

    def __init__(
        self,
        *flags: str,
        directory: Path | None = None,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        **settings: object,
    ) -> None:
        super().__init__(directory)
        self.port = port or free_port()
        self.ops_port = free_port()
        self.flags = list(flags)
        self.url = f"http://127.0.0.1:{self.port}"
        self.ops_url = f"http://127.0.0.1:{self.ops_port}"
        self.settings: dict[str, object] = {
            "address": "127.0.0.1",
            "port": self.port,
            "ops_listen": f"tcp:{self.ops_port}:interface=127.0.0.1",
            "instance_id": f"chip-{self.port}",
            **settings,
        }
        self.env = dict(env or {})
        self.secrets = {*_passwords(self.settings)}
        self.visitors: list[Private] = []
        self.provoked: list[str] = []

    def command(self) -> Sequence[str]:
        twistd = Path(sys.executable).with_name("twistd")
        return [str(twistd), "-n", "--pidfile=", "chip", *self.flags]

    def environment(self) -> Mapping[str, str]:
        # Nothing of the shell's may decide what is tested.
        usual = {key: value for key, value in os.environ.items() if not key.startswith("CHIP_")}
        given = {f"CHIP_{name.upper()}": _spell(value) for name, value in self.settings.items()}
        return {**usual, "PYTHONUNBUFFERED": "1", **given, **self.env}

    def ready(self) -> bool:
        try:
            return fetch(self.url, timeout=5).status == 200
        except OSError:
            return False

    def start(self) -> None:
        """Start it. Replicas may be late for once, where it waits for some: then it is started
        again, as systemd does."""
        tries = _STARTS if self.settings.get("valkey_replicas") else 1
        for left in reversed(range(tries)):
            before = len(self.log())
            try:
                super().start()
            except NotRunningError:
                if not left or _TOO_FEW not in self.log()[before:]:
                    raise
                self.provoked.append(_TOO_FEW)
            else:
                return

    def run_to_end(self, seconds: float = 30) -> tuple[int, str]:
        """Start what ends by itself; return the exit status and everything that was written."""
        self.spawn()
        return self.wait_for_exit(seconds), self.log()

    def check_log(self) -> None:
        """Raise AssertionError when the log holds a traceback, a failure or a secret.

        A failure is a line at level critical. A test that provokes one puts a part of it into
        `provoked`.
        """
        log = self.log()
        for line in filter(_CRITICAL.search, log.splitlines()):
            if not any(part in line for part in self.provoked):
                raise AssertionError(f"Chip logged a failure: {line}")
        if "Traceback (most recent call last)" in log:
            raise AssertionError(f"Chip logged a traceback:\n{_around(log, 'Traceback')}")
        for secret in self.secrets.union(*(visitor.secrets() for visitor in self.visitors)):
            if secret and secret in log:
                raise AssertionError(f"Chip logged a secret: {_around(log, secret)}")

    def memory(self) -> int:
        """Return the bytes of memory that are the process's own, shared pages left out."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        private = re.findall(r"^Private_\w+: +(\d+) kB", rollup, re.MULTILINE)
        return sum(map(int, private)) * 1024

    def wait_for_memory(self, less_than: int, seconds: float = 10) -> None:
        """Return once the process has less; raise TimeoutError when it keeps more."""
        eventually(lambda: self.memory() < less_than, "memory is given back", seconds)

    def cpu(self) -> float:
        """Return the seconds of CPU that the process has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _spell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def _passwords(settings: Mapping[str, object]) -> list[str]:
    found = (urlsplit(value).password for value in settings.values() if isinstance(value, str))
    passwords = [password for password in found if password]
    return [*passwords, *map(unquote, passwords)]


def _around(log: str, what: str) -> str:
    place = log.index(what)
    return log[max(0, place - 500) : place + 3000]
