"""Child processes with a directory, a port and a log of their own.

Owns starting, stopping and finding out whether something answers. Knows nothing of what runs.
Everything in here blocks: a test that has Chip inside its own reactor calls it through a thread.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PATIENCE = 30.0
_STOPPING = 45.0
"""Seconds that a program may take to end: Chip leaves behind what still hangs after 30, and says
so."""
MEMORY = Path("/dev/shm")
_alive: weakref.WeakSet[ChildProcess] = weakref.WeakSet()


class NotRunningError(Exception):
    """The process did not start, or ended when it should not have."""


class _Ports:
    """The ports that the tests' processes have given out: each locks a byte of one file, so that
    none gives out another's, also while nobody listens there because of a restart."""

    def __init__(self) -> None:
        path = Path(tempfile.gettempdir(), f"chip-test-ports-{os.getuid()}")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        # A process does not hold its own locks against itself.
        self._ours: set[int] = set()

    def reserve(self, port: int) -> bool:
        """Take a port until this process ends. Whether it was free."""
        if port in self._ours:
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except OSError:
            return False
        self._ours.add(port)
        return True


_ports = _Ports()


def free_port() -> int:
    """Return a TCP port that nobody uses on loopback, and that no other test is given.

    Ports below the kernel's range for outgoing connections, so that no client takes it meanwhile.
    """
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return so many, each the next of the one before."""
    while True:
        first = random.randrange(18000, 32000)
        ports = list(range(first, first + count))
        if all(_ports.reserve(port) and _nobody_uses(port) for port in ports):
            return ports


def _nobody_uses(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def eventually(
    condition: Callable[[], object], what: str, seconds: float = _PATIENCE, pause: float = 0.02
) -> None:
    """Ask until the condition holds; raise TimeoutError naming it when it never does.

    For parts that cannot tell when they are ready, such as another program's port.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(pause)


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something accepts TCP connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


class ChildProcess:
    """A program in a private directory, whose output goes to a file there."""

    name = "child"
    stop_signal = signal.SIGTERM
    needs_disk = True
    """Whether its files are to be on a disk. Where they need not, no disk holds the program up."""

    def __init__(self, directory: Path | None = None) -> None:
        self._own_directory = directory is None
        if directory is None:
            in_memory = not self.needs_disk and os.access(MEMORY, os.W_OK)
            within = MEMORY if in_memory else None
            directory = Path(tempfile.mkdtemp(prefix=f"chip-{self.name}-", dir=within))
        self.directory = directory
        self.log_path = self.directory / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        _alive.add(self)

    # What a subclass says about its program.

    def command(self) -> Sequence[str]:
        """Return the program and its arguments."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str] | None:
        """Return the environment of the program; None is this process's own."""
        return None

    def ready(self) -> bool:
        """Tell whether the program serves."""
        raise NotImplementedError

    def spawn_options(self) -> dict[str, object]:
        """Return further arguments for Popen."""
        return {}

    # What its users do with it.

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        if self.process is None:
            raise NotRunningError(f"{self.name} was not started")
        return self.process.pid

    def log(self) -> str:
        """Return everything that the program has written so far, over all its starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def spawn(self) -> None:
        """Start the program without waiting until it serves."""
        if self.running:
            return
        with self.log_path.open("ab") as log:
            options = {
                "cwd": self.directory,
                "env": self.environment(),
                "stdin": subprocess.DEVNULL,
                "stdout": log,
                "stderr": subprocess.STDOUT,
                # A Ctrl-C at the terminal is for the tests, which then stop their parts in order.
                "start_new_session": True,
            }
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                self.command(), **(options | self.spawn_options())
            )

    def start(self) -> None:
        """Start the program and return once it serves."""
        self.spawn()
        eventually(self._ready_or_dead, f"{self.name} serves")

    def _ready_or_dead(self) -> bool:
        if not self.running:
            raise NotRunningError(f"{self.name} ended early:\n{self.log()[-4000:]}")
        return self.ready()

    def wait_for_exit(self, seconds: float = _PATIENCE) -> int:
        """Return the exit status, negative for a signal, once the program has ended."""
        if self.process is None:
            raise NotRunningError(f"{self.name} was not started")
        return self.process.wait(seconds)

    def stop(self) -> int | None:
        """Ask the program to end; return its exit status, None when it did not run. One that does
        not end is killed; raises NotRunningError with what it wrote last."""
        if self.process is None:
            return None
        if self.running:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(self.stop_signal)
        try:
            return self.wait_for_exit(_STOPPING)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NotRunningError(f"{self.name} did not end:\n{self.log()[-4000:]}") from None

    def kill(self) -> None:
        """End the program at once, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def restart(self) -> None:
        """Stop in order and start again, on the same port and directory."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the program: its connections stay open and nobody answers."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused program go on."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop the program and remove its directory, if this object made it."""
        self.stop()
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        _alive.discard(self)

    def __enter__(self):  # type: ignore[no-untyped-def]
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@atexit.register
def end_all() -> None:
    """Kill every process that was not stopped, as when the tests are interrupted."""
    for child in list(_alive):
        child.kill()
        if child._own_directory:
            shutil.rmtree(child.directory, ignore_errors=True)
