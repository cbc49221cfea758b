"""A machine's clock that a test sets, for processes that are started with its environment.

Owns what those processes take for the time of day, by libfaketime. What counts monotonically is
left as it is, as by a real `date --set`.
"""

from __future__ import annotations

import time
from pathlib import Path

_LIBRARIES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib64/faketime/libfaketime.so.1")


class SetClock:
    """The clock, right until it is set."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self._ahead = 0
        self.set(0)

    def set(self, days: int) -> None:
        """Put the clock so many days ahead of the true time, or behind it."""
        self._ahead = days * 86_400
        # In one step: whoever reads half a line would see another time.
        new = self._file.with_suffix(".new")
        new.write_text(f"{self._ahead:+d}\n")
        new.rename(self._file)

    def time(self) -> float:
        """What the clock shows."""
        return time.time() + self._ahead

    @property
    def environment(self) -> dict[str, str]:
        """What a process is started with to live by this clock."""
        return {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def _library() -> str:
    for pattern in _LIBRARIES:
        for path in Path("/").glob(pattern.lstrip("/")):
            return str(path)
    raise FileNotFoundError("libfaketime is not installed; tools/test-packages installs it")
