"""The samples for three machines make what the guide says they do, from the files as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.chip_process import ChipProcess
from tests.support.process import eventually
from tests.support.sample import FromSample


@pytest.fixture
def machines() -> Iterator[str]:
    """Three of them; the URL for Chip."""
    with ExitStack() as stack:
        one = stack.enter_context(FromSample("sentinel/valkey.conf", {"port 6379": "port {port}"}))
        of_one = f"127.0.0.1 {one.port}"
        others = {"port 6379": "port {port}", "# replicaof one 6379": f"replicaof {of_one}"}
        for _ in range(2):
            stack.enter_context(FromSample("sentinel/valkey.conf", others))
        eventually(
            lambda: "good_slaves:2" in one.cli("INFO", "replication"), "the replicas have come"
        )
        watching = {"port 26379": "port {port}", "one 6379": of_one}
        sentinels = [
            stack.enter_context(FromSample("sentinel/sentinel.conf", watching, "--sentinel"))
            for _ in range(3)
        ]
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in sentinels)
        yield f"valkey://:secret@{hosts}/5?sentinel=chats&sentinel_password=open"


def test_chip_finds_nothing_wrong_with_what_the_samples_make(check, machines):
    checked = check(valkey=machines, valkey_replicas=1)
    (line,) = [line for line in checked.lines if "Valkey" in line]
    assert line.startswith("ok ")
    assert line.endswith("(as Sentinel's chats), database 5, 2 replicas")


def test_a_chip_whose_replicas_are_too_few_does_not_start(usual):
    chip = ChipProcess(**usual({"valkey_replicas": 1}))
    try:
        status, said = chip.run_to_end()
    finally:
        chip.close()
    assert status != 0
    assert "Valkey has too few replicas" in said


def test_a_chip_that_is_to_wait_for_more_replicas_than_there_are_is_told(check, valkey):
    checked = check(valkey=valkey.url, valkey_replicas=2)
    assert checked.status == 1
    assert checked.failures == ["Valkey: it has 0 replicas, and valkey_replicas is 2"]
