"""A Cluster by the samples and the guide, and Chips on it.

Its nodes have the sample's configuration and the arguments of the sample unit; the guide's command
makes one Cluster of them.
"""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from twisted.internet.threads import deferToThread

from tests.support.guide import cluster_creation, valkey_rights
from tests.support.process import eventually, free_port
from tests.support.sample import SAMPLES, FromSample

from .test_inspect import inspected


def says(node: FromSample, words: str, *asked: str) -> None:
    """Return once the node answers with these words."""
    eventually(lambda: words in node.cli(*asked), words)


class Node(FromSample):
    """A node as the unit starts it, but for its place."""

    needs_disk = False

    def __init__(self) -> None:
        super().__init__(
            "cluster/valkey.conf",
            {"port 6379": "port {port}"},
            *("--cluster-port", str(free_port())),
            # Else a primary may not count a replica for a second, though it is online.
            *("--repl-diskless-sync", "no"),
        )

    def command(self) -> list[str]:
        unit = (SAMPLES / "cluster" / "valkey-node@.service").read_text()
        (started,) = re.findall(r"^ExecStart=\S+ \S+ (.*)$", unit, re.MULTILINE)
        of_unit = started.replace("/var/lib/valkey/%i", str(self.directory))
        server, config, *here = super().command()
        return [server, config, *of_unit.replace("%i", str(self.port)).split(), *here]


def replicas(node: FromSample) -> int:
    """How many replicas are up to date."""
    return node.cli("INFO", "replication").count("state=online")


@pytest.fixture(scope="module")
def cluster_url():
    """Three primaries with two replicas each, and the user that the guide makes."""
    with ExitStack() as stack:
        nodes = [Node() for _ in range(9)]
        for node in nodes:
            node.spawn()
        for node in nodes:
            stack.enter_context(node)
        places = [f"127.0.0.1:{node.port}" for node in nodes]
        nodes[0].cli(*cluster_creation(places), "--cluster-yes")
        for node in nodes:
            node.cli("ACL", "SETUSER", "chip", "on", ">s3cret", *valkey_rights().split())
        for node in nodes:
            says(node, "cluster_state:ok", "CLUSTER", "INFO")
        for node in nodes[:3]:
            eventually(lambda node=node: replicas(node) == 2, "both replicas are there")
        yield f"valkey-cluster://chip:s3cret@{','.join(places[:3])}"


def test_a_check_finds_each_primary_well(check, cluster_url):
    checked = check(valkey=cluster_url, valkey_replicas=1)
    assert checked.status == 0, checked.lines
    found = [line for line in checked.only("ok") if line.startswith("Valkey: ")]
    assert len(found) == 3
    for line in found:
        assert re.search(r" \d+\.\d+\S* at 127\.0\.0\.1:\d+, database 0, 2 replicas$", line)


async def test_two_chips_talk_through_it_and_an_inspection_sees_it(
    start_chip, visit, courier, channel, cluster_url, usual
):
    on_it = {"valkey": cluster_url, "valkey_replicas": 1}
    here, there = start_chip(**on_it), start_chip(**on_it)
    bob = await visit(there)
    await bob.start_chat()
    courier.configure(chip=here.url)
    await courier.apart.send(channel, bob.chat_id, "from Courier")
    (event,) = await bob.hears("from Courier", ack=False)

    status, said = await deferToThread(
        inspected, event["msg_out"]["id"], **usual({"valkey": cluster_url})
    )
    assert status == 0, said
    assert "now      waits for its visitor, 1 of 1" in said
    assert "open     in 1 process\n" in said

    bob.ack(event)
    bob.send("from the visitor")
    await courier.apart.wait(1, bob.chat_id, "msg_status")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
