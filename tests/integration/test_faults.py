"""What each party sees when a part is away, one row of the operator's table each.

Loss, doubles and order are counted in test_reliability; here it is about what is said meanwhile,
and how soon all is well again.
"""

from __future__ import annotations

import json
from functools import partial

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from chip.tasks import pause
from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.valkey import Valkey

SOON = 5.0
"""Seconds within which things are to be well again once a part is back."""


async def get(url):
    return await deferToThread(partial(fetch, url, timeout=10))


async def until(condition, seconds=SOON):
    """Wait until an asynchronous condition holds, looking again and again."""
    for _ in range(int(seconds / 0.1)):
        if await condition():
            return
        await pause(reactor, 0.1)
    raise AssertionError(f"it did not come to that within {seconds} s")


async def accepted(visitor, ref):
    """Send with this ref until it is accepted; once more after every error."""
    visitor.send(f"text of {ref}", ref)
    event = await visitor.next()
    return event == {"type": "msg_accepted", "ref": ref}


# Courier


async def test_while_courier_is_away_messages_are_kept_and_delivery_goes_on(
    chip, visit, courier, channel
):
    bob = await visit(chip)
    await bob.start_chat()
    await courier.apart.deaf()
    bob.send("kept", "c1")
    await bob.expect("msg_accepted", ref="c1")
    newcomer = await visit(chip)
    newcomer.command("start_chat")
    error = await newcomer.expect("error", code="unavailable", command="start_chat")
    assert error["retry_after"] > 0
    sent = await courier.apart.send(channel, bob.chat_id, "still here")
    assert sent["status"] == 200
    await bob.hears("still here")
    again = await visit(chip, bob.chat_id)
    assert (await again.start_chat())["type"] == "chat_resumed"
    await courier.apart.heal()
    # At once: whoever has no chat is let go after a while, and what has failed waits ever longer.
    newcomer.command("start_chat")
    assert (await newcomer.next())["type"] == "chat_started"
    await courier.apart.wait(1, bob.chat_id, "msg_in", timeout=40)


async def test_what_courier_refuses_is_told_to_the_visitor_and_not_tried_again(
    chip, visit, courier
):
    bob = await visit(chip)
    await bob.start_chat()
    await courier.apart.fault(status=400, text="bad")
    bob.send("bad", "c1")
    await bob.expect("msg_accepted", ref="c1")
    await bob.expect("error", code="rejected", ref="c1")
    bob.send("good", "c2")
    await bob.expect("msg_accepted", ref="c2")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    assert await courier.apart.texts(bob.chat_id) == ["good"]


async def test_the_same_text_twice_within_courier_s_memory_arrives_twice(chip, visit, courier):
    bob = await visit(chip)
    await bob.start_chat()
    bob.send("yes", "c1")
    bob.send("yes", "c2")
    await bob.expect("msg_accepted", ref="c1")
    await bob.expect("msg_accepted", ref="c2")
    await courier.apart.wait(2, bob.chat_id, "msg_in", timeout=40)
    assert await courier.apart.texts(bob.chat_id) == ["yes", "yes"]


async def test_an_event_that_courier_always_fails_on_holds_up_no_other_chat(chip, visit, courier):
    bob, ann = await visit(chip), await visit(chip)
    await bob.start_chat()
    await ann.start_chat()
    await courier.apart.fault(status=500, text="poison")
    bob.send("poison", "c1")
    await bob.expect("msg_accepted", ref="c1")
    for n in range(5):
        ann.send(f"fine {n}", f"f{n}")
        await ann.expect("msg_accepted", ref=f"f{n}")
    await courier.apart.wait(5, ann.chat_id, "msg_in", timeout=12)


async def test_an_email_is_put_back_after_courier_has_wiped_it(
    chip, visit, courier, channel, rapidpro
):
    bob = await visit(chip)
    await bob.start_chat()
    bob.set_email("bob@example.com")
    bob.send("Hi", "c1")
    await bob.expect("msg_accepted", ref="c1")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    contact = rapidpro.find_contact(channel.org, bob.chat_id)

    async def is_back():
        return rapidpro.email(contact) == "bob@example.com"

    await until(is_back)


# Valkey


async def test_while_valkey_is_away_sockets_stay_and_everybody_is_told_to_try_again(
    chip, visit, courier, channel, valkey
):
    bob = await visit(chip)
    await bob.start_chat()
    await deferToThread(valkey.kill)
    bob.send("not yet", "c1")
    await bob.expect("error", code="unavailable", ref="c1")
    sent = await courier.apart.send(channel, bob.chat_id, "not yet either")
    assert sent["status"] == 503
    assert (await get(f"{chip.ops_url}/readyz")).status == 503
    assert (await get(f"{chip.ops_url}/livez")).status == 200
    await deferToThread(valkey.start)
    await until(partial(accepted, bob, "c1"))
    (again,) = await courier.apart.retry()
    assert again["status"] == 200
    await bob.hears("not yet either")
    assert (await get(f"{chip.ops_url}/readyz")).status == 200


@pytest.mark.parametrize("cut", ["black_hole", "refuse"])
async def test_an_instance_cut_off_from_valkey_says_so_and_comes_back(
    start_chip, visit, courier, channel, valkey, proxied, cut
):
    proxy = proxied(valkey.port)
    lonely = start_chip(valkey=valkey.url_of(5, port=proxy.port))
    well = start_chip()
    bob = await visit(lonely)
    await bob.start_chat()
    getattr(proxy, cut)()
    bob.send("not here", "c1")
    await bob.until("error", code="unavailable", ref="c1")
    assert (await get(f"{lonely.ops_url}/readyz")).status == 503
    assert (await get(f"{well.ops_url}/readyz")).status == 200
    sent = await courier.apart.send(channel, bob.chat_id, "missed", chip=well.url)
    assert sent["status"] == 200
    proxy.heal()
    (shown,) = [await bob.until("chat_out")]
    assert shown["msg_out"]["text"] == "missed"
    await until(partial(accepted, bob, "c2"))


async def test_a_valkey_that_is_full_loses_nothing_and_says_so(
    chip, visit, courier, channel, valkey
):
    bob = await visit(chip)
    await bob.start_chat()
    await deferToThread(valkey.cli, "CONFIG", "SET", "maxmemory", "1")
    bob.send("no room", "c1")
    await bob.expect("error", code="unavailable", ref="c1")
    sent = await courier.apart.send(channel, bob.chat_id, "no room")
    assert sent["status"] == 503
    await deferToThread(valkey.cli, "CONFIG", "SET", "maxmemory", "0")
    await until(partial(accepted, bob, "c1"))


async def test_chip_does_not_start_without_valkey_and_says_which(start_chip, database, courier):
    away = Valkey()  # never started
    chip = ChipProcess(db=database, valkey=away.url, domain=courier.domain)
    status, log = await deferToThread(chip.run_to_end)
    assert status != 0
    assert "Valkey" in log
    assert "Traceback" not in log
    chip.close()


# PostgreSQL


async def test_while_postgresql_is_away_live_chats_go_on(
    chip, visit, courier, channel, postgres, rapidpro
):
    bob = await visit(chip)
    await bob.start_chat()
    stranger = rapidpro.contact(channel.org, "S" * 24)
    assert stranger
    body = {"secret": "sesame", "msg": {"id": 77, "text": "Hi", "origin": "chat"}}
    await deferToThread(postgres.stop)
    try:
        (known,) = await courier.apart.post(channel, {**body, "chat_id": bob.chat_id})
        assert known["status"] == 200
        await bob.hears("Hi")
        (unknown,) = await courier.apart.post(channel, {**body, "chat_id": "S" * 24})
        assert unknown["status"] == 503
        bob.send("kept", "c1")
        await bob.expect("msg_accepted", ref="c1")
        bob.get_history("9999-01-01T00:00:00Z")
        await bob.expect("error", code="unavailable", command="get_history")
        back = await visit(chip, bob.chat_id)
        assert (await back.start_chat())["type"] == "chat_resumed"
        assert (await get(f"{chip.ops_url}/readyz")).status == 503
    finally:
        await deferToThread(postgres.start)

    async def history():
        bob.get_history("9999-01-01T00:00:00Z")
        return (await bob.next())["type"] == "history"

    await until(history)
    (unknown,) = await courier.apart.post(channel, {**body, "chat_id": "S" * 24})
    assert unknown["status"] == 200


# Visitors


async def test_a_visitor_who_vanishes_silently_never_silences_a_newer_connection(
    start_chip, visit, courier, channel, proxied
):
    interval = timeout = 5
    chip = start_chip(ping_interval=interval, ping_timeout=timeout)
    bob = await visit(chip)
    await bob.start_chat()
    proxy = proxied(chip.port)
    gone = await visit(chip, bob.chat_id)
    await gone.vanish()
    gone.url = gone.url.replace(str(chip.port), str(proxy.port))
    await gone.connect()
    await gone.start_chat()
    proxy.black_hole()
    for n in range(40):
        await courier.apart.send(channel, bob.chat_id, f"{n}")
    await bob.hears(*[f"{n}" for n in range(40)])

    async def is_noticed():
        status = json.loads((await get(f"{chip.ops_url}/status")).body)
        metrics = (await get(f"{chip.ops_url}/metrics")).body.decode()
        return status["chats"] == 1 and "\nchip_sockets 1.0" in metrics

    await until(is_noticed, interval + timeout + SOON)


async def test_a_crowd_that_comes_back_at_once_is_served_within_seconds(start_chip, visit):
    chip = start_chip()
    visitors = await gatherResults([_started(visit, chip) for _ in range(40)])
    await deferToThread(chip.kill)
    await gatherResults([_closed(visitor) for visitor in visitors])
    await deferToThread(chip.start)
    await gatherResults([_resumed(visitor) for visitor in visitors])


def _started(visit, chip):
    async def start():
        visitor = await visit(chip)
        await visitor.start_chat()
        return visitor

    return Deferred.fromCoroutine(start())


def _closed(visitor):
    return Deferred.fromCoroutine(visitor.closed())


def _resumed(visitor):
    async def resume():
        await visitor.connect()
        assert (await visitor.start_chat())["type"] == "chat_resumed"

    return Deferred.fromCoroutine(resume())
