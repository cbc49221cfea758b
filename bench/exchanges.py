"""What an exchange costs Valkey, and Chip on its way there.

    python -m bench.exchanges     # alone, with a replica that is waited for or not, in a Cluster

Every server has each change on its disk before it answers (`appendfsync always`).

An exchange is a message to a visitor that he acknowledges, and an answer of his that is forwarded:
it is appended, acknowledged, reported, said and settled. Many chats have one under way at a time,
so calls carry many entries, as they do where there is much to do.
"""

import argparse
import json
import time
from itertools import count
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from bench.meters import measured
from bench.servers import machine
from bench.targets import markdown
from chip.chat.outbound.ports import Outcome
from chip.chat.ports import Queue
from chip.limits import Limits
from chip.models import ChatKey, Incoming, MsgName
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.cluster.queue import ClusterQueue
from chip.queue.valkey.queue import ValkeyQueue
from tests.support.sentinels import Pair
from tests.support.valkey import Valkey
from tests.support.valkey_cluster import ValkeyCluster

CHANNEL = "7d62d551-3030-4100-a260-2d7c4e9693e7"
CHATS = 1000
AT_ONCE = (1, 10, 100, 1000)
SECONDS = 5.0
"""Seconds that each row is measured for."""
STORED = {"appendonly": "yes", "appendfsync": "always"}
TEXT = "Thank you for calling. How can we help you today?"
_TITLES = (
    "Valkey",
    "chats at once",
    "exchanges/s",
    "CPU of Valkey, µs",
    "CPU of Chip, µs",
    "ms each",
)


class Setup(NamedTuple):
    """A Valkey, and how many replicas are waited for."""

    name: str
    url: str
    pids: list[int]
    replicas: int = 0


async def _exchange(queue: Queue, chat: ChatKey, number: int) -> None:
    name = MsgName(number, f"uuid-{number}")
    message = {"id": number, "uuid": name.uuid, "text": TEXT, "attachments": []}
    await queue.outbox.append(chat, name, json.dumps(message).encode())
    await queue.outbox.ack(chat, name)
    said = [Incoming(TEXT, f"ref-{number}")]
    claim = (await queue.spool.append(chat, said, last_confirmed="", may_claim=True)).claim
    while claim.batch is not None:
        outcome = Outcome(remove=len(claim.batch.entries))
        claim = await queue.spool.settle(claim.batch, outcome)


async def _measure(setup: Setup, at_once: int, seconds: float, reactor: Any) -> list[str]:
    """A row of the table."""
    address = parse_url(setup.url)
    make = ClusterQueue if address.cluster else ValkeyQueue
    queue = make(address, reactor=reactor, limits=Limits(), replicas=setup.replicas)
    await queue.open()
    numbers = count(1)
    chats = [ChatKey(f"{number:024}", CHANNEL) for number in range(CHATS)]
    ends = time.monotonic() + seconds
    done = 0

    async def one_after_the_other(mine: list[ChatKey]) -> None:
        nonlocal done
        while time.monotonic() < ends:
            number = next(numbers)
            await _exchange(queue, mine[number % len(mine)], number)
            done += 1

    own = time.process_time()
    with measured(setup.pids) as meter:
        await gatherResults(
            [
                Deferred.fromCoroutine(one_after_the_other(chats[start::at_once]))
                for start in range(at_once)
            ]
        )
    own = time.process_time() - own
    await queue.close()
    return [
        setup.name,
        f"{at_once}",
        f"{done / meter.seconds:,.0f}",
        f"{1e6 * meter.cpu / done:,.0f}",
        f"{1e6 * own / done:,.0f}",
        f"{1000 * meter.seconds * at_once / done:.1f}",
    ]


async def _main(reactor: Any, seconds: float) -> None:
    rows = []
    # A Pair stores like that, too.
    with (
        Valkey(settings=STORED) as alone,
        Pair() as pair,
        ValkeyCluster(settings=STORED) as cluster,
    ):
        beside = [pair.primary.pid]
        setups = [
            Setup("one", alone.url, [alone.pid]),
            Setup("with a replica", pair.primary.url, beside),
            Setup("with a replica that is waited for", pair.primary.url, beside, 1),
            Setup("three nodes", cluster.url, [node.pid for node in cluster.nodes]),
        ]
        for setup in setups:
            rows += [await _measure(setup, at_once, seconds, reactor) for at_once in AT_ONCE]
    print(f"{machine()}\n\n{markdown(_TITLES, rows)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m bench.exchanges",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="for each row; %(default)s by default"
    )
    options = parser.parse_args()
    react(lambda reactor: Deferred.fromCoroutine(_main(reactor, options.seconds)))
