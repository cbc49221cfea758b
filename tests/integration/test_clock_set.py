"""The machine's clock is set by a month while Chip runs: whatever waits goes on unimpressed.

Valkey and PostgreSQL are on other machines here, whose clocks stay.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from datetime import datetime

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.tasks import pause
from tests.support.chip_process import ChipProcess
from tests.support.set_clock import SetClock

pytestmark = pytest.mark.private_parts
DEADLINE = 6
"""Seconds that a request may take to come."""


@pytest.fixture(params=["on Valkey", "embedded"])
def chip(request, start_chip, tmp_path):
    """A Chip that lives by `chip.clock`, which can be set."""
    clock = SetClock(tmp_path)
    queues = {} if request.param == "on Valkey" else {"valkey": None}
    chip = start_chip(
        env=clock.environment, log_format="json", handshake_deadline=DEADLINE, **queues
    )
    chip.clock = clock
    return chip


BACK_AND_FORWARD = (-30, 30)
"""Days by which the clock is ahead of the true time, one after the other."""


def half_a_request(chip):
    """A connection that has sent half a request, and sends no more."""
    peer = socket.create_connection(("127.0.0.1", chip.port), timeout=60)
    peer.sendall(b"GET / HTTP/1.1\r\nX-Half: ")
    return peer


def is_open(peer):
    """Whether the connection has not ended yet."""
    peer.setblocking(False)
    try:
        return peer.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    finally:
        peer.settimeout(60)


def is_cut(peer):
    """Wait until the connection ends, for at most its time-out."""
    with contextlib.suppress(ConnectionResetError):
        while peer.recv(1000):
            continue
    return True


async def test_messages_go_on_in_both_directions(chip, visit, courier, channel):
    for days in BACK_AND_FORWARD:
        bob = await visit(chip)
        await bob.start_chat()
        await courier.apart.fail(text="tried again", times=2)
        bob.send("tried again", "c1")
        await bob.expect("msg_accepted", ref="c1")
        await courier.apart.wait(requests=1, chat=bob.chat_id)
        chip.clock.set(days)
        bob.send("said later", "c2")
        await bob.expect("msg_accepted", ref="c2")
        await courier.apart.wait(2, bob.chat_id, "msg_in")
        assert await courier.apart.texts(bob.chat_id) == ["tried again", "said later"]
        assert (await courier.apart.send(channel, bob.chat_id, "an answer"))["status"] == 200
        await bob.hears("an answer")
        await courier.apart.wait(1, bob.chat_id, "msg_status")


async def test_what_waits_for_a_visitor_neither_expires_nor_is_forgotten(
    chip, visit, courier, channel
):
    bob = await visit(chip)
    await bob.start_chat()
    await bob.vanish()
    sent = await courier.apart.send(channel, bob.chat_id, "for later")
    for days in BACK_AND_FORWARD:
        chip.clock.set(days)
        # Time enough for each of Chip's timers that would think that it is due.
        await pause(reactor, 1)
    await courier.apart.again(sent)
    again = await visit(chip, bob.chat_id)
    assert (await again.start_chat())["type"] == "chat_resumed"
    await again.hears("for later")
    await again.hears_nothing()
    await courier.apart.wait(1, bob.chat_id, "msg_status")
    assert [one["status"] for one in await courier.apart.statuses(bob.chat_id)] == ["delivered"]


async def test_a_request_in_hand_is_not_made_again(chip, visit, courier):
    bob = await visit(chip)
    await bob.start_chat()
    await courier.apart.dawdle(4, text="slowly")
    bob.send("slowly", "c1")
    await bob.expect("msg_accepted", ref="c1")
    for days in BACK_AND_FORWARD:
        await pause(reactor, 0.5)
        chip.clock.set(days)
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    bob.send("and on", "c2")
    await courier.apart.wait(2, bob.chat_id, "msg_in")
    said = [event["msg"]["text"] for event in await courier.apart.events(bob.chat_id, "msg_in")]
    assert said == ["slowly", "and on"]


async def test_an_inspection_tells_how_long_a_message_has_waited(chip, visit, courier, channel):
    bob = await visit(chip)
    await bob.start_chat()
    await bob.vanish()
    sent = await courier.apart.send(channel, bob.chat_id, "for later")
    for days in BACK_AND_FORWARD:
        chip.clock.set(days)
        await says_how_long_it_waits(chip, sent)


async def says_how_long_it_waits(chip, sent):
    settings = chip.settings | {"data_dir": chip.directory / "chip-data"}
    asked = ChipProcess("inspect", str(sent["id"]), env=chip.env, **settings)
    try:
        status, said = await deferToThread(asked.run_to_end)
    finally:
        asked.close()
    assert status == 0, said
    (now,) = re.findall("^now .*", said, re.MULTILINE)
    assert re.search(r"waits for its visitor, 1 of 1, for \d+ s;", now), said
    assert " d" not in now.replace(" delivered", ""), said


async def test_half_a_request_is_cut_when_its_time_is_up(chip):
    with contextlib.ExitStack() as peers:
        cut = []
        began = time.monotonic()
        for days in BACK_AND_FORWARD:
            cut.append(peers.enter_context(half_a_request(chip)))
            await pause(reactor, 0.2)
            chip.clock.set(days)
            await pause(reactor, 0.2)
        for peer in cut:
            assert is_open(peer) or time.monotonic() > began + DEADLINE
        cut.append(peers.enter_context(half_a_request(chip)))
        for peer in cut:
            assert await deferToThread(is_cut, peer)


async def test_people_and_logs_are_shown_the_time_of_the_clock(chip, visit, courier, channel):
    def is_now(shown):
        return abs(datetime.fromisoformat(shown).timestamp() - chip.clock.time()) < 60

    bob = await visit(chip)
    await bob.start_chat()
    chip.clock.set(-30)
    ann = await visit(chip, bob.chat_id)
    await ann.start_chat()
    bob.send("hello", "c1")
    assert is_now((await ann.expect("msg_echo"))["msg_in"]["time"])
    await courier.apart.send(channel, bob.chat_id, "unknown to the database", row=False)
    assert is_now((await ann.expect("chat_out"))["msg_out"]["time"])
    await deferToThread(chip.stop)
    assert is_now(json.loads(chip.log().splitlines()[-1])["time"])
