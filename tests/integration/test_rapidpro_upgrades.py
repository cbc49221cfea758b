"""RapidPro is upgraded underneath: its tables change while Chip is looking at them."""

from __future__ import annotations

import json

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from chip.errors import Unavailable
from chip.models import Channel, MsgName
from chip.store.rapidpro.connection import Statement
from chip.store.rapidpro.store import COLUMNS_FRESH_FOR, RapidproStore
from tests.contracts.store import NEVER, NOON, after, transcript
from tests.contracts.store_parts import EVER
from tests.support.rapidpro import Rapidpro
from tests.support.rapidpro_store import open_store, unhurried
from tests.support.turned_time import TurnedTime

NEW_COLUMNS = "ALTER TABLE msgs_msg ADD ticket_uuid uuid, ADD quickreplies jsonb;"
TO_26_0 = f"""
    {NEW_COLUMNS}
    DROP INDEX channels_channel_uuid_6008b898_like;
    ALTER TABLE channels_channel ALTER uuid TYPE uuid USING uuid::uuid;
"""
TO_26_2 = "ALTER TABLE msgs_msg DROP ticket_id, DROP quick_replies"
NEW = json.dumps([{"type": "text", "text": "New"}])


@pytest.fixture
def generation():
    """The release that is upgraded."""
    return "10.2"


@pytest.fixture
def time():
    return TurnedTime()


@pytest_twisted.async_yield_fixture
async def store(database, time, patient):
    store = open_store(unhurried(database), clock=time)
    await store.open()
    yield store
    await store.close()


class Chat:
    """One chat, and what the store shows of it."""

    def __init__(self, rapidpro: Rapidpro, store: RapidproStore, time: TurnedTime) -> None:
        self.rapidpro, self.store, self.time = rapidpro, store, time
        self.channel = rapidpro.channel(rapidpro.org())
        self.contact = rapidpro.contact(self.channel.org)
        self.message = rapidpro.outgoing(
            self.contact, channel=self.channel, created_on=NOON, ticket=True, quick_replies=["Old"]
        )

    def change(self, tables: str) -> None:
        """Change tables, a minute after whatever was before."""
        self.time.now += 60
        self.rapidpro.connection.execute(tables)

    async def known(self):
        """The contact, by way of the channel."""
        channel = await self.store.channel(self.channel.uuid)
        assert channel == Channel(self.channel.uuid, self.channel.org, "sesame")
        return await self.store.contact(channel, self.contact.chat_id)

    async def shown(self, contact=None):
        """The message as history shows it: its origin and its quick replies."""
        contact = contact or await self.known()
        [entry] = json.loads((await self.store.history(contact, after(1), 1)).messages)
        return entry["msg_out"]["origin"], entry["msg_out"]["quick_replies"]

    async def uses_everything(self):
        """Every statement runs, and is planned."""
        contact = await self.known()
        assert await self.shown() == ("ticket", ["Old"])
        assert await self.store.user(1)
        assert await self.store.message(contact, MsgName(self.message.id))
        assert await self.store.message(contact, MsgName(None, self.message.uuid))
        assert await self.store.heard_since(contact, "", within=EVER) == []
        await self.store.set_email(contact, "bob@example.com")


@pytest.fixture
def chat(rapidpro, store, time):
    return Chat(rapidpro, store, time)


@transcript
async def test_the_next_question_after_an_upgrade_finds_the_new_columns(chat, rapidpro):
    contact = await chat.known()
    assert await chat.shown(contact) == ("ticket", ["Old"])
    chat.change(NEW_COLUMNS)
    new = {"ticket_uuid": NEVER, "quickreplies": NEW}
    rapidpro.update("msgs_msg", chat.message.id, **new)
    chat.change(TO_26_2)
    assert await chat.shown(contact) == ("ticket", ["New"])


@transcript
async def test_hundreds_who_ask_at_that_moment_are_all_answered(chat, rapidpro):
    contact = await chat.known()
    await chat.shown(contact)
    chat.change(NEW_COLUMNS)
    chat.change(TO_26_2)
    name = MsgName(chat.message.id)
    asking = [
        Deferred.fromCoroutine(chat.store.outgoing(contact, name)).addTimeout(60, reactor)
        for _ in range(400)
    ]
    assert all(await gatherResults(asking))


@transcript
async def test_a_column_may_change_its_type_under_statements_planned_before(chat, rapidpro):
    await chat.uses_everything()
    chat.change(TO_26_0)
    await chat.uses_everything()
    chat.change("ALTER TABLE channels_channel ALTER uuid TYPE varchar(36)")
    chat.change("ALTER TABLE users_user ALTER id TYPE bigint")
    await chat.uses_everything()


@transcript
async def test_columns_that_only_came_are_found_out_in_time(chat, rapidpro, time):
    assert await chat.shown() == ("ticket", ["Old"])
    chat.change(NEW_COLUMNS)
    rapidpro.update("msgs_msg", chat.message.id, quickreplies=NEW)
    assert await chat.shown() == ("ticket", ["Old"])
    time.now += COLUMNS_FRESH_FOR + 1
    assert await chat.shown() == ("ticket", ["New"])


@transcript
async def test_a_table_that_is_gone_for_good_is_an_outage_and_no_answer(
    chat, rapidpro, expected_failures
):
    contact = await chat.known()
    chat.change("ALTER TABLE users_user RENAME TO people")
    for _ in range(2):
        with pytest.raises(Unavailable, match="refuses"):
            await chat.store.user(1)
        with pytest.raises(Unavailable, match="refuses"):
            await chat.store.history(contact, NOON, 1)
    # One line a minute, however often.
    assert len(expected_failures.take()) == 1
    chat.change("ALTER TABLE people RENAME TO users_user")
    assert await chat.store.user(1)


@transcript
async def test_prepared_statements_that_a_pooler_lost_are_done_without(chat):
    await chat.uses_everything()
    forget = Statement.of("DEALLOCATE ALL")
    await chat.store._database.query(forget)
    await chat.uses_everything()
    # From now on nothing is prepared, so there is nothing to lose.
    prepared = Statement.of("SELECT name FROM pg_prepared_statements")
    assert await chat.store._database.query(prepared) == []
