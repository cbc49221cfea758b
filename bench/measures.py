"""What is measured, one function each: it gets a fresh Chip and returns its figures.

A rate is that of the median round. CPU is Chip's alone, all its processes together.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from bench.meters import Meter, measured, private_bytes, quantile
from bench.open_chats import Accepted, Readers
from bench.sends import Posters, at_rate
from bench.servers import PATIENCE, RunningChip
from bench.targets import Figure
from bench.visitors import Visitor, in_parallel, masked, resume

Figures = dict[str, Figure]
Measure = Callable[[RunningChip, "Effort"], Awaitable[Figures]]

WARM = 200
"""Visitors who come and go before memory is looked at: what only the first of them cost is not
anybody's share."""
COURIERS = 16
"""Connections over which Courier sends."""


GREEDY = "198.51.100.66"
NEWEST_PAGE = b'{"type":"get_history","before":"9999-01-01T00:00:00Z"}'


class Effort(NamedTuple):
    """How long to measure."""

    rounds: int
    idle_seconds: int
    delivery_seconds: int
    outgoing_each: int
    pages_each: int


FULL = Effort(rounds=3, idle_seconds=60, delivery_seconds=20, outgoing_each=10, pages_each=100)
QUICK = Effort(rounds=2, idle_seconds=15, delivery_seconds=5, outgoing_each=3, pages_each=30)


def _cpu(meter: Meter, operations: int) -> float:
    return meter.cpu / operations * 1e6


def _median(rounds: Sequence[Figure]) -> Figure:
    return Figure(
        statistics.median(figure.value for figure in rounds),
        statistics.median(figure.cpu or 0 for figure in rounds),
    )


async def starts(chip: RunningChip, effort: Effort) -> Figures:
    """Visitors arrive as fast as they are let in, each connecting and starting a chat."""
    await chip.visitors(WARM)
    await chip.settle()
    rounds = []
    for _ in range(effort.rounds):
        with measured(chip.pids) as meter:
            await chip.visitors(800)
        rounds.append(Figure(800 / meter.seconds, _cpu(meter, 800)))
    return {"starts": _median(rounds)}


async def idle(chip: RunningChip, effort: Effort) -> Figures:
    """4,000 visitors say nothing."""
    memory = await grow(chip, 4000)
    await chip.settle(3)
    with measured(chip.pids) as meter:
        await asyncio.sleep(effort.idle_seconds)
    return {"memory": Figure(memory), "idle": Figure(100 * meter.cpu / meter.seconds)}


async def grow(chip: RunningChip, count: int) -> float:
    """Have so many chats started; return the KB of memory that each one takes."""
    for visitor in await chip.visitors(WARM):
        visitor.vanish()
    await chip.settle(2)
    before = sum(map(private_bytes, chip.pids))
    await chip.visitors(count)
    await chip.settle(2)
    return (sum(map(private_bytes, chip.pids)) - before) / count / 1000


async def forwarded(chip: RunningChip, effort: Effort) -> Figures:
    """2,000 visitors say something at the same time, one message each."""
    return await _incoming(chip, effort, chats=2000, each=1, names=("forwarded", "accepted"))


async def bursts(chip: RunningChip, effort: Effort) -> Figures:
    """50 visitors say 200 things at once."""
    return await _incoming(chip, effort, chats=50, each=200, names=("bursts", ""))


async def _incoming(
    chip: RunningChip, effort: Effort, *, chats: int, each: int, names: tuple[str, str]
) -> Figures:
    visitors = await chip.visitors(chats)
    rounds: tuple[list[Figure], list[Figure]] = [], []
    count = chats * each
    for turn in range(effort.rounds):
        await chip.settle()
        chip.courier.clear()
        accepted = Accepted(visitors, count)
        frames = [b"".join(_say(turn, number) for number in range(each))] * chats
        with measured(chip.pids) as meter:
            began, said = time.time(), time.perf_counter()
            for visitor, frame in zip(visitors, frames, strict=True):
                visitor.send_frames(frame)
            await asyncio.wait_for(accepted.done, PATIENCE)
            seconds = time.perf_counter() - said
            latest = await chip.wait_for_courier(count, "msg_in")
            meter.stop()
        rounds[0].append(Figure(count / (latest - began), _cpu(meter, count)))
        rounds[1].append(Figure(count / seconds))
    to_courier, to_spool = names
    figures = {to_courier: _median(rounds[0])}
    if to_spool:
        figures[to_spool] = Figure(_median(rounds[1]).value)
    return figures


def _say(turn: int, number: int) -> bytes:
    said = {"type": "send_msg", "text": f"This is what I say, {turn}.{number}"}
    return masked(msgspec.json.encode(said | {"ref": f"{turn}.{number}"}))


async def delivery(chip: RunningChip, effort: Effort) -> Figures:
    """200 messages a second arrive for 1,000 visitors."""
    visitors = await chip.visitors(1000)
    latencies, cpu = await deliver(chip, visitors, 200 * effort.delivery_seconds)
    return {
        "delivery p50": Figure(quantile(latencies, 0.5), cpu),
        "delivery p99": Figure(quantile(latencies, 0.99), cpu),
    }


async def deliver(
    chip: RunningChip, visitors: Sequence[Visitor], count: int
) -> tuple[list[float], float]:
    """Send at 200/s; return the milliseconds that each took from when it was due, and the CPU."""
    chosen = [visitors[number * 7919 % len(visitors)] for number in range(count)]
    posters = chip.posters(COURIERS)
    requests = _requests(chip, posters, chosen)
    due: dict[str, float] = {}
    latencies: list[float] = []
    readers = Readers(
        visitors,
        count,
        lambda text: latencies.append(1000 * (time.perf_counter() - due[text])),
    )
    posting: set[asyncio.Task[None]] = set()

    def send(number: int, when: float) -> None:
        due[str(number)] = when
        posting.add(asyncio.create_task(posters.post(requests[number])))

    await chip.settle()
    with measured(chip.pids) as meter:
        await at_rate(200, count, send)
        await asyncio.wait_for(asyncio.gather(readers.done, *posting), PATIENCE)
    return latencies, _cpu(meter, count)


def _requests(chip: RunningChip, posters: Posters, recipients: Sequence[Visitor]) -> list[bytes]:
    """Sends to these, in this order, whose messages RapidPro has written. Texts are numbers.

    Each recipient has to be there equally often.
    """
    distinct = list(dict.fromkeys(recipients))
    written: dict[Visitor, list[str]] = {}
    for visitor, name in chip.servers.write_messages(
        distinct, -(-len(recipients) // len(distinct))
    ):
        written.setdefault(visitor, []).append(name)
    return [
        chip.send_request(posters, visitor, written[visitor].pop(), str(number))
        for number, visitor in enumerate(recipients)
    ]


async def twenty(chip: RunningChip, effort: Effort) -> Figures:
    """One visitor gets 20 messages, each posted when the one before was taken."""
    rounds = []
    posters = chip.posters(1)
    for visitor in await chip.visitors(4 * effort.rounds):
        requests = _requests(chip, posters, [visitor] * 20)
        readers = Readers([visitor], 20)
        await chip.settle(0.2)
        with measured(chip.pids) as meter:
            for request in requests:
                await posters.post(request)
            await readers.done
        rounds.append(Figure(1000 * meter.seconds, _cpu(meter, 20)))
    return {"twenty": _median(rounds)}


async def outgoing(chip: RunningChip, effort: Effort) -> Figures:
    """Messages for 500 visitors, as fast as Chip takes them."""
    visitors = await chip.visitors(500)
    posters = chip.posters(COURIERS)
    shown, reported = [], []
    count = len(visitors) * effort.outgoing_each
    for _ in range(effort.rounds):
        requests = _requests(chip, posters, visitors * effort.outgoing_each)
        readers = Readers(visitors, count)
        await chip.settle()
        chip.courier.clear()
        with measured(chip.pids) as meter:
            began, posted = time.time(), time.perf_counter()
            await in_parallel(map(posters.post, requests), COURIERS)
            await asyncio.wait_for(readers.done, PATIENCE)
            seconds = time.perf_counter() - posted
            latest = await chip.wait_for_courier(count, "msg_status")
            meter.stop()
        shown.append(Figure(count / seconds, _cpu(meter, count)))
        reported.append(Figure(count / (latest - began)))
    return {"outgoing": _median(shown), "reports": Figure(_median(reported).value)}


async def history(chip: RunningChip, effort: Effort) -> Figures:
    """50 visitors leaf through the newest page of a long chat, again and again."""
    visitors = await chip.visitors(50)
    chip.servers.write_messages(visitors, 30, "O")
    chip.servers.write_messages(visitors, 30, "I")
    chip.servers.rapidpro.connection.execute("ANALYZE msgs_msg")

    async def leaf(visitor: Visitor, pages: int) -> None:
        for _ in range(pages):
            page = await visitor.ask(NEWEST_PAGE)
            if page.count(b'"text":') != 25:
                raise ValueError(page.decode())

    rounds = []
    for _ in range(effort.rounds):
        await chip.settle()
        with measured(chip.pids) as meter:
            await asyncio.gather(*(leaf(visitor, effort.pages_each) for visitor in visitors))
        count = len(visitors) * effort.pages_each
        rounds.append(Figure(count / meter.seconds, _cpu(meter, count)))
    return {"history": _median(rounds)}


async def greedy(chip: RunningChip, effort: Effort) -> Figures:
    """One address takes all it is given of long histories, while messages arrive for others."""
    others = await chip.visitors(250, [f"203.0.113.{number}" for number in range(250)])
    tabs = await chip.visitors(40, [GREEDY])
    chip.servers.write_messages(tabs, 60, length=3000)
    for visitor in 4 * tabs:
        await asyncio.sleep(0.05)  # as fast as an address may connect
        tabs.append(await resume(chip.url, GREEDY, visitor.chat_id))
    chip.present += tabs[40:]
    taken = 0

    def heard(payload: bytes) -> None:
        nonlocal taken
        taken += len(payload)

    async def take(visitor: Visitor) -> None:
        visitor.heard = heard
        while True:
            visitor.send(NEWEST_PAGE)
            await asyncio.sleep(0.5)

    taking = [asyncio.create_task(take(visitor)) for visitor in tabs]
    began = time.perf_counter()
    latencies, _ = await deliver(chip, others, 200 * effort.delivery_seconds)
    seconds = time.perf_counter() - began
    for task in taking:
        task.cancel()
    return {
        "greedy bytes": Figure(taken / seconds / 1e6),
        "greedy p99": Figure(quantile(latencies, 0.99)),
    }


LIMITED: Collection[str] = {"greedy"}  # measured with Chip's limits on
MEASURES: Mapping[str, Measure] = {
    "delivery": delivery,
    "twenty": twenty,
    "idle": idle,
    "outgoing": outgoing,
    "bursts": bursts,
    "forwarded": forwarded,
    "starts": starts,
    "history": history,
    "greedy": greedy,
}
