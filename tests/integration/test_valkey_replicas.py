"""A primary is lost, and what Chip has said is kept is there: replicas were waited for."""

from __future__ import annotations

from itertools import count

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.queue.valkey import connection
from chip.queue.valkey.protocol import encode_command
from chip.tasks import pause
from tests.contracts.queue_parts import CHAT, HOUR, REST, Process, name
from tests.support.valkey_rig import ValkeyRig, works

pytestmark = pytest.mark.private_parts


@pytest_twisted.async_yield_fixture
async def rig(pair):
    rig = ValkeyRig(pair.primary)
    yield rig
    await rig.close()


class Patience:
    """How long replicas may take: as long as a busy machine makes them where they can answer, and a
    moment where they cannot."""

    def __init__(self, rig: ValkeyRig, monkeypatch) -> None:
        monkeypatch.setattr(connection, "ANSWER_TIMEOUT", 60)
        self._rig = rig
        self._monkeypatch = monkeypatch
        self.long()

    def long(self) -> None:
        self._wait(30_000)

    def short(self) -> None:
        self._wait(500)

    def _wait(self, milliseconds: int) -> None:
        self._monkeypatch.setattr("chip.queue.valkey.replicas.WAIT_MS", milliseconds)
        for queue in self._rig.queues:
            if behind := queue._commands._replicas:
                behind._wait = encode_command(b"WAIT", b"%d" % behind._count, b"%d" % milliseconds)


@pytest.fixture(autouse=True)
def patience(rig, monkeypatch):
    return Patience(rig, monkeypatch)


@pytest.fixture
def start(rig):
    """Start a process on the Valkey at a URL."""

    async def start(url: str, replicas: int = 0, token: str = "here") -> Process:
        return Process(await rig.queue(token, url=url, replicas=replicas))

    return start


class Load:
    """Courier hands messages over, eight at a time, for as long as nobody stops it."""

    def __init__(self, here: Process) -> None:
        self.taken: list[int] = []
        self.refused: list[int] = []
        self._here = here
        self._numbers = count(1)
        self._over = False
        self._done = [Deferred.fromCoroutine(self._send()) for _ in range(8)]

    async def _send(self) -> None:
        while not self._over:
            number = next(self._numbers)
            try:
                await self._here.send(number)
            except Unavailable:
                self.refused.append(number)
                await pause(reactor, 0.01)
            else:
                self.taken.append(number)

    async def goes_on(self, answers: int = 100) -> None:
        """Return once so many more were answered in whatever way."""
        so_many = len(self.taken) + len(self.refused) + answers
        while len(self.taken) + len(self.refused) < so_many:
            await pause(reactor, 0.01)

    async def stops(self) -> None:
        self._over = True
        await DeferredList(self._done, fireOnOneErrback=True)


@pytest.mark.parametrize("replicas", [0, 1])
@pytest_twisted.ensureDeferred
async def test_what_was_accepted_survives_a_primary_whose_replica_had_stalled(
    pair, start, replicas, expected_failures, patience
):
    """Without waiting for replicas it does not, which is what this is about."""
    load = Load(await start(pair.primary.url, replicas))
    await load.goes_on()
    assert load.refused == []
    patience.short()
    await load.goes_on()  # what had still the long one is answered
    await deferToThread(pair.link.black_hole)
    await load.goes_on(20)
    await deferToThread(pair.fail_over)
    await load.stops()
    there = await start(pair.replica.url, token="there")
    lost = set(load.taken) - set(await there.waiting())
    assert bool(lost) is not bool(replicas)
    if replicas:  # the log tells that there were too few
        expected_failures.take()


@pytest_twisted.ensureDeferred
async def test_too_few_replicas_are_told_of_once_and_again_when_there_are_enough(
    pair, start, log, expected_failures, patience
):
    here = await start(pair.primary.url, 1)
    patience.short()
    await deferToThread(pair.link.black_hole)
    for number in (1, 2):
        with pytest.raises(Unavailable, match="Valkey has too few replicas"):
            await here.send(number)
    with pytest.raises(Unavailable, match="Valkey has too few replicas"):
        await here.spool.keep_alive()
    expected_failures.take()
    await deferToThread(pair.link.heal)
    patience.long()
    await works(here)
    assert await here.send(1) == "repeated"
    assert await here.waiting() == [1, 2]
    assert log.about("Valkey") == [
        "error: Valkey refuses a command: it has too few replicas",
        "info: Valkey takes commands again",
    ]


@pytest_twisted.ensureDeferred
async def test_what_is_repeated_on_another_connection_is_not_taken_for_safe_either(
    pair, start, expected_failures, patience
):
    """Nothing is stored the second time, and a WAIT looks back to what its connection stored."""
    here, there = await start(pair.primary.url, 1), await start(pair.primary.url, 1, "there")
    patience.short()
    await deferToThread(pair.link.black_hole)
    for process in (here, there):
        for do in (process.send(1), process.say("one", may_claim=False)):
            with pytest.raises(Unavailable, match="too few replicas"):
                await do
    expected_failures.take()


@pytest_twisted.ensureDeferred
async def test_a_claim_that_too_few_replicas_have_is_taken_up_again(
    pair, start, expected_failures, patience
):
    here = await start(pair.primary.url, 1)
    patience.short()
    await deferToThread(pair.link.black_hole)
    with pytest.raises(Unavailable):
        await here.say("one")
    expected_failures.take()
    await deferToThread(pair.link.heal)
    patience.long()
    await works(here)
    assert await here.spool.due(10) == [CHAT]
    batch = await here.claim()
    assert [entry.event.text for entry in batch.entries] == ["one"]


@pytest_twisted.ensureDeferred
async def test_a_report_rests_from_the_answer_that_came_after_the_replicas_had_it(pair, rig, start):
    """Courier hears of the message half a second after it is stored, or twice that where another
    one was waited for before; the visitor has acknowledged it by then."""
    here = await start(pair.primary.url, 1)
    began = reactor.seconds()
    await here.send(1)
    await rig.pass_time(-HOUR)  # as if it were sent in an hour: what follows may take its time
    await here.outbox.ack(CHAT, name(1))
    claim = await here.spool.claim(CHAT)
    assert claim.batch is None
    rests = claim.delay / 1000 - HOUR
    assert rests <= REST + 1 <= rests + reactor.seconds() - began + 0.002  # both are rounded
    await rig.pass_time(HOUR + REST + 1)
    assert [report.id for report in await here.reports()] == [1]


@pytest_twisted.ensureDeferred
async def test_a_chip_does_not_start_where_replicas_are_too_few(
    pair, start, expected_failures, patience
):
    patience.short()
    with pytest.raises(Unavailable, match="Valkey has too few replicas"):
        await start(pair.primary.url, 2)
    expected_failures.take()
