"""Where log lines go: a descriptor, a rotated file, or syslog, as twistd's flags say.

`Target.write` takes one line with its newline and may raise OSError or ValueError; the line is
lost then, and the next one is tried again.
"""

import os
import signal
import sys
import syslog
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from twisted.python.logfile import LogFile


class Target(Protocol):
    """Where lines are written."""

    def write(self, line: bytes) -> None:
        """Write the whole line. Raises OSError or ValueError where it cannot."""

    def reopen(self) -> None:
        """Somebody may have moved the file away."""


class Descriptor:
    """An open file descriptor, without any buffer that could complain at exit."""

    def __init__(self, number: int) -> None:
        self._number = number

    def write(self, line: bytes) -> None:
        while line:
            line = line[os.write(self._number, line) :]

    def reopen(self) -> None:
        """Whoever opened it is in charge of it."""


class RotatedFile:
    """A file that twistd's rules rotate: at its size, and on SIGUSR1."""

    def __init__(self, path: str) -> None:
        # Absolute, because a daemon changes its directory after this.
        self._path = str(Path(path).absolute())
        self._file: Any = self._open()
        self._rotate = False

    def rotate_soon(self, *_signal: object) -> None:
        """Rotate before the next line; safe to call from a signal handler."""
        self._rotate = True

    def write(self, line: bytes) -> None:
        if self._file is None:
            self._file = self._open()
        try:
            if self._rotate:
                self._rotate = False
                self._file.rotate()
            self._file.write(line)
        except (OSError, ValueError):
            # It may have failed during a rotation: the next line opens the file again.
            self.reopen()
            raise

    def reopen(self) -> None:
        """Close the file; the next line opens it again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self) -> Any:
        return cast(Any, LogFile).fromFullPath(self._path)


class Syslog:
    """The machine's syslog."""

    def __init__(self, prefix: str) -> None:
        syslog.openlog(prefix, syslog.LOG_PID)

    def write(self, line: bytes) -> None:
        syslog.syslog(line.decode().rstrip("\n"))

    def reopen(self) -> None:
        """There is no file."""


def target_of(options: Mapping[str, object]) -> Target:
    """Return the target that twistd itself would use with these options of twistd.

    Raises SystemExit, with one line, where a daemon would have to write to the terminal, or the
    file cannot be opened.
    """
    if options.get("syslog"):
        return Syslog(str(options.get("prefix") or "chip"))
    path = str(options.get("logfile") or "")
    if path == "-" and not options.get("nodaemon"):
        raise SystemExit("chip: a daemon cannot log to the terminal (give -n, or --logfile FILE)")
    if path == "-" or (options.get("nodaemon") and not path):
        return Descriptor(sys.stdout.fileno())
    try:
        target = RotatedFile(path or "twistd.log")
    except OSError as error:
        raise SystemExit(f"chip: --logfile: {error.filename}: {error.strerror}") from None
    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, target.rotate_soon)
    return target
