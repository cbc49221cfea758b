"""What operators see of a running Chip: metrics after a conversation, its word while it stops."""

from __future__ import annotations

import re

from twisted.internet.threads import deferToThread

from tests.support.fetch import fetch


async def metrics(chip):
    page = (await deferToThread(fetch, f"{chip.ops_url}/metrics")).body.decode()
    lines = re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", page, re.MULTILINE)
    return {name: float(value) for name, value in lines}


async def test_a_conversation_shows_in_the_metrics(chip, visit, courier, channel):
    bob = await visit(chip)
    await bob.start_chat()
    bob.send("Hi", "c1")
    await bob.expect("msg_accepted", ref="c1")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    await courier.apart.send(channel, bob.chat_id, "Hello")
    await bob.hears("Hello", ack=False)
    await courier.apart.send(channel, bob.chat_id, "Are you there?")
    await bob.hears("Are you there?")
    await courier.apart.wait(1, bob.chat_id, "msg_status")
    bob.command("nonsense")
    await bob.expect("error", code="unknown_command")

    seen = await metrics(chip)
    assert seen["chip_sockets"] == seen["chip_chats"] == 1
    assert seen['chip_connections_total{outcome="accepted"}'] == 1
    assert seen['chip_commands_total{command="send_msg"}'] == 1
    assert seen['chip_commands_total{command="ack_chat"}'] == 1
    assert seen['chip_errors_total{code="unknown_command"}'] == 1
    assert seen['chip_sends_total{status="200"}'] == 2
    assert seen["chip_shown_seconds_count"] == 1
    assert seen['chip_courier_seconds_count{outcome="handled"}'] == 3
    assert seen['chip_queue_seconds_count{operation="ack"}'] == 1
    assert seen['chip_store_seconds_count{operation="message"}'] == 2
    assert seen["chip_outbox_chats"] == 1
    assert 0 < seen["chip_outbox_oldest_seconds"] < 60
    assert seen['chip_balance{state="waiting",way="to_visitors"}'] == 1
    assert seen['chip_balance{state="missing",way="to_visitors"}'] == 0
    assert seen["chip_spool_events"] == seen["chip_spool_oldest_seconds"] == 0


async def test_while_it_drains_chip_lives_and_is_not_ready(start_chip, visit, courier):
    chip = start_chip(drain_deadline=30, stop_deadline=40)
    bob = await visit(chip)
    await bob.start_chat()
    courier.pause()
    bob.send("this one takes a while", "c1")
    await bob.expect("msg_accepted", ref="c1")
    stopping = deferToThread(chip.stop)
    assert await bob.closed() == 1012
    assert (await deferToThread(fetch, f"{chip.ops_url}/livez")).status == 200
    ready = await deferToThread(fetch, f"{chip.ops_url}/readyz")
    assert (ready.status, ready.json["parts"]["draining"]) == (503, "yes")
    courier.resume()
    assert await stopping in (0, -15)
    assert await courier.apart.texts(bob.chat_id) == ["this one takes a while"]
