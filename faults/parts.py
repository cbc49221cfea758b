"""Everything that a run breaks: Chips, what they depend on, and the lines between them.

Owns starting and stopping it. Each line leads through a proxy of its own, so that one party can be
cut off from one other. All of it blocks.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from faults.disk import Disk
from faults.truth import DeskTruth, RapidproTruth, Truth
from tests.support.chip_process import ChipProcess
from tests.support.courier import Courier
from tests.support.desk_api import TOKEN, DeskApi
from tests.support.postgres import Postgres
from tests.support.process import ChildProcess
from tests.support.proxy import FaultyProxy
from tests.support.rapidpro import Channel, Rapidpro
from tests.support.valkey import Valkey

SECRET: Final = "sesame"
GENERATION: Final = "26.2"


@dataclass(slots=True)
class Parts:
    """What runs, by the names that a plan has for it; where the world finds the Chips (`fronts`);
    what agents say things by (`office`); and what has arrived (`truth`)."""

    channel: Channel
    office: Any
    truth: Truth
    processes: dict[str, ChildProcess] = field(default_factory=dict)
    lines: dict[str, FaultyProxy] = field(default_factory=dict)
    disks: dict[str, Disk] = field(default_factory=dict)
    fronts: list[str] = field(default_factory=list)

    @property
    def chips(self) -> list[ChipProcess]:
        return [chip for chip in self.processes.values() if isinstance(chip, ChipProcess)]

    def line(self, stack: ExitStack, name: str, port: int) -> int:
        """Put a line in front of a port; return the port to use instead."""
        self.lines[name] = stack.enter_context(FaultyProxy(port))
        return self.lines[name].port

    def add_chip(self, stack: ExitStack, name: str, chip: ChipProcess) -> None:
        """Start a Chip, and let the world find it."""
        chip.secrets |= {SECRET, TOKEN}
        # It is started again and again, also while what it needs is away.
        chip.provoked.append("could not start")
        self.processes[name] = stack.enter_context(chip)
        port = self.line(stack, f"world to {name}", chip.port)
        self.fronts.append(f"http://127.0.0.1:{port}")


@contextmanager
def together(postgres: Postgres | None = None) -> Iterator[Parts]:
    """Two Chips, and all that they share. A PostgreSQL that runs already may be used."""
    with ExitStack() as stack:
        postgres = postgres or stack.enter_context(Postgres())
        database = postgres.create_database(GENERATION)
        stack.callback(postgres.drop_database, database)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="chip-faults-")))
        disk = stack.enter_context(Disk(folder))
        valkey = stack.enter_context(Valkey(folder, settings={"auto-aof-rewrite-min-size": "8mb"}))
        courier = stack.enter_context(Courier(database))
        rapidpro = Rapidpro.open(database)
        channel = rapidpro.channel(rapidpro.org(), secret=SECRET)
        rapidpro.close()
        parts = Parts(channel, courier, RapidproTruth(database, courier))
        parts.processes |= {"valkey": valkey, "postgresql": postgres, "courier": courier}
        parts.disks["valkey"] = disk
        for name in ("chip-1", "chip-2"):
            to_valkey = parts.line(stack, f"{name} to valkey", valkey.port)
            to_database = parts.line(stack, f"{name} to postgresql", postgres.port)
            to_courier = parts.line(stack, f"{name} to courier", courier.port)
            chip = ChipProcess(
                db=postgres.url_of(database.rsplit("/", 1)[1], port=to_database),
                valkey=valkey.url_of(5, port=to_valkey),
                domain=f"127.0.0.1:{to_courier}",
                limits="off",
                instance_id=name,
            )
            parts.add_chip(stack, name, chip)
        yield parts


@contextmanager
def alone() -> Iterator[Parts]:
    """One Chip on SQLite, with agents at its desk."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="chip-faults-")))
        data = folder / "chip-data"
        data.mkdir(mode=0o700)
        disk = stack.enter_context(Disk(data))
        chip = ChipProcess(directory=folder, limits="off", desk_token=TOKEN, desk_guide=False)
        stack.enter_context(chip)
        desk = DeskApi(data)
        parts = Parts(desk.channel(), desk, DeskTruth(data))
        parts.disks["chip-1"] = disk
        parts.add_chip(stack, "chip-1", chip)
        yield parts
