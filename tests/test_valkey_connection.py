"""The connections to Valkey: what an operator is told, and how they come back."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.limits import Limits
from chip.queue.valkey import connection
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.queue import ValkeyQueue
from tests.contracts.queue_parts import CHAT, Process, name
from tests.support.lateness import Lateness
from tests.support.process import free_port
from tests.support.proxy import FaultyProxy
from tests.support.valkey import Valkey
from tests.support.valkey_rig import ValkeyRig, works

pytestmark = pytest.mark.private_parts

PASSWORD = 's@same/ "open" %41'


@pytest.fixture
def server():
    """A server of the test's own, to be restarted and starved."""
    with Valkey() as server:
        yield server


@pytest_twisted.async_yield_fixture
async def rig(server):
    rig = ValkeyRig(server)
    yield rig
    await rig.close()


@pytest.fixture
def proxy(server):
    with FaultyProxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def impatience(monkeypatch):
    """Chip looks often whether the server is there, and while this lasts it waits less for the
    answer: only for as long as there is none, since one may take long on a busy machine."""
    monkeypatch.setattr(connection, "PING_INTERVAL", 0.1)

    @contextmanager
    def lasts():
        with monkeypatch.context() as patch:
            patch.setattr(connection, "ANSWER_TIMEOUT", 1)
            yield

    return lasts


async def refusal(url: str) -> str:
    """What an operator is told when a queue with this URL is opened. Nothing stays open."""
    queue = ValkeyQueue(parse_url(url), reactor=reactor, limits=Limits())
    with pytest.raises(Unavailable) as refused:
        await queue.open()
    assert not queue.connected
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


def turn() -> Deferred[None]:
    done: Deferred[None] = Deferred()
    reactor.callLater(0.01, done.callback, None)
    return done


# Opening.


@pytest_twisted.ensureDeferred
async def test_without_a_server_the_operator_is_told_where_it_was_looked_for():
    port = free_port()
    line = await refusal(f"redis://127.0.0.1:{port}")
    assert line == f"cannot use Valkey at 127.0.0.1:{port}: the connection was refused"


@pytest_twisted.ensureDeferred
async def test_an_unknown_host_is_said_to_be_unknown():
    line = await refusal("redis://nowhere.invalid")
    assert line == "cannot use Valkey at nowhere.invalid:6379: the host is not known"


@pytest_twisted.ensureDeferred
async def test_a_database_that_does_not_exist_is_said_so(valkey):
    line = await refusal(valkey.url_of(16))
    assert line.endswith("Valkey has no database of this number")


@pytest_twisted.ensureDeferred
async def test_a_password_is_used_and_asked_for():
    with Valkey(password=PASSWORD) as server:
        rig = ValkeyRig(server)
        here = await rig.process()
        assert await here.send(1) == "queued"
        await rig.close()

        line = await refusal(f"redis://127.0.0.1:{server.port}")
        assert line.endswith("Valkey wants a password")
        line = await refusal(f"redis://:wrong@127.0.0.1:{server.port}")
        assert line.endswith("Valkey refuses the user or the password")


@pytest_twisted.ensureDeferred
async def test_a_password_that_nobody_asked_for_is_refused(valkey):
    line = await refusal(f"redis://:sesame@127.0.0.1:{valkey.port}")
    assert line.endswith("Valkey refuses the user or the password")


@pytest_twisted.ensureDeferred
async def test_a_user_needs_no_more_rights_than_chip_uses():
    rights = (
        "~chat:* &chat:* -@all +@connection +@scripting +@pubsub +@sortedset +@hash +@list"
        " +@string +time +exists +del +expire +pexpire +info"
    )
    with Valkey(user="chip", password=PASSWORD, acl=rights) as server:
        rig = ValkeyRig(server)
        here = await rig.process()
        await here.live.subscribe(CHAT)
        await here.send(1)
        await here.outbox.ack(CHAT, name(1))
        await here.settle(await here.take("one"), remove=1)
        assert [event[0] for event in await here.heard()] == ["arrived"]
        await rig.close()


@pytest_twisted.ensureDeferred
async def test_a_user_who_may_not_listen_is_told_at_the_start():
    with Valkey(user="chip", password=PASSWORD, acl="~* resetchannels +@all") as server:
        line = await refusal(server.url)
        assert line.endswith("Valkey does not let this user do what Chip needs")


@pytest_twisted.ensureDeferred
async def test_a_user_who_may_not_name_his_connection_goes_without():
    with Valkey(user="chip", password=PASSWORD, acl="~* &* +@all -client|setname") as server:
        rig = ValkeyRig(server)
        here = await rig.process()
        assert await here.send(1) == "queued"
        await rig.close()


@pytest_twisted.ensureDeferred
async def test_a_right_that_is_missing_is_told_of_and_never_called_over(log, expected_failures):
    """The commands that this user may give say nothing of the one that he may not."""
    with Valkey(user="chip", password=PASSWORD, acl="~* &* +@all -rpush") as server:
        rig = ValkeyRig(server)
        here = await rig.process()
        for number in range(3):
            with pytest.raises(Unavailable):
                await here.send(number)
            await here.spool.keep_alive()
        assert log.about("Valkey") == [
            "error: Valkey refuses a command: it does not let this user do what Chip needs"
        ]
        expected_failures.take()
        await rig.close()


@pytest_twisted.ensureDeferred
async def test_what_is_stored_stays_stored_where_publishing_is_forbidden():
    with Valkey(user="chip", password=PASSWORD, acl="~* &* +@all -publish") as server:
        rig = ValkeyRig(server)
        here = await rig.process()
        assert await here.send(1) == "queued"
        assert await here.waiting() == [1]
        await rig.close()


@pytest_twisted.ensureDeferred
async def test_a_url_without_a_path_is_database_5(valkey):
    rig = ValkeyRig(valkey)
    queue = await rig.queue(url=valkey.url_of(None))
    await queue.notes.chat_made(CHAT, 60)
    assert valkey.cli("EXISTS", f"chat:made:{CHAT}", database=5) == "1"
    await rig.close()


@pytest_twisted.ensureDeferred
async def test_tls_is_used_and_the_certificate_verified(monkeypatch):
    with Valkey(tls=True, password=PASSWORD) as server:
        line = await refusal(server.url)
        assert line.endswith("its certificate is not one that this machine trusts")

        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificates.authority))
        rig = ValkeyRig(server)
        here = await rig.process()
        assert await here.send(1) == "queued"
        await rig.close()


@pytest_twisted.ensureDeferred
async def test_a_certificate_for_another_host_is_not_accepted(monkeypatch):
    with Valkey(tls=True, settings={"bind": "127.0.0.1 127.0.0.2"}) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificates.authority))
        line = await refusal(f"rediss://127.0.0.2:{server.port}")
        assert line.endswith("its certificate is for another name")


@pytest_twisted.ensureDeferred
async def test_tls_on_one_side_alone_is_guessed_at(valkey):
    line = await refusal(valkey.url.replace("redis://", "rediss://"))
    assert "does one side want TLS and the other not?" in line
    with Valkey(tls=True) as server:
        line = await refusal(server.url.replace("rediss://", "redis://"))
        assert "does one side want TLS and the other not?" in line


# Coming back.


@pytest_twisted.ensureDeferred
async def test_a_restarted_server_is_found_with_all_that_it_had(rig, server):
    here = await rig.process()
    await here.live.subscribe(CHAT)
    await here.send(1)
    await deferToThread(server.restart)

    await here.ears.hear("interrupted")
    assert await here.send(2) == "queued"
    assert await here.waiting() == [1, 2]
    assert [event[0] for event in await here.heard()] == ["arrived", "interrupted", "arrived"]


@pytest_twisted.ensureDeferred
async def test_while_there_is_no_server_requests_fail_soon_and_wait_for_none(rig, server):
    here = await rig.process()
    await deferToThread(server.stop)
    began = time.time()
    asked = (here.send(1), here.say("one"), here.notes.email(CHAT), here.live.subscribe(CHAT))
    with Lateness() as lateness:
        for ask in asked:
            with pytest.raises(Unavailable):
                await ask
        ended = time.time()
        await turn()
    assert ended - began - lateness.total(began, ended) < 2
    assert not rig.queues[0].connected
    with pytest.raises(Unavailable):
        await rig.queues[0].depths()

    await deferToThread(server.start)
    await here.ears.hear("interrupted")
    assert rig.queues[0].connected
    assert await here.send(1) == "queued"


@pytest_twisted.ensureDeferred
async def test_a_request_waits_a_moment_for_a_connection_that_is_coming_back(
    rig, proxy, server, monkeypatch
):
    monkeypatch.setattr(connection, "RETURN_WITHIN", 60)
    here = Process(await rig.queue(url=server.url_of(5, port=proxy.port)))
    await deferToThread(proxy.refuse)
    while rig.queues[0]._commands.connected:
        await turn()
    sent = Deferred.fromCoroutine(here.send(1))
    assert not sent.called
    await deferToThread(proxy.heal)
    assert await sent == "queued"


@pytest_twisted.ensureDeferred
async def test_whatever_was_under_way_fails_whole_or_is_done(rig, proxy, server):
    here = Process(await rig.queue(url=server.url_of(5, port=proxy.port)))
    await deferToThread(proxy.cut_after, 40_000)
    sent = [Deferred.fromCoroutine(here.send(number)) for number in range(1000)]
    results = await DeferredList(sent, consumeErrors=True)
    failed = [failure for done, failure in results if not done]
    assert failed
    assert all(failure.check(Unavailable) for failure in failed)

    await here.ears.hear("interrupted")
    again = [
        Deferred.fromCoroutine(here.send(number))
        for number, (done, _) in enumerate(results)
        if not done
    ]
    await gatherResults(again)
    waiting = await here.waiting()
    assert sorted(waiting) == list(range(1000))


@pytest_twisted.ensureDeferred
async def test_a_login_that_fails_for_a_while_is_tried_again(rig, server):
    here = await rig.process()
    await rig.cli("CONFIG", "SET", "requirepass", "other")
    server.password = "other"
    await deferToThread(server.drop_clients)
    with pytest.raises(Unavailable):
        await here.send(1)
    await rig.cli("CONFIG", "SET", "requirepass", "")
    server.password = ""
    await here.ears.hear("interrupted")
    assert await here.send(1) == "queued"


@pytest_twisted.ensureDeferred
async def test_a_silent_server_is_given_up_and_found_again(rig, proxy, server, impatience):
    here = Process(await rig.queue(url=server.url_of(5, port=proxy.port)))
    await here.live.subscribe(CHAT)
    await deferToThread(proxy.black_hole)
    with impatience():
        with pytest.raises(Unavailable):
            await here.send(1)
        while rig.queues[0].connected:
            await turn()

    await deferToThread(proxy.reset)
    await deferToThread(proxy.heal)
    await works(here)
    assert await here.send(2) == "queued"


@pytest_twisted.ensureDeferred
async def test_a_dead_subscriber_is_noticed_though_nothing_is_asked(rig, proxy, server, impatience):
    here = Process(await rig.queue(url=server.url_of(5, port=proxy.port)))
    await here.live.subscribe(CHAT)
    await deferToThread(proxy.black_hole)
    with impatience():
        while rig.queues[0].live.connection.connected:
            await turn()
    await deferToThread(proxy.reset)
    await deferToThread(proxy.heal)
    await here.ears.hear("interrupted")


@pytest_twisted.ensureDeferred
async def test_a_process_that_was_held_up_does_not_blame_the_server(monkeypatch, rig):
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", 60)
    here = await rig.process()
    await here.live.subscribe(CHAT)
    asked = Deferred.fromCoroutine(here.send(1))
    held_up = 2 * connection.ANSWER_TIMEOUT
    monkeypatch.setattr(reactor, "seconds", lambda: time.time() + held_up)
    assert await asked == "queued"
    assert [event[0] for event in await here.heard()] == ["arrived"]


@pytest_twisted.ensureDeferred
async def test_a_queue_can_be_closed_while_the_server_is_away(rig, server):
    await rig.process()
    await deferToThread(server.stop)
    while rig.queues[0].connected:
        await turn()
    await rig.close()


@pytest_twisted.ensureDeferred
async def test_whoever_waits_for_a_connection_does_not_wait_beyond_its_end(
    rig, server, monkeypatch
):
    monkeypatch.setattr(connection, "RETURN_WITHIN", 60)
    here = await rig.process()
    await deferToThread(server.stop)
    while rig.queues[0].connected:
        await turn()
    asked = [Deferred.fromCoroutine(one) for one in (here.send(1), here.live.subscribe(CHAT))]
    assert not any(one.called for one in asked)
    await rig.close()
    for one in asked:
        assert one.called
        with pytest.raises(Unavailable, match="no connection"):
            await one
