"""What a measurement stands on: PostgreSQL, Valkey, Courier, and one or more Chips on one socket.

Owns the processes and RapidPro's rows. Starting and stopping blocks; nothing is measured then.
"""

import asyncio
import datetime
import itertools
import os
import resource
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from bench.sends import Posters
from bench.visitors import Visitor, begin, in_parallel
from tests.support.chip_process import ChipProcess
from tests.support.courier import Courier
from tests.support.fetch import fetch
from tests.support.postgres import Postgres
from tests.support.rapidpro import Rapidpro
from tests.support.rapidpro.tables import Tables
from tests.support.valkey import Valkey

SECRET = "sesame"
STARTS_AT_ONCE = 64
PATIENCE = 120
"""Seconds after which a measurement that does not end has failed."""
_SOCKETS = 60_000


class WorkerChip(ChipProcess):
    """One of several Chips on a listening socket, which it gets as systemd hands sockets over."""

    def __init__(self, listening: socket.socket, **settings: Any) -> None:
        super().__init__(
            port=listening.getsockname()[1], listen="systemd:domain=INET:name=chip", **settings
        )
        self._fd = listening.fileno()

    def command(self) -> Sequence[str]:
        # The number of the process that listens must be in its environment.
        take_over = (
            f'exec 3<&{self._fd}; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=chip; exec "$@"'
        )
        return ["/bin/bash", "-c", take_over, "bash", *super().command()]

    def spawn_options(self) -> dict[str, object]:
        return {"pass_fds": (self._fd,)}

    def ready(self) -> bool:
        try:
            return fetch(f"{self.ops_url}/readyz", timeout=5).status == 200
        except OSError:
            return False


class Servers:
    """Everything but Chip, for a whole run."""

    def __init__(self, postgres: Postgres, valkey: Valkey, courier: Courier, database: str) -> None:
        self.postgres = postgres
        self.valkey = valkey
        self.courier = courier
        self.database = database
        self.rapidpro = Rapidpro.open(database)
        self.channel = self.rapidpro.channel(self.rapidpro.org(), secret=SECRET)
        self.processes = 1
        """How many Chips serve on one socket."""

    @classmethod
    @contextmanager
    def set_up(cls) -> Iterator[Self]:
        """Start the servers and make a channel."""
        with ExitStack() as stack:
            postgres = stack.enter_context(Postgres())
            # As operators are advised to run it: at most a second is lost when the power fails.
            valkey = stack.enter_context(Valkey(settings={"appendfsync": "everysec"}))
            database = postgres.create_database("26.2")
            courier = stack.enter_context(Courier(database, messages=False))
            servers = cls(postgres, valkey, courier, database)
            stack.callback(servers.rapidpro.close)
            yield servers

    @asynccontextmanager
    async def chip(
        self, tree: Path | None = None, *, limits: str = "off"
    ) -> AsyncIterator["RunningChip"]:
        """A fresh Chip, or several, with nothing waiting in the queues.

        Its code is that of the source tree `tree`, by default of the one installed.
        """
        self.valkey.clear()
        self.courier.clear()
        self.rapidpro.connection.execute("ANALYZE")
        settings: dict[str, Any] = {
            "db": self.database,
            "valkey": self.valkey.url,
            "domain": self.courier.domain,
            "limits": limits,
            "sockets": _SOCKETS,
            "env": {"PYTHONPATH": str(tree)} if tree else {},
        }
        with ExitStack() as stack:
            if self.processes == 1:
                chips = [ChipProcess(**settings)]
            else:
                listening = stack.enter_context(
                    socket.create_server(("127.0.0.1", 0), backlog=1024)
                )
                chips = [WorkerChip(listening, **settings) for _ in range(self.processes)]
            for process in chips:
                stack.callback(process.close)
                process.start()
            running = RunningChip(self, chips)
            try:
                yield running
                for process in chips:
                    process.check_log()
            finally:
                running.leave()

    def write_messages(
        self, visitors: Sequence[Visitor], each: int, direction: str = "O", length: int = 0
    ) -> list[tuple[Visitor, str]]:
        """Write so many messages of each visitor's chat to the database, in turns.

        Their texts are `length` long at least. Returns whose each is, and its uuid.
        """
        where = {row["path"]: row for row in self._urns(visitors)}
        now = datetime.datetime.now(datetime.UTC)
        made: list[tuple[Visitor, str]] = []
        rows: list[dict[str, Any]] = []
        for turn in range(each):
            for visitor in visitors:
                urn, name = where[visitor.chat_id], str(uuid.uuid4())
                made.append((visitor, name))
                rows.append(
                    self.rapidpro.tables.row(
                        "msgs_msg",
                        uuid=name,
                        text=f"message {len(rows)} of those that this benchmark writes".ljust(
                            length, "."
                        ),
                        direction=direction,
                        status="Q" if direction == "O" else "H",
                        created_on=now + datetime.timedelta(milliseconds=turn),
                        org_id=self.channel.org,
                        channel_id=self.channel.id,
                        contact_id=urn["contact_id"],
                        contact_urn_id=urn["id"],
                    )
                )
        with self.rapidpro.connection.cursor() as cursor:
            cursor.executemany(Tables.insert("msgs_msg", rows[0]), rows)
        return made

    def _urns(self, visitors: Sequence[Visitor]) -> list[dict[str, Any]]:
        return self.rapidpro.rows(
            "SELECT path, id, contact_id FROM contacts_contacturn WHERE path = ANY(%s)",
            [visitor.chat_id for visitor in visitors],
        )


class RunningChip:
    """Chip, running, and who talks to it."""

    def __init__(self, servers: Servers, chips: Sequence[ChipProcess]) -> None:
        self.servers = servers
        self.courier = servers.courier
        self.chips = chips
        self.pids = [chip.pid for chip in chips]
        self.url = f"{chips[0].url}/wc/connect/{servers.channel.uuid}/"
        self.present: list[Visitor] = []
        """Who has come and not been told to vanish."""
        self._posters: list[Posters] = []

    async def visitors(self, count: int, addresses: Sequence[str] = ("",)) -> list[Visitor]:
        """So many visitors, each in a chat of his own that has just started, from these addresses
        in turn."""
        places = itertools.islice(itertools.cycle(addresses), count)
        new = await in_parallel((begin(self.url, place) for place in places), STARTS_AT_ONCE)
        self.present += new
        return new

    def posters(self, count: int) -> Posters:
        """Courier's side of so many connections."""
        posters = Posters(self.chips[0].url, count)
        self._posters.append(posters)
        return posters

    def send_request(self, posters: Posters, visitor: Visitor, name: str, text: str) -> bytes:
        """A send of Courier's, whole."""
        msg = {"uuid": name, "text": text, "origin": "chat"}
        body = {"chat_id": visitor.chat_id, "secret": SECRET, "msg": msg}
        return posters.request(f"/wc/send/{self.servers.channel.uuid}/", msgspec.json.encode(body))

    async def wait_for_courier(self, count: int, kind: str) -> float:
        """Return the wall-clock time at which Courier had heard so many events of this kind."""
        await asyncio.to_thread(self.courier.wait, count, kind=kind, timeout=PATIENCE)
        return float(self.courier.stats()["latest"])

    async def settle(self, seconds: float = 1.0) -> None:
        """Let what was begun before come to its end: a measurement starts from rest."""
        await asyncio.sleep(seconds)

    def leave(self) -> None:
        """All visitors vanish, and Courier hangs up."""
        for visitor in self.present:
            visitor.vanish()
        for posters in self._posters:
            posters.close()


def allow_many_files(needed: int = 11_000) -> None:
    """Raise the limit of open files as far as we may; processes started from here inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SystemExit(f"ulimit -n allows {hard} open files; {needed} are needed")


def machine() -> str:
    """This machine in a line."""
    with open("/proc/cpuinfo") as file:  # noqa: PTH123
        names = {line.partition(":")[2].strip() for line in file if line.startswith("model name")}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    kernel = os.uname()
    return (
        f"{os.cpu_count()} CPUs ({', '.join(names) or kernel.machine}), {memory:.0f} GiB, "
        f"{kernel.sysname} {kernel.release}, Python {'.'.join(map(str, sys.version_info[:3]))}, "
        f"load {load:.1f} before the run, {time.strftime('%Y-%m-%d %H:%M %Z')}"
    )
