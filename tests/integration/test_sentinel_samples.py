"""The samples for three machines make what the guide says they do, from the files as they are."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.process import ChildProcess, answers, eventually, free_port
from tests.support.valkey import binary

SAMPLES = Path(__file__).parents[2] / "chip" / "samples" / "sentinel"


class FromSample(ChildProcess):
    """A server with the configuration of a sample, but for its port and the name of `one`."""

    name = "sample"

    def __init__(self, sample: str, replacing: dict[str, str], *arguments: str) -> None:
        super().__init__()
        self.port = free_port()
        self._arguments = arguments
        text = (SAMPLES / sample).read_text()
        for words, others in ({"bind 0.0.0.0": "bind 127.0.0.1"} | replacing).items():
            assert words in text
            text = text.replace(words, others.format(port=self.port))
        self._path = self.directory / sample
        self._path.write_text(text)

    def command(self) -> Sequence[str]:
        return [binary("server"), str(self._path), *self._arguments]

    def ready(self) -> bool:
        return answers(self.port)

    def replication(self) -> str:
        """What a Valkey says of its replicas."""
        asking = [binary("cli"), "-p", str(self.port), "-a", "secret", "INFO", "replication"]
        return subprocess.run(asking, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def machines() -> Iterator[str]:
    """Three of them; the URL for Chip."""
    with ExitStack() as stack:
        one = stack.enter_context(FromSample("valkey.conf", {"port 6379": "port {port}"}))
        of_one = f"127.0.0.1 {one.port}"
        others = {"port 6379": "port {port}", "# replicaof one 6379": f"replicaof {of_one}"}
        for _ in range(2):
            stack.enter_context(FromSample("valkey.conf", others))
        eventually(lambda: "good_slaves:2" in one.replication(), "the replicas have come")
        watching = {"port 26379": "port {port}", "one 6379": of_one}
        sentinels = [
            stack.enter_context(FromSample("sentinel.conf", watching, "--sentinel"))
            for _ in range(3)
        ]
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels)
        yield f"valkey://:secret@{hosts}/5?sentinel=chats&sentinel_password=open"


def test_chip_finds_nothing_wrong_with_what_the_samples_make(check, machines):
    checked = check(valkey=machines, valkey_replicas=1)
    (line,) = [line for line in checked.lines if "Valkey" in line]
    assert line.startswith("ok ")
    assert line.endswith("(as Sentinel's chats), database 5, 2 replicas")


def test_a_chip_that_is_to_wait_for_more_replicas_than_there_are_is_told(check, valkey):
    checked = check(valkey=valkey.url, valkey_replicas=2)
    assert checked.status == 1
    assert checked.failures == ["Valkey: it has 0 replicas, and valkey_replicas is 2"]
