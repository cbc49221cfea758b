"""Doing what a plan says to what runs, and undoing it.

One function for each kind of harm. Each blocks while it takes effect, is run in a thread, and
returns how to end it; what is over at once returns nothing to do.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Final, cast

from faults.parts import Parts
from tests.support.courier import Courier
from tests.support.postgres import Postgres
from tests.support.process import ChildProcess, NotRunningError
from tests.support.proxy import FaultyProxy
from tests.support.valkey import Valkey

End = Callable[[], object]

SLOW: Final = 2000.0
"""Bytes a second."""
LATE: Final = 0.4
"""Seconds that everything is held back, each way."""
STARTS: Final = 60
"""Tries to start a process."""
RESTART_SEC: Final = 0.5
"""Seconds between two of them, as systemd's setting of that name."""
_COURIER: Final[dict[str, dict[str, object]]] = {
    "answers 500": {"status": 500},
    "is a proxy that says 400": {"status": 400, "body": "<html>no</html>"},
    "hangs up before the work": {"hang_up": True},
    "hangs up after the work": {"hang_up": True, "work": True},
    "takes its time": {"linger": 0.8},
}


def nothing() -> None:
    """There is nothing to end."""


def do(parts: Parts, whom: str, what: str) -> End:
    """Do it; return what ends it."""
    if whom in parts.lines:
        return _to_line(parts.lines[whom], what)
    process = parts.processes[whom]
    if what == "has a full disk" and (whom != "valkey" or parts.disks[whom].is_there):
        return _fill_disk(parts, whom)
    if isinstance(process, Courier) and (what in _COURIER or what == "does not listen"):
        return _to_courier(process, what)
    if isinstance(process, Courier):
        parts.truth.note()
    if what == "drops its clients":
        cast(Postgres, process).disconnect_all()
        return nothing
    if what in {"has a full memory", "has a full disk"}:
        return _fill_memory(cast(Valkey, process))
    return _to_process(process, what)


def _to_process(process: ChildProcess, what: str) -> End:
    match what:
        case "is killed":
            process.kill()
            return lambda: start(process)
        case "is restarted":
            process.stop()
            start(process)
            return nothing
        case "stands still":
            _signal_all(process, signal.SIGSTOP)
            return lambda: _signal_all(process, signal.SIGCONT)
    raise ValueError(what)


def start(process: ChildProcess) -> None:
    """Start a process until it serves, as systemd does: Chip ends where it finds no database."""
    for _ in range(STARTS):
        with contextlib.suppress(NotRunningError, TimeoutError):
            process.start()
            return
        time.sleep(RESTART_SEC)
    raise NotRunningError(f"{process.name} does not start")


def _signal_all(process: ChildProcess, number: int) -> None:
    """Signal a process, and its children: PostgreSQL's do the work."""
    children = process.backends() if isinstance(process, Postgres) else []
    for pid in (process.pid, *children):
        os.kill(pid, number)


def _to_line(line: FaultyProxy, what: str) -> End:
    match what:
        case "is cut":
            line.reset()
            return nothing
        case "loses answers":
            line.cut_after(1, "down")
            return nothing
        case "passes nothing":
            line.black_hole()
        case "is slow":
            line.slow(SLOW)
        case "is late":
            line.latency(LATE)
        case _:
            raise ValueError(what)
    return line.heal


def _to_courier(courier: Courier, what: str) -> End:
    if what == "does not listen":
        courier.deaf()
    else:
        courier.fault(**_COURIER[what])
    return courier.heal


def _fill_disk(parts: Parts, whom: str) -> End:
    disk, process = parts.disks[whom], parts.processes[whom]
    disk.fill()

    def end() -> None:
        disk.free()
        start(process)  # Valkey ends when it cannot write

    return end


def _fill_memory(valkey: Valkey) -> End:
    valkey.cli("CONFIG", "SET", "maxmemory", "1")
    return lambda: valkey.cli("CONFIG", "SET", "maxmemory", "0")
