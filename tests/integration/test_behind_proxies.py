"""Two instances behind the real nginx and the real HAProxy, set up by the samples."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.deploy import samples
from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.process import ChildProcess, answers, eventually, free_port
from tests.support.visitor import RefusedError, Visitor


class Front(ChildProcess):
    """A proxy before two instances. Visitors may take it for a Chip."""

    def __init__(self, one: ChipProcess, two: ChipProcess) -> None:
        super().__init__()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.backends = one.port, two.port
        self.ops = one.ops_port, two.ops_port
        # Whoever comes through here is somebody that neither may write about.
        self.visitors = two.visitors = one.visitors

    def ready(self) -> bool:
        return answers(self.port) and fetch(self.url).status == 200


class Nginx(Front):
    name = "nginx"

    def command(self) -> Sequence[str]:
        listen = f"127.0.0.1:{self.port}"
        config = samples.nginx(self.directory, self.backends, listen)
        return ["nginx", "-p", str(self.directory), "-c", str(config), "-e", "stderr"]


class Haproxy(Front):
    name = "haproxy"

    def command(self) -> Sequence[str]:
        bind = f"127.0.0.1:{self.port}"
        config = samples.haproxy(self.directory, self.backends, self.ops, bind)
        return ["haproxy", "-db", "-f", str(config)]


@pytest.fixture(params=[Nginx, Haproxy], ids=lambda proxy: proxy.name)
def fronted(request, start_chip):
    """Two instances, and the proxy before them."""
    one, two = start_chip(sockets_per_address=1), start_chip(sockets_per_address=1)
    with request.param(one, two) as front:
        yield one, two, front


async def a_moment() -> None:
    await deferLater(reactor, 0.05)


async def come_back(bob: Visitor) -> None:
    """Connect until somebody answers, as the widget does."""
    while not bob.connected:
        try:
            await bob.connect()
            await bob.start_chat()
        except (RefusedError, ConnectionLost):
            await a_moment()
        except AssertionError:
            if bob.connected:
                raise
            await a_moment()


async def reads_until(bob: Visitor, last: str) -> list[str]:
    """Acknowledge every message until the one with the text `last`; return what was shown."""
    shown: dict[str, str] = {}
    while last not in shown.values():
        await come_back(bob)
        try:
            event = await bob.next()
        except AssertionError:
            if bob.connected:
                raise
            await a_moment()
            continue
        if event["type"] == "chat_out":
            shown.setdefault(event["msg_out"]["uuid"], event["msg_out"]["text"])
            if bob.connected:
                bob.ack(event)
    return list(shown.values())


def has_taken_a_send(chip: ChipProcess) -> bool:
    page = fetch(f"{chip.ops_url}/metrics").body.decode()
    return re.search(r'^chip_sends_total{status="200"} [1-9]', page, re.MULTILINE) is not None


@pytest_twisted.ensureDeferred
async def test_a_rolling_restart_loses_nothing_and_refuses_courier_nothing(
    fronted, visit, courier, channel
):
    one, two, front = fronted
    courier.configure(chip=front.url)
    bob = await visit(front)
    await bob.start_chat()
    restarting = True
    sent: list[str] = []
    statuses: set[int] = set()

    async def say(text: str) -> None:
        sent.append(text)
        statuses.add((await courier.apart.send(channel, bob.chat_id, text))["status"])

    async def keep_talking() -> None:
        while restarting:
            await say(f"message number {len(sent)}")
        await say("the last of all messages")

    async def some_are_sent() -> None:
        goal = len(sent) + 7
        while len(sent) < goal and not talking.called:
            await a_moment()

    talking: Deferred[None] = ensureDeferred(keep_talking())
    reading = ensureDeferred(reads_until(bob, "the last of all messages"))
    await some_are_sent()
    await deferToThread(one.restart)
    await deferToThread(eventually, lambda: has_taken_a_send(one), "the proxy uses it again")
    await some_are_sent()
    await deferToThread(two.restart)
    await some_are_sent()
    restarting = False
    await talking

    assert statuses == {200}
    assert await reading == sent
    await bob.leave()


@pytest_twisted.ensureDeferred
async def test_visitors_talk_through_the_proxy(fronted, visit, courier):
    *_, front = fronted
    bob = await visit(front)
    await bob.start_chat()
    bob.send("through the proxy and on", ref="a")
    await bob.expect("msg_accepted", ref="a")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    assert courier.texts(bob.chat_id) == ["through the proxy and on"]
    await bob.leave()


@pytest_twisted.ensureDeferred
async def test_visitors_with_30_kib_of_cookies_come_through_the_proxy(fronted, visit):
    *_, front = fronted
    cookies = "; ".join(f"consent{number}=" + "x" * 990 for number in range(30))
    bob = await visit(front, headers={"Cookie": cookies})
    await bob.start_chat()
    await bob.leave()


@pytest_twisted.ensureDeferred
async def test_visitors_are_told_apart_by_the_address_that_the_proxy_names(fronted, visit):
    *_, front = fronted

    def somebody_at(address: str) -> Deferred[Visitor]:
        return ensureDeferred(visit(front, headers={"X-Forwarded-For": address}))

    # One for each instance.
    let_in = [await somebody_at("203.0.113.9"), await somebody_at("203.0.113.9")]
    with pytest.raises(RefusedError) as refused:
        await somebody_at("203.0.113.9")
    assert refused.value.status == 429
    let_in.append(await somebody_at("203.0.113.10"))
    for visitor in let_in:
        await visitor.leave()


class Slowly(ThreadingHTTPServer):
    """In place of a Chip and its operators' listener: says that it is ready, after a while."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SlowAnswers)
        self.port = self.ops_port = self.server_port
        self.visitors: list[Visitor] = []
        self.takes, self.checked = 0.0, 0

    def __enter__(self) -> Slowly:
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class SlowAnswers(BaseHTTPRequestHandler):
    server: Slowly

    def do_GET(self) -> None:
        if self.path == "/readyz":
            time.sleep(self.server.takes)
            self.server.checked += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_haproxy_takes_nobody_out_whose_checks_take_longer_than_usual():
    """As where a node of a Cluster, or the database's disk, stands still for a moment."""
    with Slowly() as one, Slowly() as two, Haproxy(one, two) as front:
        one.takes = two.takes = 1.5
        before = one.checked, two.checked
        statuses = set()
        while one.checked < before[0] + 3 or two.checked < before[1] + 3:
            statuses.add(fetch(front.url).status)
            time.sleep(0.05)
        assert statuses == {200}
