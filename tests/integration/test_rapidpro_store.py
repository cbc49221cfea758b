"""RapidPro's database as a store: the contract in every release, and what is RapidPro's own."""

from __future__ import annotations

import json

import pytest
import pytest_twisted
from twisted.internet import reactor

from chip.chat.ports import Store
from chip.models import Channel, Contact
from chip.store.rapidpro.statements import RECENT_MESSAGES
from chip.store.rapidpro.store import RapidproStore
from tests.contracts.store import NOON, STORAGE, Name, StoreContract, World, after, transcript
from tests.contracts.store_parts import EVER
from tests.contracts.store_wired import Chat, WiredContract
from tests.support.postgres import GENERATIONS
from tests.support.rapidpro import Rapidpro

pytestmark = pytest.mark.private_parts


@pytest.fixture(params=GENERATIONS)
def generation(request):
    """Each release, one after the other."""
    return request.param


@pytest_twisted.async_yield_fixture
async def store(database):
    """Chip's view of that database."""
    store = RapidproStore(database, reactor=reactor, storage_url=STORAGE)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def world(store, rapidpro):
    """Both sides of it."""
    return RapidproWorld(store, rapidpro)


class RapidproWorld(World):
    """What RapidPro and Courier do to its rows."""

    def __init__(self, store: Store, rapidpro: Rapidpro) -> None:
        self.store = store
        self.rapidpro = rapidpro

    async def channel(self, *, secret="sesame", active=True):
        made = self.rapidpro.channel(self.rapidpro.org(), secret=secret or None, active=active)
        self.made = made
        return Channel(made.uuid, made.org, secret)

    async def chat(self, channel, email=""):
        return self.rapidpro.contact(channel.org_id, email=email or None).chat_id

    async def user(self, first, last, email, *, avatar="", active=True):
        path = avatar.removeprefix(STORAGE) or None
        return self.rapidpro.user(email, first, last, path, active).id

    async def deactivate(self, user_id):
        self.rapidpro.update("users_user", user_id, is_active=False)

    async def visitor_said(self, channel, chat_id, text, at, **more):
        made = self.rapidpro.incoming(
            self.find(channel, chat_id), text, channel=self.made, created_on=at, **more
        )
        return Name(made.id, made.uuid)

    async def sent(self, channel, chat_id, text, at, *, origin="chat", user_id=None, **more):
        if origin != "chat":
            more[origin] = True
        made = self.rapidpro.outgoing(
            self.find(channel, chat_id),
            text,
            channel=self.made,
            created_on=at,
            created_by_id=user_id,
            **more,
        )
        return Name(made.id, made.uuid)

    async def email(self, channel, chat_id):
        return self.rapidpro.email(self.find(channel, chat_id)) or ""

    async def modified_on(self, channel, chat_id):
        return self.contact_row(channel, chat_id)["modified_on"]

    def find(self, channel, chat_id):
        found = self.rapidpro.find_contact(channel.org_id, chat_id)
        assert found is not None
        return found

    def contact_row(self, channel, chat_id):
        number = self.find(channel, chat_id).id
        [row] = self.rapidpro.rows("SELECT * FROM contacts_contact WHERE id = %s", number)
        return row

    def urn_row(self, channel, chat_id):
        number = self.find(channel, chat_id).urn
        [row] = self.rapidpro.rows("SELECT * FROM contacts_contacturn WHERE id = %s", number)
        return row

    def everything_else(self):
        """Every row of every table but those two."""
        return {
            table: self.rapidpro.rows(f"SELECT * FROM {table} ORDER BY id")
            for table in ("channels_channel", "users_user", "msgs_msg", "orgs_org")
        }

    async def page(self, channel, chat_id):
        """The newest page, decoded."""
        return json.loads(await self.history(channel, chat_id, after(1000)))


class TestContract(StoreContract, WiredContract):
    pass


# Channels and contacts.


@transcript
async def test_only_webchat_channels_with_a_workspace_are_channels(world):
    org = world.rapidpro.org()
    android = world.rapidpro.channel(org, type="A")
    orphan = world.rapidpro.channel(None)
    assert await world.store.channel(android.uuid) is None
    assert await world.store.channel(orphan.uuid) is None


@transcript
@pytest.mark.parametrize(
    ("config", "secret"),
    [({}, ""), ({"secret": None}, ""), ({"secret": 123}, "123"), ([], ""), ("x", "")],
)
async def test_a_secret_is_read_from_whatever_the_config_is(world, config, secret):
    made = world.rapidpro.channel(world.rapidpro.org(), config=config)
    assert await world.store.channel(made.uuid) == Channel(made.uuid, made.org, secret)


@transcript
async def test_a_urn_without_a_contact_is_nobody(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    urn = world.find(channel, chat_id).urn
    world.rapidpro.update("contacts_contacturn", urn, contact_id=None)
    assert await world.store.contact(channel, chat_id) is None


@transcript
async def test_an_inactive_contact_is_nobody(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    number = world.find(channel, chat_id).id
    world.rapidpro.update("contacts_contact", number, is_active=False)
    assert await world.store.contact(channel, chat_id) is None


@transcript
async def test_a_contact_is_more_than_its_urn(world):
    channel = await world.channel()
    world.rapidpro.contact(channel.org_id)
    found = world.rapidpro.contact(channel.org_id)
    extra = world.rapidpro.urn(found.id, channel.org_id, "webchat:65vbbDAQCdPdEWlEhDGy4utO")
    contact = await world.store.contact(channel, "65vbbDAQCdPdEWlEhDGy4utO")
    assert contact == Contact(found.id, extra, "65vbbDAQCdPdEWlEhDGy4utO")
    assert found.id != extra


# What Courier has handed over.


@transcript
async def test_what_went_by_another_channel_or_urn_or_cannot_be_seen_is_not_on_its_way(world):
    chat = await Chat.of(world)
    contact, rapidpro, made = world.find(chat.channel, chat.chat_id), world.rapidpro, world.made
    other = rapidpro.channel(contact.org)
    sms = rapidpro.urn(contact.id, contact.org, "tel:+250788123123")
    rapidpro.outgoing(contact, channel=other, status="W")
    rapidpro.outgoing(contact, channel=made, status="W", contact_urn_id=sms)
    rapidpro.outgoing(contact, channel=made, status="W", contact_urn_id=None)
    rapidpro.outgoing(contact, channel=made, status="W", visibility="D")
    rapidpro.outgoing(contact, channel=made, status="W", visibility="A", text="archived")
    assert await chat.texts() == ["archived"]


@transcript
async def test_what_is_on_its_way_goes_with_the_chat_to_nobody_else(world):
    chat = await Chat.of(world)
    await chat.sent("hi", 10)
    contact = world.find(chat.channel, chat.chat_id)
    another = world.rapidpro.contact(contact.org)
    world.rapidpro.update("contacts_contacturn", contact.urn, contact_id=another.id)
    assert await chat.texts() == []
    await chat.sent("to the new one", 5)
    assert await chat.texts() == ["to the new one"]
    world.rapidpro.update("contacts_contact", another.id, is_active=False)
    assert await chat.texts() == []


@transcript
async def test_of_an_external_channel_the_same_is_found(world):
    made = world.rapidpro.external_channel(world.rapidpro.org())
    channel = await world.store.courier_channel(made.uuid, external=True)
    contact = world.rapidpro.contact(made.org)
    sent = world.rapidpro.outgoing(contact, "hi", channel=made, status="W", quick_replies=["Yes"])
    [found] = await Chat(world, channel, contact.chat_id).wired()
    assert found.name == (sent.id, sent.uuid)
    assert json.loads(found.msg_out)["quick_replies"] == ["Yes"]


# What was heard.


@transcript
async def test_what_came_by_sms_was_not_heard_here(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    found = world.find(channel, chat_id)
    phone = world.rapidpro.urn(found.id, channel.org_id, "tel:+250788123123")
    heard = await world.visitor_said(channel, chat_id, "here", after(1))
    await world.visitor_said(channel, chat_id, "by SMS", after(2), contact_urn_id=phone)
    await world.sent(channel, chat_id, "to the phone", after(3), contact_urn_id=phone)
    contact = await world.contact(channel, chat_id)
    assert contact.last_confirmed == heard.uuid
    assert await world.store.heard_since(contact, "", within=EVER) == [(heard.uuid, "here")]
    assert await world.texts(channel, chat_id, after(10)) == ["here"]


@transcript
async def test_the_newest_message_heard_is_found_below_a_long_series_of_others(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    heard = await world.visitor_said(channel, chat_id, "hello?", after(1))
    for place in range(RECENT_MESSAGES + 5):
        await world.sent(channel, chat_id, "news", after(2 + place), origin="broadcast")
    assert (await world.contact(channel, chat_id)).last_confirmed == heard.uuid


@transcript
async def test_the_newest_message_is_the_one_written_last_whatever_clocks_say(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    first = await world.visitor_said(channel, chat_id, "one", after(5))
    second = await world.visitor_said(channel, chat_id, "two", after(3))
    contact = await world.contact(channel, chat_id)
    assert contact.last_confirmed == second.uuid
    assert await world.store.heard_since(contact, first.uuid, within=EVER) == [(second.uuid, "two")]


# History.


@pytest.mark.parametrize("fate", ["moved", "deleted"])
@transcript
async def test_a_chat_that_is_not_the_contacts_any_more_has_no_page(world, fate):
    channel = await world.channel()
    contact = await world.contact(channel, await world.chat(channel))
    assert await world.store.history(contact, after(1000), 1) == (b"[]", False)
    if fate == "moved":
        other = world.rapidpro.contact(channel.org_id).id
        world.rapidpro.connection.execute(
            "UPDATE contacts_contacturn SET contact_id = %s WHERE id = %s", (other, contact.urn_id)
        )
    else:
        world.rapidpro.connection.execute(
            "UPDATE contacts_contact SET is_active = false WHERE id = %s", (contact.id,)
        )
    assert await world.store.history(contact, after(1000), 1) is None


@transcript
async def test_archived_messages_are_shown_and_deleted_ones_are_not(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    for place, visibility in enumerate("VADX"):
        await world.visitor_said(channel, chat_id, visibility, after(place), visibility=visibility)
    await world.visitor_said(channel, chat_id, "a call", after(9), msg_type="V")
    assert await world.texts(channel, chat_id, after(10)) == ["A", "V"]


@transcript
async def test_a_quick_reply_is_shown_without_what_else_it_has(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    await world.sent(channel, chat_id, "?", NOON, quick_replies=[("Yes", "I agree"), "No"])
    [entry] = await world.page(channel, chat_id)
    assert entry["msg_out"]["quick_replies"] == ["Yes", "No"]


@transcript
async def test_quick_replies_that_show_nothing_are_left_out(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    await world.sent(channel, chat_id, "Where?", NOON, quick_replies=[("", "extra")])
    [entry] = await world.page(channel, chat_id)
    assert "quick_replies" not in entry["msg_out"]


@transcript
async def test_empty_columns_are_as_good_as_none(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    bob = await world.user("Bob", "", "bob@x.example")
    world.rapidpro.update("users_user", bob, avatar="")
    columns = world.rapidpro.tables.columns["msgs_msg"]
    empty = {"quickreplies": "[]", "quick_replies": []}
    odd = {"quickreplies": '{"a":1}'}
    for place, values in enumerate((empty, odd)):
        there = {name: value for name, value in values.items() if name in columns}
        await world.sent(channel, chat_id, "x", after(place), user_id=bob, **there)
    world.rapidpro.connection.execute("UPDATE msgs_msg SET attachments = '{}'")
    for entry in await world.page(channel, chat_id):
        assert list(entry["msg_out"]) == ["id", "uuid", "text", "origin", "user", "time"]
        assert list(entry["msg_out"]["user"]) == ["id", "email", "name"]


@transcript
async def test_of_several_origins_the_flow_goes_first_then_the_broadcast(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    everything = {"flow": True, "broadcast": True, "ticket": True}
    await world.sent(channel, chat_id, "3", after(3), **everything)
    await world.sent(channel, chat_id, "2", after(2), **everything | {"flow": False})
    page = await world.page(channel, chat_id)
    assert [entry["msg_out"]["origin"] for entry in page] == ["flow", "broadcast"]


@pytest.mark.parametrize("generation", ["26.0"], indirect=True)
@transcript
async def test_where_columns_stand_beside_each_other_each_row_says_which_one_it_uses(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    old = await world.sent(channel, chat_id, "old", after(1))
    await world.sent(channel, chat_id, "new", after(2), ticket=True, quick_replies=["New"])
    both = await world.sent(channel, chat_id, "both", after(3), quick_replies=["Newer"])
    world.rapidpro.update("msgs_msg", old.id, ticket_id=7, quick_replies=["Old"])
    world.rapidpro.update("msgs_msg", both.id, quick_replies=["Older"])
    page = [entry["msg_out"] for entry in await world.page(channel, chat_id)]
    assert [message["quick_replies"] for message in page] == [["Newer"], ["New"], ["Old"]]
    assert [message["origin"] for message in page] == ["chat", "ticket", "ticket"]


@transcript
async def test_settings_of_the_database_change_no_time(database, rapidpro, world):
    name = database.rsplit("/", 1)[1]
    rapidpro.connection.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'")
    rapidpro.connection.execute(f"ALTER DATABASE {name} SET datestyle = 'German'")
    channel = await world.channel()
    chat_id = await world.chat(channel)
    sent = await world.sent(channel, chat_id, "hi", after(0.5))
    store = RapidproStore(database, reactor=reactor, storage_url=STORAGE)
    await store.open()
    try:
        contact = await store.contact(channel, chat_id)
        [entry] = json.loads((await store.history(contact, after(1), 1)).messages)
        assert entry["msg_out"]["time"] == "2024-05-01T12:00:00.5Z"
        assert (await store.message(contact, sent)).time == "2024-05-01T12:00:00.5Z"
    finally:
        await store.close()


# Writing.


@transcript
async def test_nothing_but_the_email_and_the_time_of_change_is_ever_written(world):
    channel = await world.channel()
    chat_id = await world.chat(channel)
    await world.sent(channel, chat_id, "hi", NOON)
    urn, contact = world.urn_row(channel, chat_id), world.contact_row(channel, chat_id)
    others = world.everything_else()
    await world.store.set_email(await world.contact(channel, chat_id), "bob@example.com")
    await world.page(channel, chat_id)
    changed = world.contact_row(channel, chat_id)
    assert world.urn_row(channel, chat_id) == urn | {"display": "bob@example.com"}
    assert changed == contact | {"modified_on": changed["modified_on"]}
    assert world.everything_else() == others
