"""The operators' listener: probes, metrics and status, in memory and on a clock."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from chip.chat.ports import Balances, Depths
from chip.errors import Unavailable
from chip.limits import Limits
from chip.ops.metrics import Metrics
from chip.ops.ops_site import DEADLINE, OpsSite, Readiness
from tests.support.web import Answer, Wire, request


class Patient:
    """A service with every kind of health. It answers when `wait`, if there is one, is over."""

    def __init__(self) -> None:
        self.parts = {"database": "ok"}
        self.trouble: Exception | None = None
        self.wait: Deferred[None] | None = None

    async def readiness(self) -> Readiness:
        await self._answers()
        return Readiness(set(self.parts.values()) == {"ok"}, self.parts)

    async def depths(self) -> Depths:
        await self._answers()
        return Depths(outbox_chats=3)

    async def balances(self) -> Balances:
        await self._answers()
        return Balances()

    async def status(self) -> dict[str, object]:
        return {"version": "1", "sockets": 2}

    async def _answers(self) -> None:
        if self.wait:
            await self.wait
        if self.trouble:
            raise self.trouble


class Ops:
    """The listener of a patient, and whoever asks."""

    def __init__(self, hosts: tuple[str, ...] = ()) -> None:
        self.clock = Clock()
        self.patient = Patient()
        self.site = OpsSite(self.patient, Metrics(), self.clock, Limits(), hosts)

    def asks(self, path: str, method: str = "GET", host: str = "127.0.0.1:8071") -> Wire:
        """A connection on which somebody has asked."""
        wire = Wire(self.site)
        wire.says(request(path, method, host=host))
        return wire

    def asked(self, path: str, method: str = "GET", host: str = "127.0.0.1:8071") -> Answer:
        """The answer to one request."""
        return self.asks(path, method, host).answer()


@pytest.fixture
def ops() -> Ops:
    return Ops()


def test_a_process_that_runs_is_alive(ops):
    alive = ops.asked("/livez")
    assert (alive.status, alive.body) == (200, b"ok\n")
    assert alive.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_healthy_chip_is_ready(ops):
    ready = ops.asked("/readyz")
    assert (ready.status, ready.json) == (200, {"ready": True, "parts": {"database": "ok"}})
    assert ready.headers["content-type"] == "application/json"


def test_people_read_its_status_on_a_terminal(ops):
    status = ops.asked("/status")
    assert status.json == {"version": "1", "sockets": 2}
    assert status.body.endswith(b"}\n")


def test_prometheus_reads_what_was_counted_and_what_waits(ops):
    counted = ops.asked("/metrics")
    assert counted.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"chip_outbox_chats 3.0" in counted.body


def test_who_asks_for_openmetrics_gets_it(ops):
    wire = Wire(ops.site)
    accept = "application/openmetrics-text; version=1.0.0"
    wire.says(request("/metrics", host="localhost", Accept=accept))
    counted = wire.answer()
    assert counted.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert counted.body.endswith(b"# EOF\n")


def test_no_series_says_when_another_one_was_made(ops):
    assert b"_created" not in ops.asked("/metrics").body


def test_the_metrics_say_whether_it_is_ready(ops):
    assert b"chip_ready 1.0" in ops.asked("/metrics").body
    ops.patient.parts["database"] = "away"
    assert b"chip_ready 0.0" in ops.asked("/metrics").body
    ops.patient.trouble = Unavailable("Valkey does not answer")
    assert b"chip_ready 0.0" in ops.asked("/metrics").body


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/status"])
def test_no_answer_is_kept_by_a_cache(ops, path):
    assert ops.asked(path).headers["cache-control"] == "no-store"
    ops.patient.trouble = Unavailable("away")
    assert ops.asked(path).headers["cache-control"] == "no-store"


def test_a_head_has_the_same_headers_and_no_body(ops):
    head = ops.asked("/readyz", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers == ops.asked("/readyz").headers


@pytest.mark.parametrize("path", ["/", "/live", "/livez/x", "/livez//", "//livez"])
def test_nothing_else_is_there(ops, path):
    answer = ops.asked(path)
    assert (answer.status, answer.json) == (404, {"error": "not found"})


def test_one_slash_and_a_query_at_the_end_change_nothing(ops):
    assert ops.asked("/livez/").status == 200
    assert ops.asked("/livez?verbose").status == 200


def test_nothing_can_be_changed(ops):
    answer = ops.asked("/livez", "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "get, head")


def test_a_part_in_trouble_is_named_and_the_process_still_lives(ops):
    ops.patient.parts["valkey"] = "does not answer"
    ready = ops.asked("/readyz")
    assert (ready.status, ready.json["parts"]["valkey"]) == (503, "does not answer")
    assert ops.asked("/livez").status == 200


def test_what_was_counted_can_be_read_while_the_queues_are_away(ops):
    ops.patient.trouble = Unavailable("Valkey does not answer")
    assert b"chip_outbox_chats 0.0" in ops.asked("/metrics").body
    ready = ops.asked("/readyz")
    assert (ready.status, ready.json["error"]) == (503, "Valkey does not answer")


def test_a_mistake_in_a_probe_says_nothing_to_whoever_asks(ops, expected_failures):
    ops.patient.trouble = ValueError("secret")
    ready = ops.asked("/readyz")
    assert (ready.status, ready.json) == (500, {"error": "something went wrong here"})
    assert ops.asked("/metrics").status == 200
    assert len(expected_failures.take(ValueError)) == 2


def test_a_part_that_hangs_has_5_seconds(ops):
    ops.patient.wait = Deferred()
    wire = ops.asks("/readyz")
    ops.clock.advance(DEADLINE - 0.1)
    assert wire.out == b""
    ops.clock.advance(0.2)
    answer = wire.answer()
    assert (answer.status, answer.json["error"]) == (503, "it took too long")


def test_what_was_counted_can_be_read_while_the_queues_hang(ops):
    ops.patient.wait = Deferred()
    wire = ops.asks("/metrics")
    ops.clock.advance(DEADLINE)
    assert b"chip_outbox_chats 0.0" in wire.answer().body


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_a_question_whose_asker_has_gone_is_given_up(ops, path):
    given_up: list[object] = []
    ops.patient.wait = Deferred(given_up.append)
    wire = ops.asks(path)
    assert not given_up
    wire.leaves()
    assert given_up


def test_it_stops_with_its_connections(ops):
    wire = ops.asks("/livez")
    assert wire.answer().status == 200
    done = ensureDeferred(ops.site.drain(1))
    assert done.called
    assert not wire.is_open
    assert ops.clock.getDelayedCalls() == []


# By which name it is asked: a page on the web may have led a browser here by a name of its own.

FOREIGN = ["evil.example", "evil.example:8071", "127.0.0.1.evil.example", "localhost.evil.example"]
OURS = [
    "127.0.0.1",
    "10.0.0.7:8071",
    "[::1]:8071",
    "[2001:db8::1]",
    "[::ffff:10.0.0.7]",
    "",
    "chip",
]


@pytest.mark.parametrize("path", ["/metrics", "/status", "/metrics/"])
@pytest.mark.parametrize("host", FOREIGN)
def test_what_it_knows_is_told_to_nobody_who_asks_by_a_name_of_the_web(ops, path, host):
    answer = ops.asked(path, host=host)
    assert (answer.status, answer.json) == (403, {"error": "this name is not in ops_hosts"})


@pytest.mark.parametrize("host", [*OURS, "localhost:8071", "CHIP-1:8071"])
def test_addresses_and_names_without_a_dot_are_nobody_elses(ops, host):
    assert ops.asked("/metrics", host=host).status == 200
    assert ops.asked("/status", host=host).status == 200


def test_other_names_of_the_listener_are_a_setting():
    named = Ops(("chip.monitoring.example",))
    assert named.asked("/metrics", host="Chip.Monitoring.example:8071").status == 200
    assert named.asked("/metrics", host="evil.example").status == 403
    assert Ops(("*",)).asked("/metrics", host="evil.example").status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_balancer_may_ask_by_any_name(ops, path):
    assert ops.asked(path, host="chat.example.org").status == 200


def test_without_a_host_as_http_1_0_allows_it_is_answered(ops):
    wire = Wire(ops.site)
    wire.says(b"GET /metrics HTTP/1.0\r\n\r\n")
    assert wire.answer().status == 200
