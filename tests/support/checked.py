"""What ``twistd chip --check`` says of a set-up."""

from __future__ import annotations

import re
from typing import NamedTuple

from .chip_process import ChipProcess


class Checked(NamedTuple):
    """What a check said: its exit status, and its lines."""

    status: int
    lines: list[str]

    def only(self, verdict: str) -> list[str]:
        """The lines that say so, without the word."""
        return [line[8:] for line in self.lines if line.startswith(f"{verdict:<8}")]

    @property
    def failures(self) -> list[str]:
        return self.only("FAILED")

    @property
    def warnings(self) -> list[str]:
        return self.only("warning")


def checked(*flags: str, **settings: object) -> Checked:
    """Run a check with these settings to its end."""
    chip = ChipProcess("--check", *flags, **settings)
    try:
        status, said = chip.run_to_end()
    finally:
        chip.close()
    if "Traceback" in said or "sesame" in said:
        raise AssertionError(said)
    lines = said.splitlines()
    if not all(re.match(r"(ok|warning|FAILED) +\S.*: ", line) for line in lines):
        raise AssertionError(said)
    return Checked(status, lines)
