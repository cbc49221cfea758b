"""What is counted and timed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chip.chat.observer import ConnectOutcome
from chip.chat.outbound.ports import AnswerKind
from chip.chat.ports import Balance, Balances, Depths
from chip.desk.access import Login
from chip.errors import Unavailable
from chip.ops.lag import LagService
from chip.ops.metrics import Metrics, ProcessWithoutStat
from chip.protocol import commands, events


def samples(metrics: Metrics) -> dict[str, float]:
    """Return every sample as ``name{label="value"}``."""
    found = {}
    for family in metrics.registry.collect():
        for one in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


def test_everything_is_counted_under_its_own_label():
    metrics = Metrics()
    metrics.connection("accepted")
    metrics.connection("accepted")
    metrics.closed(4409)
    metrics.command("send_msg")
    metrics.error("rate_limited")
    metrics.send(200)
    metrics.courier("handled", 0.2)
    metrics.shown(0.004)
    metrics.lag(0.03)
    metrics.depths(Depths(1, 2.5, 3, 4.5))
    metrics.balances(Balances(to_courier=Balance(9, 4, 2, 3)))
    found = samples(metrics)
    for name, value in {
        'chip_connections_total{outcome="accepted"}': 2,
        'chip_connections_total{outcome="draining"}': 0,
        'chip_closes_total{code="4409"}': 1,
        'chip_commands_total{command="send_msg"}': 1,
        'chip_errors_total{code="rate_limited"}': 1,
        'chip_sends_total{status="200"}': 1,
        'chip_courier_seconds_count{outcome="handled"}': 1,
        'chip_courier_seconds_sum{outcome="handled"}': 0.2,
        'chip_shown_seconds_bucket{le="0.005"}': 1,
        'chip_shown_seconds_bucket{le="0.002"}': 0,
        'chip_reactor_lag_seconds_bucket{le="0.05"}': 1,
        "chip_outbox_chats": 1,
        "chip_outbox_oldest_seconds": 2.5,
        "chip_spool_events": 3,
        "chip_spool_oldest_seconds": 4.5,
        'chip_balance{state="waiting",way="to_courier"}': 3,
        'chip_balance{state="accepted",way="to_visitors"}': 0,
    }.items():
        assert found[name] == value, name


def test_a_label_that_somebody_invents_makes_no_series_of_its_own():
    metrics = Metrics()
    before = len(samples(metrics))
    for number in range(3000, 5000):
        metrics.closed(number)
    for one in ("\n", "x" * 1000, "send_message"):
        metrics.command(one)
        metrics.error(one)
        metrics.connection(one)
        metrics.courier(one, 1)
    metrics.send(299)
    found = samples(metrics)
    assert len(found) == before
    assert found['chip_closes_total{code="other"}'] == 2000 - 6
    assert found['chip_commands_total{command="other"}'] == 3


def test_everything_that_the_layers_tell_has_a_label_of_its_own():
    metrics = Metrics()
    tags = {str(kind.__struct_config__.tag) for kind in get_args(commands.Command)}
    for outcome in get_args(ConnectOutcome):
        metrics.connection(outcome)
    for kind in get_args(AnswerKind):
        metrics.courier(kind, 1)
    for code in get_args(events.ErrorCode):
        metrics.error(code)
    for tag in tags:
        metrics.command(tag)
    for outcome in get_args(Login):
        metrics.desk_login(outcome)
    counts = {name: value for name, value in samples(metrics).items() if "_created" not in name}
    assert not [name for name, value in counts.items() if "other" in name and value]


def test_numbers_that_change_by_themselves_are_read_when_asked_for():
    metrics, sockets = Metrics(), set()
    metrics.read_from(sockets=lambda: len(sockets), chats=lambda: 7, circuit_is_open=lambda: False)
    sockets.add("one")
    assert samples(metrics)["chip_sockets"] == 1
    assert samples(metrics)["chip_chats"] == 7


def test_the_process_itself_is_measured_too():
    found = samples(Metrics())
    assert found["process_resident_memory_bytes"] > 0
    assert 'python_gc_collections_total{generation="2"}' in found


def age_of_this_process() -> float:
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


@pytest.mark.private_parts
def test_the_process_is_measured_where_only_processes_are_in_proc(tmp_path):
    (tmp_path / str(os.getpid())).symlink_to("/proc/self")
    registry = CollectorRegistry()
    ProcessWithoutStat(proc=str(tmp_path), pid=os.getpid, registry=registry)
    assert registry.get_sample_value("process_resident_memory_bytes") > 0
    started = registry.get_sample_value("process_start_time_seconds")
    assert started == pytest.approx(time.time() - age_of_this_process(), abs=5)


class Store:
    page = 25

    def __init__(self) -> None:
        self.answer: Deferred[str] = Deferred()

    async def channel(self, uuid: str) -> str:
        return f"{uuid} {await self.answer}"

    def plain(self) -> str:
        return "plain"


def test_an_adapters_questions_are_timed_under_their_names():
    clock, metrics, store = Clock(), Metrics(), Store()
    timed = metrics.timed("store", store, clock)
    asked = Deferred.fromCoroutine(timed.channel("7d62"))
    clock.advance(0.02)
    store.answer.callback("found")
    assert asked.result == "7d62 found"
    assert samples(metrics)['chip_store_seconds_sum{operation="channel"}'] == 0.02
    assert (timed.page, timed.plain()) == (25, "plain")
    assert 'chip_store_seconds_sum{operation="plain"}' not in samples(metrics)


def test_a_question_that_fails_is_timed_and_fails_as_before():
    clock, metrics, store = Clock(), Metrics(), Store()
    asked = Deferred.fromCoroutine(metrics.timed("queue", store, clock).channel("7d62"))
    failed: list[object] = []
    asked.addErrback(lambda failure: failed.append(failure.value))
    store.answer.errback(Unavailable("away"))
    assert isinstance(failed[0], Unavailable)
    assert samples(metrics)['chip_queue_seconds_count{operation="channel"}'] == 1


def test_a_late_reactor_is_noticed():
    clock, metrics = Clock(), Metrics()
    service = LagService(metrics, clock)
    service.startService()
    clock.advance(1)
    clock.advance(1.25)
    service.stopService()
    found = samples(metrics)
    assert found["chip_reactor_lag_seconds_count"] == 2
    assert found["chip_reactor_lag_seconds_sum"] == 0.25
    assert not clock.getDelayedCalls()


def test_log_lines_are_counted_by_level_and_the_circuit_is_told():
    metrics = Metrics()
    metrics.logged("error")
    metrics.logged("warn")
    is_open = [False]
    metrics.read_from(sockets=int, chats=int, circuit_is_open=lambda: is_open[0])
    found = samples(metrics)
    assert found['chip_log_lines_total{level="error"}'] == 1
    assert found['chip_log_lines_total{level="critical"}'] == 0
    assert found["chip_courier_circuit_open"] == 0
    is_open[0] = True
    assert samples(metrics)["chip_courier_circuit_open"] == 1
