"""Servers that are started from the samples, as an operator would."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from .process import ChildProcess, answers, free_port
from .valkey import binary

SAMPLES = Path(__file__).parents[2] / "chip" / "samples"


class FromSample(ChildProcess):
    """A server with the configuration of a sample, but for its port and what is to be replaced."""

    name = "sample"

    def __init__(self, sample: str, replacing: dict[str, str], *arguments: str) -> None:
        super().__init__()
        self.port = free_port()
        self._arguments = arguments
        text = (SAMPLES / sample).read_text()
        for words, others in ({"bind 0.0.0.0": "bind 127.0.0.1"} | replacing).items():
            assert words in text
            text = text.replace(words, others.format(port=self.port))
        self._path = self.directory / Path(sample).name
        self._path.write_text(text)

    def command(self) -> Sequence[str]:
        return [binary("server"), str(self._path), *self._arguments]

    def ready(self) -> bool:
        return answers(self.port)

    def cli(self, *command: str) -> str:
        """What the server's own client prints."""
        asking = [binary("cli"), "-p", str(self.port), "-a", "secret", "--no-auth-warning"]
        done = subprocess.run([*asking, *command], capture_output=True, text=True, check=True)
        return done.stdout
