"""Servers that are started from the samples, as an operator would."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from .process import ChildProcess, answers, free_port
from .valkey import binary

SAMPLES = Path(__file__).parents[2] / "chip" / "samples"


def adapted(sample: str, replacing: dict[str, str]) -> str:
    """The text of a sample, with other words in the place of those that it has."""
    text = (SAMPLES / sample).read_text()
    for words, others in replacing.items():
        assert words in text
        text = text.replace(words, others)
    return text


class FromSample(ChildProcess):
    """A server with the configuration of a sample, but for its port and what is to be replaced."""

    name = "sample"

    def __init__(self, sample: str, replacing: dict[str, str], *arguments: str) -> None:
        super().__init__()
        self.port = free_port()
        self._arguments = arguments
        replacing = {"bind 0.0.0.0": "bind 127.0.0.1"} | replacing
        others = {words: other.format(port=self.port) for words, other in replacing.items()}
        self._path = self.directory / Path(sample).name
        self._path.write_text(adapted(sample, others))

    def command(self) -> Sequence[str]:
        return [binary("server"), str(self._path), *self._arguments]

    def ready(self) -> bool:
        return answers(self.port)

    def cli(self, *command: str) -> str:
        """What the server's own client prints."""
        asking = [binary("cli"), "-p", str(self.port), "-a", "secret", "--no-auth-warning"]
        done = subprocess.run([*asking, *command], capture_output=True, text=True, check=True)
        return done.stdout
