"""A small disk under a directory, which can be filled. Only root may mount one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import Final, Self

SIZE: Final = "48m"


class Disk:
    """Within its block, what lies in `directory` is on a disk of `SIZE`, if `is_there`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ballast = directory / "ballast"
        self.is_there = False

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            options = f"size={SIZE},mode=0700"
            command = ["mount", "-t", "tmpfs", "-o", options, "chip-faults", str(self._directory)]
            done = subprocess.run(command, capture_output=True, check=False)
            self.is_there = done.returncode == 0
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_there:
            subprocess.run(["umount", "--lazy", str(self._directory)], check=True)

    def fill(self) -> None:
        """Leave no byte free."""
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65_536))

    def free(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)
