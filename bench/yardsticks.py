"""The yardsticks: what the parts that Chip is made of do on this machine at this moment.

Each is measured the way that the figures beside it are, on a process of `bench.bare`.
"""

import asyncio
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from bench.bare import BODY
from bench.measures import COURIERS, Effort
from bench.meters import measured, private_bytes, quantile
from bench.sends import Posters, at_rate
from bench.targets import Yardstick
from bench.visitors import Visitor, connect, in_parallel, masked
from tests.support.courier import Courier
from tests.support.process import ChildProcess, answers, free_port

_ROOT = Path(__file__).parents[1]
_IDLE = 2000


class Bare(ChildProcess):
    """A bare part that listens."""

    name = "bare"

    def __init__(self, part: str) -> None:
        super().__init__()
        self.part = part
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "bench.bare", self.part, str(self.port)]

    def spawn_options(self) -> dict[str, object]:
        return {"cwd": _ROOT}

    def ready(self) -> bool:
        return answers(self.port)


async def measure(effort: Effort) -> dict[str, Yardstick]:
    """Measure all of them."""
    with Bare("echo") as bare:
        echo = await _echo(bare)
    with Bare("post") as bare:
        post = await _post(bare, effort)
    return echo | post | await _treq()


async def _echo(bare: Bare) -> dict[str, Yardstick]:
    visitors = await in_parallel((connect(bare.url) for _ in range(50)), 50)
    frames = b"".join(masked(b'{"type":"send_msg","text":"hello %d"}' % n) for n in range(200))
    count = 200 * len(visitors)
    await _echo_all(visitors, frames, count)
    with measured([bare.pid]) as meter:
        await _echo_all(visitors, frames, count)
    before = private_bytes(bare.pid)
    idle = await in_parallel((connect(bare.url) for _ in range(_IDLE)), 50)
    memory = (private_bytes(bare.pid) - before) / _IDLE / 1000
    for visitor in [*visitors, *idle]:
        visitor.vanish()
    return {
        "echo rate": Yardstick(
            "Autobahn echo", "/s", count / meter.seconds, meter.cpu / count * 1e6
        ),
        "echo memory": Yardstick("Autobahn connection", "KB", memory),
    }


async def _echo_all(visitors: Sequence[Visitor], frames: bytes, count: int) -> None:
    done = asyncio.get_running_loop().create_future()

    def heard(_: bytes) -> None:
        nonlocal count
        count -= 1
        if not count:
            done.set_result(None)

    for visitor in visitors:
        visitor.heard = heard
        visitor.send_frames(frames)
    await done


async def _post(bare: Bare, effort: Effort) -> dict[str, Yardstick]:
    posters = Posters(bare.url, COURIERS)
    request = posters.request("/", BODY)
    for _ in range(100):
        await posters.post(request)
    count = 2000
    with measured([bare.pid]) as meter:
        await in_parallel((posters.post(request) for _ in range(count)), COURIERS)
    twenties = []
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(20):
            await posters.post(request)
        twenties.append(1000 * (time.perf_counter() - began))
    latencies: list[float] = []

    def send(_: int, due: float) -> None:
        task = asyncio.create_task(posters.post(request))
        task.add_done_callback(lambda _: latencies.append(1000 * (time.perf_counter() - due)))

    await at_rate(200, 100 * effort.delivery_seconds, send)
    await asyncio.sleep(0.1)
    posters.close()
    label = "twisted.web POST"
    return {
        "post rate": Yardstick(label, "/s", count / meter.seconds, meter.cpu / count * 1e6),
        "post p50": Yardstick(f"{label} at 200/s, p50", "ms", quantile(latencies, 0.5)),
        "post p99": Yardstick(f"{label} at 200/s, p99", "ms", quantile(latencies, 0.99)),
        "twenty posts": Yardstick(f"20 of {label}", "ms", quantile(twenties, 0.5)),
    }


async def _treq() -> dict[str, Yardstick]:
    count = 2000
    with Courier(messages=False) as courier:
        url = f"http://{courier.domain}/c/chp/{uuid.uuid4()}/receive"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.bare", "treq", url, str(count), str(COURIERS)),
            stdout=subprocess.PIPE,
            cwd=_ROOT,
        )
        output, _ = await process.communicate()
    seconds, cpu = map(float, output.split())
    return {"treq rate": Yardstick("treq POST", "/s", count / seconds, cpu / count * 1e6)}
