"""Whatever stops a message or a visitor is a line in the log, and not a thousand of them."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from chip.chat.inbound import WrongSecret
from chip.chat.outbound.ports import CourierAnswer
from chip.errors import Refused, Unavailable
from tests.support.commands import say
from tests.support.connect_rig import ConnectRig
from tests.support.memory_chip import CHANNEL as KNOWN
from tests.support.memory_chip import MemoryChip
from tests.support.web import (
    CHANNEL,
    UNKNOWN,
    UPGRADE,
    FakeChatServer,
    Wire,
    build_site,
    request,
)

# Courier.


def test_a_courier_that_refuses_connections_has_a_line_with_the_channel_and_the_reason(log):
    chip = MemoryChip()

    async def refuse(channel, chat_id):
        return CourierAnswer("unsent", detail="the connection was refused")

    chip.gateway.start_chat = refuse
    for _ in range(8):
        visitor = chip.visitor()
        visitor.says({"type": "start_chat"})
        assert visitor.hears_one()["code"] == "unavailable"
    assert log.about("Courier does not") == [
        "warn: Courier does not take a request: the connection was refused"
    ]
    assert log.fields("channel") == [KNOWN.uuid]
    assert chip.server.outbound.courier_trouble == "the connection was refused"


def test_the_circuit_tells_once_that_it_opens_and_once_that_it_closes(log):
    chip = MemoryChip()
    visitors = [chip.visitor() for _ in range(10)]
    for visitor in visitors:
        visitor.says({"type": "start_chat"}, say("hello"))
    while chip.gateway.requests:
        chip.gateway.requests.pop(0).fail("unsent", "nobody listens")
    chip.later(40)
    assert log.about("circuit") == ["warn: the circuit to Courier is open: nobody listens"]
    chip.gateway.requests.pop().handle("uuid")
    assert log.about("circuit")[1:] == ["info: the circuit to Courier is closed again"]
    assert log.about("takes requests again") == ["info: Courier takes requests again"]
    assert chip.server.outbound.courier_trouble == ""


def test_while_courier_is_away_there_is_a_line_a_minute(log):
    chip = MemoryChip()

    async def fail(channel, chat_id, events):
        return CourierAnswer("failed", detail="status 502, not from Courier")

    visitors = [chip.visitor() for _ in range(10)]
    for visitor in visitors:
        visitor.says({"type": "start_chat"})
    chip.gateway.post = fail
    for visitor in visitors:
        visitor.says(say("hello"))
    chip.later(150)
    assert len(log.about("Courier does not take")) == 3
    assert len(log.about("circuit to Courier is open")) == 3
    assert len(log.about()) == 6


def test_a_circuit_that_opens_again_within_a_minute_is_told_of_as_open(log):
    chip = MemoryChip()
    answers = ["handled"]

    async def post(channel, chat_id, events):
        return CourierAnswer(answers[-1], ["uuid"] * len(events), "status 502, not from Courier")

    chip.gateway.post = post
    visitors = [chip.visitor() for _ in range(10)]
    for answer in ("failed", "handled", "failed"):
        answers.append(answer)
        for visitor in visitors:
            visitor.says({"type": "start_chat"}, say(f"hello {len(answers)}"))
        chip.later(15)
    assert log.about("circuit")[-1] == "info: the circuit to Courier is closed again"
    assert chip.server.outbound.courier_is_away
    chip.later(60)
    assert log.about("circuit")[-1].startswith("warn: the circuit to Courier is open")


def test_events_that_are_rejected_have_a_line_a_minute(log):
    chip = MemoryChip()
    bob = chip.bob()
    for number in range(20):
        bob.says(say(f"{number}"))
        chip.gateway.take().fail("refused", "status 400 from Courier")
        chip.later(1)
    assert chip.waiting(bob.session.chat) == []
    assert log.about() == ["warn: events for Courier were rejected: status 400 from Courier"]
    assert log.fields("channel") == [KNOWN.uuid]


def test_a_chat_that_courier_made_and_nobody_can_read_has_a_line(log):
    chip = MemoryChip()

    async def elsewhere(channel, chat_id):
        return CourierAnswer("handled")

    chip.gateway.start_chat = elsewhere
    visitor = chip.visitor()
    visitor.says({"type": "start_chat"})
    chip.later(10)
    assert visitor.hears_one()["code"] == "unavailable"
    (line,) = log.about("cannot be read")
    assert line.startswith("warn: ")
    assert log.fields("channel") == [KNOWN.uuid]


# Sends.


def post(server: FakeChatServer, times: int) -> None:
    site = build_site(server, Clock())
    for _ in range(times):
        Wire(site).says(request(f"/wc/send/{CHANNEL}", "POST", b"{}"))


@pytest.mark.parametrize(
    "trouble",
    [
        WrongSecret("channel secret incorrect"),
        Refused("no such channel"),
        Unavailable("the database is away"),
    ],
)
def test_a_send_that_is_refused_has_a_line_a_minute_with_the_channel_and_the_reason(log, trouble):
    server = FakeChatServer()
    server.send_trouble = trouble
    post(server, 9)
    assert log.about() == [f"warn: a send was refused: {trouble}"]
    assert log.fields("channel") == [CHANNEL]


def test_whatever_chat_ids_and_bodies_are_sent_there_are_few_lines(log):
    server = FakeChatServer()
    site = build_site(server, Clock())
    for number in range(30):
        reason = f"error loading contact with chat id {number:024}: no such contact"
        server.send_trouble = Refused(reason)
        Wire(site).says(request(f"/wc/send/{CHANNEL}", "POST", b"{}"))
    assert len(log.about()) == 1


def test_each_channel_whose_secret_is_wrong_is_named(log):
    server = FakeChatServer()
    server.send_trouble = WrongSecret("channel secret incorrect")
    site = build_site(server, Clock())
    for channel in (CHANNEL, UNKNOWN) * 5:
        Wire(site).says(request(f"/wc/send/{channel}", "POST", b"{}"))
    assert log.fields("channel") == [CHANNEL, UNKNOWN]


# Visitors.


def test_visitors_who_are_turned_away_have_a_line_for_each_reason(log):
    rig = ConnectRig(allowed_origins=("https://shop.example",))
    for _ in range(5):
        rig.asked(UNKNOWN, **UPGRADE)
        rig.asked(**UPGRADE, Origin="https://evil.example")
    rig.server.lookups.trouble = Unavailable("the database is away")
    for _ in range(5):
        rig.asked(**UPGRADE)
    assert log.about() == [
        "warn: visitors are turned away: no such channel",
        "warn: visitors are turned away: this website may not use this server",
        "warn: visitors are turned away: the database is away",
    ]
    assert log.fields("channel") == [UNKNOWN, CHANNEL, CHANNEL]
    rig.passes(60)
    rig.asked(**UPGRADE)
    assert log.fields("times") == [1, 1, 1, 5]


def test_who_asks_without_an_upgrade_is_not_turned_away(log):
    ConnectRig().asked()
    assert log.about() == []
