"""A primary is lost, and what Chip has said is kept is there."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from itertools import count

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.limits import Limits
from chip.queue.valkey import connection
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.queue import ValkeyQueue
from chip.queue.valkey.tls_files import TlsFiles
from chip.tasks import pause
from tests.contracts.queue_parts import CHAT, REST, Process, name
from tests.support.certificates import Certificates
from tests.support.process import free_port
from tests.support.sentinels import NAME, Pair, Sentinel
from tests.support.valkey import Valkey
from tests.support.valkey_rig import ValkeyRig

pytestmark = pytest.mark.private_parts


@pytest.fixture
def pair():
    with Pair() as pair:
        yield pair


@pytest_twisted.async_yield_fixture
async def start():
    """Start a process on the Valkey at a URL. It says every second that it lives."""
    queues = []

    async def start(
        url: str, replicas: int = 0, token: str = "here", files: TlsFiles | None = None
    ) -> Process:
        address = parse_url(url, files)
        queue = ValkeyQueue(
            address, reactor=reactor, limits=Limits(), replicas=replicas, token=token
        )
        queues.append(queue)
        await queue.open()
        return Process(queue)

    yield start
    for queue in queues:
        await queue.close()


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


async def works(here: Process, within: float = 30) -> None:
    """Return once the process has everything that it needs again. Raises Unavailable after that
    many seconds."""
    until = reactor.seconds() + within
    while True:
        try:
            await here.spool.keep_alive()
            await here.live.subscribe(CHAT)
        except Unavailable:
            if reactor.seconds() > until:
                raise
            await pause(reactor, 0.02)
        else:
            return


# Replicas that are waited for.


@pytest.mark.parametrize("replicas", [0, 1])
@pytest_twisted.ensureDeferred
async def test_what_was_accepted_survives_a_primary_whose_replica_had_stalled(
    pair, start, replicas, expected_failures
):
    """Without waiting for replicas it does not, which is what this is about."""
    load = Load(await start(pair.primary.url, replicas))
    await load.goes_on()
    assert load.refused == []
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
    pair, start, log, expected_failures
):
    here = await start(pair.primary.url, 1)
    await deferToThread(pair.link.black_hole)
    for number in (1, 2):
        with pytest.raises(Unavailable, match="Valkey has too few replicas"):
            await here.send(number)
    with pytest.raises(Unavailable, match="Valkey has too few replicas"):
        await here.spool.keep_alive()
    expected_failures.take()
    await deferToThread(pair.link.heal)
    await works(here)
    assert await here.send(1) == "repeated"
    assert await here.waiting() == [1, 2]
    assert log.about("Valkey") == [
        "error: Valkey refuses a command: it has too few replicas",
        "info: Valkey takes commands again",
    ]


@pytest_twisted.ensureDeferred
async def test_what_is_repeated_on_another_connection_is_not_taken_for_safe_either(
    pair, start, expected_failures
):
    """Nothing is stored the second time, and a WAIT looks back to what its connection stored."""
    here, there = await start(pair.primary.url, 1), await start(pair.primary.url, 1, "there")
    await deferToThread(pair.link.black_hole)
    for process in (here, there):
        for do in (process.send(1), process.say("one", may_claim=False)):
            with pytest.raises(Unavailable, match="too few replicas"):
                await do
    expected_failures.take()


@pytest_twisted.ensureDeferred
async def test_a_claim_that_too_few_replicas_have_is_taken_up_again(pair, start, expected_failures):
    here = await start(pair.primary.url, 1)
    await deferToThread(pair.link.black_hole)
    with pytest.raises(Unavailable):
        await here.say("one")
    expected_failures.take()
    await deferToThread(pair.link.heal)
    await works(here)
    assert await here.spool.due(10) == [CHAT]
    batch = await here.claim()
    assert [entry.event.text for entry in batch.entries] == ["one"]


@pytest_twisted.ensureDeferred
async def test_a_report_rests_from_the_answer_that_came_after_the_replicas_had_it(pair):
    """Courier hears of the message half a second after it is stored, or twice that where another
    one was waited for before; the visitor has acknowledged it by then."""
    rig = ValkeyRig(pair.primary)
    here = Process(await rig.queue(replicas=1))
    await here.send(1)
    await here.outbox.ack(CHAT, name(1))
    claim = await here.spool.claim(CHAT)
    assert claim.batch is None
    assert REST * 1000 < claim.delay <= (REST + 1) * 1000
    await rig.pass_time(REST + 1)
    assert [report.id for report in await here.reports()] == [1]
    await rig.close()


@pytest_twisted.ensureDeferred
async def test_a_chip_does_not_start_where_replicas_are_too_few(pair, start, expected_failures):
    with pytest.raises(Unavailable, match="Valkey has too few replicas"):
        await start(pair.primary.url, 2)
    expected_failures.take()


# Sentinels.


@pytest.fixture
def impatience(monkeypatch):
    """A process asks often who is the primary."""
    monkeypatch.setattr(connection, "PING_INTERVAL", 0.1)


@pytest.fixture
def sentinels(pair):
    """Three of them that have found each other and the replica, with a password."""
    with ExitStack() as stack:
        yield [stack.enter_context(Sentinel(pair.primary, 2, password="open")) for _ in range(3)]


def url_of(sentinels) -> str:
    hosts = ",".join(f"127.0.0.1:{one.port}" for one in sentinels)
    return f"valkey://{hosts}/5?sentinel={NAME}&sentinel_password=open"


@pytest_twisted.ensureDeferred
async def test_the_primary_is_the_one_that_sentinels_name(pair, start, sentinels):
    here = await start(url_of(sentinels))
    assert await here.send(1) == "queued"
    assert await (await start(pair.primary.url, token="there")).waiting() == [1]


@pytest_twisted.ensureDeferred
async def test_a_sentinel_that_does_not_answer_is_not_needed(start, sentinels):
    sentinels[0].kill()
    sentinels[1].pause()
    here = await start(url_of(sentinels))
    assert await here.send(1) == "queued"


@pytest_twisted.ensureDeferred
async def test_when_the_primary_dies_chip_goes_on_with_the_one_that_takes_its_place(
    pair, start, sentinels, impatience
):
    here = await start(url_of(sentinels), token="here")
    there = await start(url_of(sentinels), token="there")
    await there.live.subscribe(CHAT)
    assert await here.send(1) == "queued"
    await deferToThread(pair.know_each_other, sentinels)
    await deferToThread(pair.primary.kill)
    await works(here)
    await works(there)
    assert await here.send(2) == "queued"
    assert await there.waiting() == [1, 2]
    assert ("interrupted",) in there.ears.heard
    assert [event[0] for event in await there.heard()][-1] == "arrived"


@pytest_twisted.ensureDeferred
async def test_a_primary_that_sentinels_have_replaced_is_left_though_it_still_answers(
    pair, start, sentinels, impatience
):
    """It was cut off from them: it takes what is written, and all of that is lost."""
    here = await start(url_of(sentinels))
    await here.live.subscribe(CHAT)
    for one in sentinels:
        one.cli("SENTINEL", "REMOVE", NAME)
        one.cli("SENTINEL", "MONITOR", NAME, "127.0.0.1", str(pair.replica.port), "2")
    await deferToThread(pair.replica.cli, "REPLICAOF", "NO", "ONE")
    await here.ears.hear("interrupted")
    assert await here.send(1) == "queued"
    assert await (await start(pair.replica.url, token="there")).waiting() == [1]
    assert [event[0] for event in await here.heard()][-1] == "arrived"


@pytest_twisted.ensureDeferred
async def test_a_sentinel_that_is_cut_off_from_the_others_is_not_believed(pair, start, sentinels):
    """It still names a primary of before, or one that nobody else knows."""
    sentinels[0].cli("SENTINEL", "REMOVE", NAME)
    sentinels[0].cli("SENTINEL", "MONITOR", NAME, "127.0.0.1", str(pair.replica.port), "2")
    here = await start(url_of(sentinels))
    assert await here.send(1) == "queued"


@pytest_twisted.ensureDeferred
async def test_a_name_that_no_sentinel_knows_is_told(start, sentinels):
    url = url_of(sentinels)
    with pytest.raises(Unavailable) as refused:
        await start(url.replace(NAME, "others"))
    assert str(refused.value).endswith("the Sentinels know no primary of the name others")


@pytest_twisted.ensureDeferred
async def test_without_a_sentinel_the_operator_is_told_where_they_were_looked_for(start):
    with pytest.raises(Unavailable) as refused:
        await start(f"valkey://127.0.0.1:{free_port()},127.0.0.1:{free_port()}?sentinel={NAME}")
    assert str(refused.value).endswith(
        f"(as Sentinel's {NAME}): no Sentinel answers: the connection was refused"
    )


@pytest_twisted.ensureDeferred
async def test_a_sentinel_that_says_nothing_is_told_from_one_that_is_not_there(start):
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as silent,
        pytest.raises(Unavailable) as refused,
    ):
        await start(f"valkey://127.0.0.1:{silent.getsockname()[1]}?sentinel={NAME}")
    assert str(refused.value).endswith("no Sentinel answers: it did not answer in time")


@pytest_twisted.ensureDeferred
async def test_why_no_sentinel_answers_is_told(start, sentinels):
    url = url_of(sentinels)
    for other, why in [
        (url.replace("=open", "="), "Valkey wants a password"),
        (url.replace("=open", "=wrong"), "Valkey refuses the user or the password"),
    ]:
        with pytest.raises(Unavailable) as refused:
            await start(other)
        assert str(refused.value).endswith(f"no Sentinel answers: {why}")
    with pytest.raises(Unavailable) as refused:
        await start(url.replace("valkey:", "valkeys:"), files=TlsFiles("/nowhere.pem"))
    assert "valkey_ca_file: /nowhere.pem" in str(refused.value)


# Certificates of both sides.


@pytest_twisted.ensureDeferred
async def test_chip_trusts_the_authority_that_is_set_and_shows_its_own_certificate(start):
    with Valkey(tls=True, settings={"tls-auth-clients": "yes"}) as server:
        own = server.certificates
        files = TlsFiles(str(own.authority), str(own.certificate), str(own.key))
        here = await start(server.url, files=files)
        assert await here.send(1) == "queued"
        with pytest.raises(Unavailable, match="certificate"):
            await start(server.url, files=TlsFiles(str(own.authority)))
        with pytest.raises(Unavailable, match="certificate"):
            await start(server.url)


@pytest_twisted.ensureDeferred
async def test_files_that_were_renewed_are_used_at_the_next_connect(start, tmp_path, impatience):
    with Valkey(tls=True) as server:
        authority = tmp_path / "authority.pem"
        authority.write_bytes(server.certificates.authority.read_bytes())
        here = await start(server.url, files=TlsFiles(str(authority)))
        await deferToThread(server.stop)
        server.certificates = Certificates(server.directory)
        await deferToThread(server.start)
        with pytest.raises(Unavailable):
            await works(here, within=1)
        authority.write_bytes(server.certificates.authority.read_bytes())
        await works(here)


@pytest_twisted.ensureDeferred
async def test_files_that_cannot_be_used_are_named(start, tmp_path):
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    one, other = map(Certificates, folders)
    empty = tmp_path / "empty.pem"
    empty.touch()
    for files, line in [
        (TlsFiles("/nowhere.pem"), "valkey_ca_file: /nowhere.pem: No such file or directory"),
        (TlsFiles(str(empty)), f"valkey_ca_file: {empty}: expected PEM, without a passphrase"),
        (
            TlsFiles("", str(one.certificate), str(other.key)),
            "valkey_key_file: is not the key of the certificate",
        ),
    ]:
        with pytest.raises(Unavailable) as refused:
            await start(f"valkeys://127.0.0.1:{free_port()}", files=files)
        assert str(refused.value).endswith(line)
