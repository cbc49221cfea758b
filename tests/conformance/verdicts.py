"""The kit's verdicts on Chip, and on Chip behind proxies that get something wrong."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from dataclasses import replace
from typing import Any

from chip.desk.external_channels import add_external_channel, read_address
from chip.store.public_ids import public_id
from chip_conformance.courier import Courier
from chip_conformance.promise import Extension, Need, Promise
from chip_conformance.promises import PROMISES
from chip_conformance.run import Outcome, Run
from chip_conformance.target import External, Target, Webchat
from tests.conformance.wrong_server import Wrong, WrongCourier, WrongServer
from tests.conformance.wrongs import ALONE, EARLIER, NEVER_ANSWER
from tests.support.chip_process import ChipProcess
from tests.support.courier import Courier as RealCourier
from tests.support.process import free_port
from tests.support.rapidpro import Rapidpro

BEARER = "Bearer sesame"
BY_NAME = {promise.name: promise for promise in PROMISES}
ALL = frozenset(Extension)
SLOW = {promise.name for promise in PROMISES if promise.slow}
"""Left out with RapidPro: its database tells what has arrived, once Courier is done for sure."""
NOT_EXTERNAL = {Need.WEBCHAT}
NOT_WEBCHAT = {Need.EXTERNAL, Need.OWN_STORE}
PATIENT, IMPATIENT = 30.0, 3.0
"""Seconds for servers that answer on a busy machine, and for those whose fault is that they never
do."""
TRIES = 3
"""How often a wrong server is tried: on a machine that stands still, haste looks like patience."""
AT_ONCE = 12
"""Wrong servers tried at a time, besides those."""


def tried(without: set[Need]) -> set[str]:
    """The promises that need none of these."""
    return {name for name, promise in BY_NAME.items() if not promise.needs & without}


class Verdicts:
    """What the kit says of Chip, and of Chip with each thing wrong that it is tried with."""

    def __init__(self, chip: ChipProcess, channel: Any, port: int, upstream: str = "") -> None:
        self.of_chip: dict[str, Outcome] = {}
        self.of_wrong: dict[str, Outcome] = {}
        self.of_earlier: dict[str, Outcome] = {}
        self.chip = chip
        self.channel = channel
        self._port = port
        self._courier = Courier(channel, upstream, PATIENT)
        self._kit = free_port()
        self._between = WrongCourier(f"http://127.0.0.1:{self._kit}")
        self._turns = asyncio.Semaphore(AT_ONCE)

    def results(self) -> dict[str, str]:
        """What became of each promise on Chip itself."""
        return {name: outcome.result for name, outcome in self.of_chip.items()}

    def seen(self) -> dict[str, str]:
        """What was seen of those that were not kept."""
        return {
            name: outcome.seen for name, outcome in self.of_chip.items() if outcome.result != "kept"
        }

    async def come(self, names: set[str], wrongs: dict[str, Wrong]) -> None:
        """Come to all of them: at once, but for those that would disturb others."""
        promises = [promise for promise in PROMISES if promise.name in names]
        together = {name: wrong for name, wrong in wrongs.items() if name not in ALONE}
        listening = self._courier.listening("127.0.0.1", self._kit)
        async with listening, self._between.serving(self._port):
            run = self._run(self.chip.url, self._courier)
            await run.find_offers()
            await asyncio.gather(
                self._try_chip(run, [promise for promise in promises if not promise.alone]),
                *(self._try_wrong(name, wrong) for name, wrong in together.items()),
            )
            await self._try_chip(run, [promise for promise in promises if promise.alone])
            for name in wrongs.keys() - together.keys():
                await self._try_wrong(name, wrongs[name])

    async def come_to_the_earlier(self, names: set[str]) -> None:
        """Come to some on a server without extensions, which tells this kit nothing."""
        server = WrongServer(EARLIER, self.chip.port, "")
        async with server.serving():
            run = Run(Target(server.url, self.channel), self._courier, plays_courier=False)
            await run.find_offers()
            for outcome in await run.all([BY_NAME[name] for name in names]):
                self.of_earlier[outcome.promise.name] = outcome

    async def _try_chip(self, run: Run, promises: list[Promise]) -> None:
        for outcome in await run.all(promises):
            self.of_chip[outcome.promise.name] = outcome

    async def _try_wrong(self, name: str, wrong: Wrong) -> None:
        server = WrongServer(wrong, self.chip.port, self._between.courier)
        server.memory["receive"] = self.channel.receive
        self._between.servers.append(server)
        if name in ALONE:
            self._between.everybody = server
        silent = name in NEVER_ANSWER
        patience = IMPATIENT if silent else PATIENT
        async with contextlib.nullcontext() if silent else self._turns, server.serving():
            run = self._run(server.url, replace(self._courier, patience=patience))
            for _ in range(TRIES):
                self.of_wrong[name] = await run.one(BY_NAME[name])
                if self.of_wrong[name].result == "broken":
                    break

    def _run(self, url: str, courier: Courier) -> Run:
        target = Target(url, self.channel, patience=courier.patience)
        return Run(target, courier, plays_courier=True, required=ALL, offered=ALL)


@contextlib.contextmanager
def external_channel(directory):
    """An External channel of a Chip that has nothing else."""
    port, name = free_port(), str(uuid.uuid4())
    add_external_channel(
        directory / "chip-data",
        "Shop",
        read_address(f"http://127.0.0.1:{port}/c/ex/{name}/receive"),
        public_id,
        lambda is_new: BEARER,
        max_length=6400,
    )
    with ChipProcess(directory=directory, limits="off") as chip:
        channel = External(page=public_id(name, BEARER), uuid=name, authorization=BEARER)
        yield Verdicts(chip, channel, port)
    chip.check_log()


@contextlib.contextmanager
def webchat_channel(postgres):
    """A webchat channel of a Chip with RapidPro, whose Courier is behind the kit."""
    database, port = postgres.create_database("26.2"), free_port()
    with (
        contextlib.closing(Rapidpro.open(database)) as rapidpro,
        RealCourier(database) as courier,
        ChipProcess(db=database, domain=f"127.0.0.1:{port}", limits="off") as chip,
    ):
        made = rapidpro.channel(rapidpro.org())
        channel = Webchat(page=made.uuid, secret=made.secret)
        yield Verdicts(chip, channel, port, f"http://{courier.domain}")
    chip.check_log()
    postgres.drop_database(database)
