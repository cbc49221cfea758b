"""The network between servers and whoever calls them, which can be cut.

    with Links([Link(port, server.port, "127.0.7.1")]) as links:
        links.cut(["127.0.7.1"], ["127.0.7.2", EVERYBODY_ELSE])
        links.mend()

Each link is a port that leads to a server's. Parties are known by their addresses: a server by the
one that its link names, a caller by the one that it calls from. Nothing passes between two parties
that are cut off from each other, whichever of them called; both run on, and are not told.

Runs in a process of its own, so that tests that are busy do not hold it up.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from .process import ChildProcess, answers, free_port

EVERYBODY_ELSE: Final = "127.0.0.1"
"""Whoever calls without an address of his own: Chip does."""
_PROGRAM: Final = Path(__file__).with_name("link_process.py")


class Link(NamedTuple):
    """A port, and where it leads to."""

    port: int
    target: int
    party: str


class Links(ChildProcess):
    """All links among some servers."""

    name = "links"

    def __init__(self, links: Sequence[Link]) -> None:
        super().__init__()
        self.links = links
        self.port = free_port()

    def command(self) -> Sequence[str]:
        return [sys.executable, str(_PROGRAM), json.dumps([self.port, self.links])]

    def ready(self) -> bool:
        return answers(self.port)

    def cut(self, some: Iterable[str], others: Iterable[str]) -> None:
        """Let nothing pass between the ones and the others, and everything else."""
        self._order([pair for pair in itertools.product(some, others) if pair[0] != pair[1]])

    def mend(self) -> None:
        """Let everything pass."""
        self._order([])

    def _order(self, pairs: list[tuple[str, str]]) -> None:
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            connection.sendall(json.dumps(pairs).encode() + b"\n")
            assert connection.makefile().readline() == "done\n", self.log()
