"""What every queue's notes and push must do."""

from __future__ import annotations

import json
import re

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from chip.models import Incoming

from .queue_parts import CHAT, DAY, OTHER_CHAT, QueueRig, message, name


class NotesContract:
    """Small things to remember."""

    @pytest_twisted.ensureDeferred
    async def test_a_chat_is_new_for_as_long_as_is_said(self, rig: QueueRig):
        here, there = await rig.process(), await rig.process("there")
        assert not await here.notes.was_chat_made(CHAT)
        await here.notes.chat_made(CHAT, 60)
        assert await there.notes.was_chat_made(CHAT)
        assert not await here.notes.was_chat_made(OTHER_CHAT)
        await rig.pass_time(50)
        assert await here.notes.was_chat_made(CHAT)
        await rig.pass_time(20)
        assert not await here.notes.was_chat_made(CHAT)
        await here.notes.chat_made(CHAT, 90 * 86_400)
        await rig.pass_time(89 * 86_400)
        assert await here.notes.was_chat_made(CHAT)

    @pytest_twisted.ensureDeferred
    async def test_an_email_is_remembered_for_90_days(self, rig: QueueRig):
        here = await rig.process()
        assert await here.notes.email(CHAT) == ""
        await here.notes.set_email(CHAT, "bob@example.com")
        await here.notes.set_email(CHAT, "böb@example.com")
        await rig.pass_time(89 * DAY)
        assert await here.notes.email(CHAT) == "böb@example.com"
        assert await here.notes.email(OTHER_CHAT) == ""
        await rig.pass_time(2 * DAY)
        assert await here.notes.email(CHAT) == ""


class LiveContract:
    """The push."""

    @pytest_twisted.ensureDeferred
    async def test_messages_are_heard_as_they_are_stored(self, rig: QueueRig):
        here = await rig.process()
        await here.live.subscribe(CHAT)
        for number in (1, 2, 3):
            await here.send(number)
        items = (await here.outbox.read(CHAT, 0, 10, 10_000)).items
        assert await here.heard() == [("arrived", CHAT, item) for item in items]

    @pytest_twisted.ensureDeferred
    async def test_only_open_chats_are_heard(self, rig: QueueRig):
        here = await rig.process()
        await here.live.subscribe(CHAT)
        await here.live.subscribe(OTHER_CHAT)
        here.live.unsubscribe(OTHER_CHAT)
        await here.send(1, OTHER_CHAT)
        await here.send(2)
        assert [event[1] for event in await here.heard()] == [CHAT]

    @pytest_twisted.ensureDeferred
    async def test_what_is_not_stored_is_not_heard(self, rig: QueueRig):
        here = await rig.process()
        await here.live.subscribe(CHAT)
        await here.send(1)
        assert await here.send(1) == "repeated"
        assert len(await here.heard()) == 1

    @pytest_twisted.ensureDeferred
    async def test_the_last_wish_counts_however_quickly_they_follow(self, rig: QueueRig):
        here = await rig.process()
        await here.live.subscribe(OTHER_CHAT)
        wishes = []
        for _ in range(20):
            wishes.append(Deferred.fromCoroutine(here.live.subscribe(CHAT)))
            here.live.unsubscribe(CHAT)
            wishes.append(Deferred.fromCoroutine(here.live.subscribe(CHAT)))
            wishes.append(Deferred.fromCoroutine(here.live.subscribe(OTHER_CHAT)))
            here.live.unsubscribe(OTHER_CHAT)
        await gatherResults(wishes)
        await here.send(1, OTHER_CHAT)
        await here.send(2, CHAT)
        assert [event[1] for event in await here.heard()] == [CHAT]

    @pytest_twisted.ensureDeferred
    async def test_nobody_hears_of_his_own_acks_and_words(self, rig: QueueRig):
        here = await rig.process()
        await here.live.subscribe(CHAT)
        await here.send(1)
        await here.outbox.ack(CHAT, name(1))
        await here.say("Hello")
        assert [event[0] for event in await here.heard()] == ["arrived"]

    @pytest_twisted.ensureDeferred
    async def test_every_process_that_has_the_chat_open_hears_the_same(self, rig: QueueRig):
        if not rig.shares_live:
            pytest.skip("one process only")
        here, there = await rig.process(), await rig.process("there")
        for process in (here, there):
            await process.live.subscribe(CHAT)
        await here.send(1)
        await here.live.tell(CHAT, b'{"type":"x"}')
        item = (await here.outbox.read(CHAT, 0, 10, 10_000)).items[0]
        assert item.msg_out == message(1)
        for process in (here, there):
            assert await process.heard() == [
                ("arrived", CHAT, item),
                ("told", CHAT, b'{"type":"x"}'),
            ]

    @pytest_twisted.ensureDeferred
    async def test_others_hear_of_acks(self, rig: QueueRig):
        if not rig.shares_live:
            pytest.skip("one process only")
        here, there = await rig.process(), await rig.process("there")
        await there.live.subscribe(CHAT)
        await here.send(1)
        acked = await here.outbox.ack(CHAT, name(1))
        assert acked is not None
        assert (await there.heard())[1:] == [("acked", CHAT, acked.number)]

        await here.live.subscribe(CHAT)
        await here.send(2)
        acked = await here.outbox.ack(CHAT, name(2))
        assert acked is not None
        assert (await there.heard())[-1] == ("acked", CHAT, acked.number)
        assert [event[0] for event in await here.heard()] == ["arrived"]

    @pytest_twisted.ensureDeferred
    async def test_others_hear_what_the_visitor_said(self, rig: QueueRig):
        if not rig.shares_live:
            pytest.skip("one process only")
        here, there = await rig.process(), await rig.process("there")
        for process in (here, there):
            await process.live.subscribe(CHAT)
        for event in (Incoming("Hello ☃", "c1"), Incoming("Hello ☃", "c1"), Incoming("No ref")):
            await here.spool.append(CHAT, [event], last_confirmed="", may_claim=False)

        echoes = [json.loads(frame) for _, _, frame in await there.heard()]
        times = [echo["msg_in"].pop("time") for echo in echoes]
        assert echoes == [
            {"type": "msg_echo", "msg_in": {"text": "Hello ☃", "ref": "c1"}},
            {"type": "msg_echo", "msg_in": {"text": "No ref"}},
        ]
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", time) for time in times)
        assert await here.heard() == []
