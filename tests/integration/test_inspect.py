"""``twistd chip inspect`` beside running Chips, as an operator asks it."""

from __future__ import annotations

import re

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.store.public_ids import public_id
from chip.tasks import pause
from tests.support.chip_process import ChipProcess
from tests.support.desk_api import TOKEN, DeskApi
from tests.support.process import free_port
from tests.support.visitor import Visitor

PRIVATE = ("bob@example.com", "something private", "sesame")


def inspected(wanted: object, **settings: object) -> tuple[int, str]:
    """The exit status and what was printed; nothing private is in it."""
    chip = ChipProcess("inspect", str(wanted), **settings)
    try:
        status, said = chip.run_to_end()
    finally:
        chip.close()
    if "Traceback" in said or any(private in said for private in PRIVATE):
        raise AssertionError(said)
    return status, said


@pytest.fixture
def inspect(usual):
    """Ask, with the usual settings, in a thread of its own."""

    def ask(wanted: object, **settings: object):
        return deferToThread(inspected, wanted, **usual(settings))

    return ask


@pytest.mark.parametrize("embedded", [False, True], ids=["valkey", "embedded queues"])
async def test_a_message_is_followed_from_the_outbox_to_its_report(
    start_chip, visit, courier, channel, inspect, embedded
):
    chip = start_chip(valkey=None) if embedded else start_chip()
    where = {"valkey": None, "data_dir": chip.directory / "chip-data"} if embedded else {}
    bob = await visit(chip)
    await bob.start_chat()
    bob.set_email("bob@example.com")
    await courier.apart.send(channel, bob.chat_id, "something private")
    (event,) = await bob.hears("something private", ack=False)
    number, uuid = event["msg_out"]["id"], event["msg_out"]["uuid"]

    status, said = await inspect(number, **where)
    assert status == 0, said
    assert f"message  {number}, uuid {uuid}\n" in said
    assert "status W (wired: Courier has handed it to Chip)" in said
    assert re.search(r"^now      waits for its visitor, 1 of 1, for \d+ s", said, re.MULTILINE)
    assert f"chat     {bob.chat_id[:4]}…@{channel.uuid[:8]}, channel {channel.uuid}\n" in said
    assert bob.chat_id not in said
    assert embedded or "open     in 1 process\n" in said
    assert (await inspect(uuid, **where))[1].splitlines()[0] == said.splitlines()[0]

    bob.ack(event)
    await courier.apart.wait(1, bob.chat_id, "msg_status")
    # Courier has the report; Chip may still have to note that.
    while "Courier has taken the report" not in (await inspect(uuid, **where))[1]:
        await pause(reactor, 0.1)
    status, said = await inspect(uuid, **where)
    assert "status D (delivered)" in said
    assert re.search(r"^now      acknowledged \d+ s ago; Courier has taken the report", said, re.M)
    assert "\nattempt  the last one ended: Courier took it" in said


async def test_what_waits_for_courier_is_found_by_what_the_log_calls_the_chat(
    start_chip, visit, courier, inspect, channel
):
    chip = start_chip()
    bob = await visit(chip)
    await bob.start_chat()
    courier.fail(502)
    bob.send("something private", ref="c1")
    await bob.expect("msg_accepted", ref="c1")
    label = f"{bob.chat_id[:4]}…@{channel.uuid[:8]}"
    for wanted in (label, bob.chat_id, f"{bob.chat_id}@{channel.uuid}"):
        status, said = await inspect(wanted)
        assert status == 0, said
        assert "spool    1 event waits for Courier\n           said, ref c1, for " in said
        assert "contact  none" not in said
        assert bob.chat_id not in said
    courier.heal()


async def test_a_chip_that_runs_alone_is_looked_into_too(tmp_path):
    with ChipProcess(
        directory=tmp_path, ops_listen="off", desk_token=TOKEN, desk_guide=False
    ) as chip:
        desk = DeskApi(tmp_path / "chip-data")
        bob = await Visitor(chip.url, desk.channel().uuid).connect()
        chip.visitors.append(bob)
        await bob.start_chat()
        status, said = await deferToThread(inspected, bob.chat_id, data_dir=tmp_path / "chip-data")
        assert status == 0, said
        assert "outbox   0 messages wait for the visitor" in said
        assert "open     only the running Chip knows" in said
        await bob.leave()


@pytest.mark.parametrize(
    "wanted", [4_000_000_000, "00000000-0000-4000-8000-000000000000", "0" * 24, "ZZZZ…@00000000"]
)
async def test_what_nobody_knows_is_told_by_the_exit_status(inspect, channel, wanted):
    assert await inspect(wanted) == (2, "chip: nothing is known of it\n")


async def test_a_part_that_is_away_is_named_and_the_other_still_asked(
    start_chip, visit, courier, channel, inspect
):
    bob = await visit(start_chip())
    await bob.start_chat()
    await courier.apart.send(channel, bob.chat_id, "something private")
    (event,) = await bob.hears("something private", ack=False)
    nobody = f"127.0.0.1:{free_port()}"

    status, said = await inspect(event["msg_out"]["id"], valkey=f"valkey://:pa55@{nobody}")
    assert status == 1
    assert "status W (wired" in said
    assert f"chip: cannot use Valkey at {nobody}: the connection was refused\n" in said

    away = f"postgres://chip:pa55@{nobody}/temba"
    status, said = await inspect(f"{bob.chat_id}@{channel.uuid}", db=away)
    assert status == 1
    assert "outbox   1 message waits for the visitor" in said
    assert "chip: cannot use the database: " in said
    assert "pa55" not in said


async def test_the_rights_that_the_guide_gives_are_enough_to_look(
    guided, guarded, inspect, rapidpro, channel
):
    contact = rapidpro.contact(channel.org)
    message = rapidpro.outgoing(contact, channel=channel)
    for wanted in (message.id, message.uuid, contact.chat_id, "ZZZZ…@00000000"):
        status, said = await inspect(wanted, db=guided, valkey=guarded.url)
        assert status == (2 if "ZZZZ" in str(wanted) else 0), said


@pytest.mark.parametrize("generation", ["10.2", "26.0", "26.2"])
async def test_an_external_channel_is_called_as_pages_call_it(inspect, rapidpro):
    made = rapidpro.external_channel(rapidpro.org())
    contact = rapidpro.contact(made.org)
    message = rapidpro.outgoing(contact, channel=made)
    public = public_id(made.uuid, made.secret)
    for wanted in (message.id, f"{contact.chat_id}@{public}"):
        status, said = await inspect(wanted)
        assert status == 0, said
        assert f"chat     {contact.chat_id[:4]}…@{public[:8]}, channel {public}\n" in said
        assert f"contact  {contact.id}\n" in said
        assert made.uuid not in said


async def test_a_channel_that_took_the_id_of_one_before_is_the_one_that_is_found(
    inspect, rapidpro, channel
):
    made = rapidpro.external_channel(channel.org)
    rapidpro.update("channels_channel", channel.id, is_active=False)
    contact = rapidpro.contact(channel.org)
    rapidpro.update("contacts_contacturn", contact.urn, channel_id=channel.id)
    before = rapidpro.outgoing(contact, channel=channel)
    for wanted in (before.id, contact.chat_id):
        status, said = await inspect(wanted, external_ids=[f"{channel.uuid}={made.uuid}"])
        assert status == 0, said
        assert f"channel {channel.uuid}\ncontact  {contact.id}\n" in said


@pytest.mark.parametrize("generation", ["10.2", "26.0", "26.2"])
async def test_every_release_is_understood(inspect, rapidpro, channel):
    contact = rapidpro.contact(channel.org)
    said_in = rapidpro.incoming(contact, "something private", channel=channel)
    other = rapidpro.contact(channel.org)
    sms = rapidpro.outgoing(other, channel=rapidpro.channel(channel.org, type="TWT"), status="F")
    for wanted in (said_in.id, said_in.uuid):
        status, said = await inspect(wanted)
        assert status == 0, said
        assert f"contact  {contact.id}\n" in said
        assert "now      Courier has it" in said
    status, said = await inspect(sms.id)
    assert status == 0
    assert said.endswith("chat     none: it is of no webchat\n")


async def test_the_log_at_level_debug_tells_a_messages_journey_by_its_id(
    start_chip, visit, courier, channel
):
    chip = start_chip(log_level="debug")
    bob = await visit(chip)
    await bob.start_chat()
    await courier.apart.send(channel, bob.chat_id, "something private")
    (event,) = await bob.hears("something private")
    await courier.apart.wait(1, bob.chat_id, "msg_status")
    await deferToThread(chip.stop)  # once what is in hand is done
    number = event["msg_out"]["id"]
    found = re.findall(rf" hop: (\w+) chat=(\S+) messages={number}\b", chip.log())
    assert {chat for _, chat in found} == {f"{bob.chat_id[:4]}…@{channel.uuid[:8]}"}
    stored = {"stored", "published", "shown"}
    reported = ["acknowledged", "claimed", "posted", "answered"]
    hops = [hop for hop, _ in found if hop != "received"]
    assert ({*hops[:3]}, hops[3:7]) == (stored, reported)
