"""A primary with replicas, and Sentinels that watch it: everything on ports of its own.

A replica follows its primary by way of a proxy, so that it can be cut off and lag.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from .process import ChildProcess, answers, eventually, free_port
from .proxy import FaultyProxy
from .valkey import COUNTED_AT_ONCE, Valkey, binary

NAME = "chats"
_LONG, _MOMENT = 60_000, 400
"""Milliseconds for which a primary does not answer until a Sentinel believes that it is dead: where
it is not, and where it is."""


class Pair:
    """A primary and a replica, which is up to date at the start."""

    def __init__(self) -> None:
        self.primary = Valkey(settings=COUNTED_AT_ONCE)
        self.link = FaultyProxy(self.primary.port)
        self.replica = Valkey(settings={"replicaof": f"127.0.0.1 {self.link.port}"})

    def __enter__(self) -> Self:
        self.primary.start()
        self.link.start()
        self.replica.start()
        eventually(self._follows, "the replica is up to date, on disk too")
        return self

    def __exit__(self, *_: object) -> None:
        self.replica.close()
        self.link.close()
        self.primary.close()

    def fail_over(self) -> None:
        """The primary is no more, and the replica takes its place."""
        self.primary.kill()
        self.replica.cli("REPLICAOF", "NO", "ONE")

    def dies(self, sentinels: Sequence[Sentinel]) -> None:
        """The primary is no more, and Sentinels that know each other find that out soon."""
        self.primary.kill()
        for one in sentinels:
            one.doubts()

    def know_each_other(self, sentinels: Sequence[Sentinel]) -> None:
        """Return once each Sentinel knows the others and the replica, and can do its work."""
        others = f",sentinels={len(sentinels)}"
        for one in sentinels:
            eventually(
                lambda one=one: (
                    others in one.cli("INFO", "sentinel")
                    and ",slaves=1," in one.cli("INFO", "sentinel")
                ),
                "Sentinels know each other",
            )

    def _follows(self) -> bool:
        # The primary counts a replica some time after that one believes to be up to date; and one
        # that still writes its first file does not end when asked to.
        counted = "state=online" in self.primary.cli("INFO", "replication")
        return counted and "aof_rewrite_in_progress:0" in self.replica.cli("INFO", "persistence")


@contextmanager
def server_with(replicas: int) -> Iterator[Valkey]:
    """A server alone, or a primary with its replica."""
    if replicas:
        with Pair() as pair:
            yield pair.primary
    else:
        with Valkey() as server:
            yield server


class Sentinel(ChildProcess):
    """One Sentinel, that needs `quorum` of them to believe that a primary is down."""

    name = "sentinel"

    def __init__(self, primary: Valkey, quorum: int, *, password: str = "") -> None:
        super().__init__()
        self.port = free_port()
        self._primary = primary
        self._quorum = quorum
        self._password = password

    def command(self) -> Sequence[str]:
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"sentinel monitor {NAME} 127.0.0.1 {self._primary.port} {self._quorum}",
            f"sentinel down-after-milliseconds {NAME} {_LONG}",
            f"sentinel failover-timeout {NAME} 2000",
            *([f"requirepass {self._password}"] if self._password else []),
        ]
        path = self.directory / "sentinel.conf"
        path.write_text("\n".join(lines) + "\n")
        return [binary("server"), str(path), "--sentinel"]

    def ready(self) -> bool:
        return answers(self.port)

    def doubts(self) -> None:
        """From now on it takes a primary that is silent for a moment for dead."""
        self.cli("SENTINEL", "SET", NAME, "down-after-milliseconds", str(_MOMENT))

    def cli(self, *words: str) -> str:
        """Run one command with the server's own client and return what it prints."""
        login = ["-a", self._password, "--no-auth-warning"] if self._password else []
        command = [binary("cli"), "-p", str(self.port), *login, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
