"""The primary changes, as Sentinels tell, or its certificates do: Chip goes on."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.limits import Limits
from chip.queue.valkey import connection
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.queue import ValkeyQueue
from chip.queue.valkey.tls_files import TlsFiles
from tests.contracts.queue_parts import CHAT, Process
from tests.support.certificates import Certificates
from tests.support.process import eventually, free_port
from tests.support.sentinels import NAME, Sentinel
from tests.support.valkey import Valkey
from tests.support.valkey_rig import works

pytestmark = pytest.mark.private_parts


@pytest_twisted.async_yield_fixture
async def start():
    """Start a process on the Valkey at a URL."""
    queues = []

    async def start(url: str, token: str = "here", files: TlsFiles | None = None) -> Process:
        address = parse_url(url, files)
        queue = ValkeyQueue(address, reactor=reactor, limits=Limits(), token=token)
        queues.append(queue)
        await queue.open()
        return Process(queue)

    yield start
    for queue in queues:
        await queue.close()


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
    await deferToThread(pair.dies, sentinels)
    # A Sentinel that the machine has held up watches nothing for half a minute.
    await works(here, within=90)
    await works(there, within=90)
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
    # Each of its connections finds it out for itself.
    await deferToThread(
        eventually, lambda: " name=chip" not in pair.primary.cli("CLIENT", "LIST"), "Chip leaves it"
    )
    await works(here)
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
