"""Courier fails for everybody: the circuit opens, single requests probe, and it closes."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chip.chat.outbound.circuit import CHATS_TO_TRIP, FAILURES_TO_TRIP, CircuitBreaker
from chip.chat.outbound.ports import CourierAnswer
from chip.models import ChatKey, Incoming
from tests.support.commands import say
from tests.support.memory_chip import CHANNEL, MemoryChip
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.slow import Slow


@pytest.fixture
def chip():
    return MemoryChip()


@pytest.fixture
def bob(chip):
    return chip.bob()


def fail_everybody(chip, visitors):
    for visitor in visitors:
        visitor.says({"type": "start_chat"}, say("hello"))
    while chip.gateway.requests:
        chip.gateway.requests.pop(0).fail("unsent")


def test_after_a_run_of_failures_one_request_at_a_time_probes_and_success_lets_all_go(chip):
    visitors = [chip.visitor() for _ in range(10)]
    fail_everybody(chip, visitors)
    assert chip.server.outbound.courier_is_away
    chip.later(40)
    assert len(chip.gateway.requests) == 1
    chip.gateway.requests.pop().handle("uuid")
    assert not chip.server.outbound.courier_is_away
    chip.later(2)
    assert len(chip.gateway.requests) == 9


def test_probes_that_fail_at_once_do_not_follow_each_other_at_once(chip):
    visitors = [chip.visitor() for _ in range(40)]
    fail_everybody(chip, visitors)
    probes = []

    async def refuse(channel, chat_id, events):
        probes.append(chat_id)
        return CourierAnswer("unsent", [], "nobody listens")

    chip.gateway.post = refuse
    chip.later(30)
    assert 20 <= len(probes) <= 31


def test_a_courier_that_refuses_something_is_there(chip):
    visitors = [chip.visitor() for _ in range(6)]
    for visitor in visitors:
        visitor.says({"type": "start_chat"}, say("hello"))
    *most, last = chip.gateway.requests
    for request in most[:4]:
        request.fail("unsent")
    most[4].fail("refused")
    last.fail("unsent")
    assert not chip.server.outbound.courier_is_away


def test_failures_before_a_success_do_not_count():
    courier = ScriptedGateway()
    circuit = CircuitBreaker(courier, 4, Clock())

    def post(chat_id, outcome):
        chat = ChatKey(chat_id, CHANNEL.uuid)
        Deferred.fromCoroutine(circuit.post(CHANNEL, chat, [Incoming("Hi")]))
        courier.take().answer.callback(CourierAnswer(outcome))

    for chat_id in ("a", "b", "c"):
        post(chat_id, "failed")
    post("d", "handled")
    for _ in range(FAILURES_TO_TRIP):
        post("e", "failed")
    assert not circuit.is_open
    for chat_id in ("f", "g"):
        post(chat_id, "failed")
    assert circuit.is_open


def test_an_open_circuit_asks_twice_a_second_at_most_however_many_want_to(chip):
    visitors = [chip.visitor() for _ in range(30)]
    fail_everybody(chip, visitors)
    assert chip.server.outbound.courier_is_away
    chip.gateway.starts_fail = True
    started, asked = len(chip.gateway.starts), 0
    for _ in range(100):
        chip.later(0.1, step=0.1)
        for visitor in visitors[:3]:
            visitor.says(say("Hello?"))
        newcomer = chip.visitor()
        newcomer.says({"type": "start_chat"})
        newcomer.leaves()
        asked += len(chip.gateway.requests)
        for request in chip.gateway.requests:
            request.fail("failed")
        chip.gateway.requests.clear()
    assert 5 <= asked + len(chip.gateway.starts) - started <= 20


def test_one_chat_alone_never_opens_the_circuit(chip, bob):
    bob.says(say("poison"))
    for _ in range(20):
        chip.later(31)
        chip.gateway.take().fail("failed")
    assert not chip.server.outbound.courier_is_away


def test_new_chats_are_unavailable_at_once_while_the_circuit_is_open(chip):
    fail_everybody(chip, [chip.visitor() for _ in range(max(CHATS_TO_TRIP, FAILURES_TO_TRIP))])
    chip.later(40)
    assert len(chip.gateway.requests) == 1  # a probe is under way
    starts = len(chip.gateway.starts)
    visitor = chip.visitor()
    visitor.says({"type": "start_chat"})
    error = visitor.hears_one()
    assert (error["code"], error["retry_after"]) == ("unavailable", 10)
    assert len(chip.gateway.starts) == starts


def test_hundreds_of_new_chats_that_wait_when_the_circuit_opens_are_all_answered(chip):
    chip.gateway.starts_fail = True
    courier = Slow(chip.gateway, "start_chat")
    visitors = [chip.visitor(address=f"10.0.0.{n}") for n in range(250)]
    for visitor in visitors:
        visitor.says({"type": "start_chat"})
    courier.answers_all()
    assert {visitor.hears_one()["code"] for visitor in visitors} == {"unavailable"}
    chip.gateway.starts_fail = False
    chip.later(11)
    visitors[0].says({"type": "start_chat"})
    courier.answers()
    assert visitors[0].hears_one()["type"] == "chat_started"


@pytest.mark.parametrize("parallel", [1, 2, 3, 4, 5, 8])
def test_new_chats_and_messages_together_are_no_more_requests_than_allowed(parallel):
    chip = MemoryChip(courier_parallel=parallel)
    talkers = [chip.visitor() for _ in range(3 * parallel)]
    for talker in talkers:
        talker.says({"type": "start_chat"})
    chip.gateway.store = None  # answers are the test's
    for _ in range(3 * parallel):
        chip.visitor().says({"type": "start_chat"})
    for talker in talkers:
        talker.says(say("hello"))
    answered = {"starts": 0, "posts": 0}
    for _ in range(2 * parallel):
        assert len(chip.gateway.requests) == parallel
        request = chip.gateway.requests.pop(0)
        answered["posts" if request.texts else "starts"] += 1
        request.handle("uuid")
    assert all(answered.values())
    while chip.gateway.requests:
        chip.gateway.requests.pop(0).handle("uuid")
