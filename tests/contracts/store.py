"""What every store must do (`chip.chat.ports.Store`), whatever keeps its rows.

A store's own tests subclass `StoreContract` and give it a fixture `world`: the store, and a way to
put rows there as somebody else does.

    class TestMyStore(StoreContract):
        @pytest_twisted.async_yield_fixture
        async def world(self): …
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest_twisted

from chip.chat.ports import Store
from chip.models import Channel, MsgName, Origin, StoredMessage, User

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
NEVER = "00000000-0000-4000-8000-000000000000"
STORAGE = "https://cdn.example/media/"
transcript = pytest_twisted.ensureDeferred


def after(seconds: float) -> datetime:
    """So many seconds past noon."""
    return NOON + timedelta(seconds=seconds)


class Name(NamedTuple):
    """What a message is called."""

    id: int
    uuid: str


class World(ABC):
    """A store, and what others do to its rows. A chat is a channel and a chat id."""

    store: Store

    @abstractmethod
    async def channel(self, *, secret: str = "sesame", active: bool = True) -> Channel:
        """Make a channel in a workspace of its own."""

    @abstractmethod
    async def chat(self, channel: Channel, email: str = "") -> str:
        """Make a contact with a chat; return the chat id."""

    @abstractmethod
    async def user(
        self, first: str, last: str, email: str, *, avatar: str = "", active: bool = True
    ) -> int:
        """Make somebody who answers, with the URL of a picture below `STORAGE`; return his id."""

    @abstractmethod
    async def deactivate(self, user_id: int) -> None:
        """He works here no longer."""

    @abstractmethod
    async def visitor_said(
        self, channel: Channel, chat_id: str, text: str, at: datetime, **more: Any
    ) -> Name:
        """Store an incoming message; `more` may hold its attachments."""

    @abstractmethod
    async def sent(
        self,
        channel: Channel,
        chat_id: str,
        text: str,
        at: datetime,
        *,
        origin: Origin = "chat",
        user_id: int | None = None,
        **more: Any,
    ) -> Name:
        """Store an outgoing message; `more` may hold attachments and quick_replies."""

    @abstractmethod
    async def email(self, channel: Channel, chat_id: str) -> str:
        """What others see as the chat's e-mail."""

    @abstractmethod
    async def modified_on(self, channel: Channel, chat_id: str) -> datetime:
        """When the contact was touched last."""

    # Shorthands.

    async def contact(self, channel: Channel, chat_id: str):
        """The contact, which must be there."""
        found = await self.store.contact(channel, chat_id)
        assert found is not None
        return found

    async def history(self, channel: Channel, chat_id: str, before: datetime) -> bytes:
        """A page as it goes out."""
        return await self.store.history(await self.contact(channel, chat_id), before)

    async def texts(self, channel: Channel, chat_id: str, before: datetime) -> list[str]:
        """The texts on a page."""
        page = json.loads(await self.history(channel, chat_id, before))
        return [message["text"] for entry in page for message in entry.values()]


class StoreContract:
    # Channels.

    @transcript
    async def test_an_active_channel_is_found_by_its_uuid(self, world: World):
        channel = await world.channel(secret="open sesame")
        assert channel.secret == "open sesame"
        assert await world.store.channel(channel.uuid) == channel

    @transcript
    async def test_an_unknown_uuid_and_no_uuid_at_all_are_no_channel(self, world: World):
        assert await world.store.channel(NEVER) is None
        assert await world.store.channel("'; DROP TABLE x") is None

    @transcript
    async def test_an_inactive_channel_is_no_channel(self, world: World):
        channel = await world.channel(active=False)
        assert await world.store.channel(channel.uuid) is None

    @transcript
    async def test_a_channel_without_a_secret_has_an_empty_one(self, world: World):
        channel = await world.channel(secret="")
        assert await world.store.channel(channel.uuid) == Channel(channel.uuid, channel.org_id, "")

    # Contacts.

    @transcript
    async def test_a_contact_is_found_by_its_chat(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        contact = await world.contact(channel, chat_id)
        assert (contact.chat_id, contact.email, contact.last_heard) == (chat_id, "", "")

    @transcript
    async def test_a_contact_comes_with_its_email(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel, email="bob@example.com")
        assert (await world.contact(channel, chat_id)).email == "bob@example.com"

    @transcript
    async def test_an_unknown_chat_is_nobodys(self, world: World):
        channel = await world.channel()
        assert await world.store.contact(channel, "65vbbDAQCdPdEWlEhDGy4utO") is None

    @transcript
    async def test_chat_ids_are_case_sensitive(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        assert await world.store.contact(channel, chat_id.swapcase()) is None

    @transcript
    async def test_a_chat_of_another_workspace_is_nobodys(self, world: World):
        ours, theirs = await world.channel(), await world.channel()
        assert await world.store.contact(ours, await world.chat(theirs)) is None

    @transcript
    async def test_a_contact_knows_the_newest_message_heard(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        await world.visitor_said(channel, chat_id, "one", after(1))
        newest = await world.visitor_said(channel, chat_id, "two", after(2))
        await world.sent(channel, chat_id, "three", after(3))
        assert (await world.contact(channel, chat_id)).last_heard == newest.uuid

    # Users.

    @transcript
    async def test_an_active_user_is_found_by_id(self, world: World):
        number = await world.user("Bob", "McTickets", "bob@x.example", avatar=f"{STORAGE}bob.jpg")
        assert await world.store.user(number) == User(
            id=number, email="bob@x.example", name="Bob McTickets", avatar=f"{STORAGE}bob.jpg"
        )

    @transcript
    async def test_a_users_name_is_trimmed_and_a_picture_may_be_missing(self, world: World):
        number = await world.user("", "Madonna ", "m@x.example")
        assert await world.store.user(number) == User(
            id=number, email="m@x.example", name="Madonna"
        )

    @transcript
    async def test_inactive_and_impossible_users_are_nobody(self, world: World):
        number = await world.user("Bob", "", "bob@x.example", active=False)
        for nobody in (number, number + 1000, 0, -1, 2**31, 2**63, 2**70):
            assert await world.store.user(nobody) is None

    # Messages.

    @transcript
    async def test_a_message_is_found_by_id_and_by_uuid(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        name = await world.sent(channel, chat_id, "hi", after(0.25))
        await world.sent(channel, chat_id, "there", after(1))
        contact = await world.contact(channel, chat_id)
        stored = StoredMessage(name.id, name.uuid, "2024-05-01T12:00:00.25Z")
        assert await world.store.message(contact, MsgName(name.id)) == stored
        assert await world.store.message(contact, MsgName(None, name.uuid)) == stored

    @transcript
    async def test_only_the_contacts_own_outgoing_messages_are_found(self, world: World):
        channel = await world.channel()
        ours, theirs = await world.chat(channel), await world.chat(channel)
        contact = await world.contact(channel, ours)
        for name in (
            await world.visitor_said(channel, ours, "incoming", NOON),
            await world.sent(channel, theirs, "not ours", NOON),
        ):
            assert await world.store.message(contact, MsgName(name.id)) is None
            assert await world.store.message(contact, MsgName(None, name.uuid)) is None

    @transcript
    async def test_impossible_names_are_no_message(self, world: World):
        channel = await world.channel()
        contact = await world.contact(channel, await world.chat(channel))
        for name in (MsgName(0), MsgName(-1), MsgName(2**63), MsgName(2**70)):
            assert await world.store.message(contact, name) is None
        for uuid in (NEVER, "", "no uuid", NEVER + "\0", "é" * 36):
            assert await world.store.message(contact, MsgName(None, uuid)) is None

    # History.

    @transcript
    async def test_history_is_compact_json_with_its_keys_in_order(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        bob = await world.user("Bob", "McTickets", "bob@x.example", avatar=f"{STORAGE}bob.jpg")
        ann = await world.user("Ann", "", "ann@x.example")
        one = await world.visitor_said(channel, chat_id, "I need help!", after(0.1203))
        two = await world.visitor_said(
            channel, chat_id, "", after(1), attachments=["image/png:https://x.example/i.png"]
        )
        three = await world.sent(channel, chat_id, "Which?", after(2), origin="flow")
        four = await world.sent(
            channel,
            chat_id,
            "Thanks!",
            after(3.123456),
            user_id=bob,
            attachments=["image/jpeg:https://x.example/y.jpg"],
            quick_replies=["Yes", "No"],
        )
        five = await world.sent(channel, chat_id, "Bye", after(10), origin="ticket", user_id=ann)
        page = await world.history(channel, chat_id, after(11))
        expected = (
            '[{"msg_out":{"id":%d,"uuid":"%s","text":"Bye","origin":"ticket",'
            '"user":{"id":%d,"email":"ann@x.example","name":"Ann"},'
            '"time":"2024-05-01T12:00:10Z"}},'
            '{"msg_out":{"id":%d,"uuid":"%s","text":"Thanks!",'
            '"attachments":["image/jpeg:https://x.example/y.jpg"],"quick_replies":["Yes","No"],'
            '"origin":"chat","user":{"id":%d,"email":"bob@x.example","name":"Bob McTickets",'
            '"avatar":"https://cdn.example/media/bob.jpg"},'
            '"time":"2024-05-01T12:00:03.123456Z"}},'
            '{"msg_out":{"id":%d,"uuid":"%s","text":"Which?","origin":"flow",'
            '"time":"2024-05-01T12:00:02Z"}},'
            '{"msg_in":{"id":%d,"text":"","attachments":["image/png:https://x.example/i.png"],'
            '"time":"2024-05-01T12:00:01Z"}},'
            '{"msg_in":{"id":%d,"text":"I need help!","time":"2024-05-01T12:00:00.1203Z"}}]'
        )
        assert page.decode() == expected % (*five, ann, *four, bob, *three, two.id, one.id)

    @transcript
    async def test_a_chat_without_messages_has_an_empty_page(self, world: World):
        channel = await world.channel()
        assert await world.history(channel, await world.chat(channel), NOON) == b"[]"

    @transcript
    async def test_any_text_comes_back_as_it_was(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        text = 'Ünï€😀 "quoted" \\n back\\slash\nline\ttab \x01\x1f\x7f </script> \u2028 null'
        await world.visitor_said(channel, chat_id, text, NOON)
        await world.sent(channel, chat_id, text, NOON, quick_replies=['"\\'])
        assert await world.texts(channel, chat_id, after(1)) == [text, text]

    @transcript
    async def test_every_origin_is_told(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        origins: list[Origin] = ["chat", "ticket", "broadcast", "flow"]
        for place, origin in enumerate(origins):
            await world.sent(channel, chat_id, "hi", after(-place), origin=origin)
        page = json.loads(await world.history(channel, chat_id, after(1)))
        assert [entry["msg_out"]["origin"] for entry in page] == origins

    @transcript
    async def test_a_page_is_strictly_before_a_moment_in_any_zone(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for place in range(3):
            await world.sent(channel, chat_id, f"{place}", after(place))
        assert await world.texts(channel, chat_id, after(1)) == ["0"]
        assert await world.texts(channel, chat_id, after(1.000001)) == ["1", "0"]
        kathmandu = timezone(timedelta(hours=5, minutes=45))
        assert await world.texts(channel, chat_id, after(2).astimezone(kathmandu)) == ["1", "0"]

    @transcript
    async def test_the_first_and_the_last_moment_there_is_will_do(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        await world.sent(channel, chat_id, "hi", NOON)
        assert await world.texts(channel, chat_id, datetime.max.replace(tzinfo=UTC)) == ["hi"]
        assert await world.texts(channel, chat_id, datetime.min.replace(tzinfo=UTC)) == []

    @transcript
    async def test_a_page_has_25_messages_and_the_next_one_goes_on(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for place in range(30):
            say = world.sent if place % 2 else world.visitor_said
            await say(channel, chat_id, f"{place}", after(place))
        first = await world.texts(channel, chat_id, after(100))
        assert first == [f"{place}" for place in range(29, 4, -1)]
        assert await world.texts(channel, chat_id, after(5)) == ["4", "3", "2", "1", "0"]

    @transcript
    async def test_messages_that_share_the_oldest_time_come_with_the_page(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for place in range(4):
            await world.sent(channel, chat_id, f"same {place}", NOON)
        for place in range(24):
            await world.sent(channel, chat_id, f"{place}", after(1 + place))
        page = await world.texts(channel, chat_id, after(100))
        assert page[24:] == ["same 3", "same 2", "same 1", "same 0"]

    @transcript
    async def test_a_page_holds_nothing_of_other_chats(self, world: World):
        channel = await world.channel()
        ours, theirs = await world.chat(channel), await world.chat(channel)
        await world.sent(channel, ours, "ours", NOON)
        await world.sent(channel, theirs, "theirs", NOON)
        assert await world.texts(channel, ours, after(1)) == ["ours"]

    @transcript
    async def test_who_answered_is_shown_after_he_has_left(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        bob = await world.user("Bob", "", "bob@x.example")
        await world.sent(channel, chat_id, "hi", NOON, user_id=bob)
        await world.deactivate(bob)
        [entry] = json.loads(await world.history(channel, chat_id, after(1)))
        assert entry["msg_out"]["user"] == {"id": bob, "email": "bob@x.example", "name": "Bob"}

    # E-mail.

    @transcript
    async def test_an_email_is_written_over_another_and_the_contact_touched(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel, email="old@example.com")
        contact = await world.contact(channel, chat_id)
        before = await world.modified_on(channel, chat_id)
        await world.store.set_email(contact, "bob@example.com")
        assert await world.email(channel, chat_id) == "bob@example.com"
        assert (await world.contact(channel, chat_id)).email == "bob@example.com"
        assert await world.modified_on(channel, chat_id) > before

    @transcript
    async def test_an_email_is_put_back_only_where_there_is_none(self, world: World):
        channel = await world.channel()
        empty = await world.chat(channel)
        await world.store.set_email(
            await world.contact(channel, empty), "bob@example.com", only_if_empty=True
        )
        assert await world.email(channel, empty) == "bob@example.com"

    @transcript
    async def test_an_email_is_not_put_back_over_another_nor_the_contact_touched(
        self, world: World
    ):
        channel = await world.channel()
        chat_id = await world.chat(channel, email="new@example.com")
        before = await world.modified_on(channel, chat_id)
        await world.store.set_email(
            await world.contact(channel, chat_id), "bob@example.com", only_if_empty=True
        )
        assert await world.email(channel, chat_id) == "new@example.com"
        assert await world.modified_on(channel, chat_id) == before

    @transcript
    async def test_an_email_is_written_to_nobody_else(self, world: World):
        channel = await world.channel()
        ours, theirs = await world.chat(channel), await world.chat(channel, "eve@example.com")
        before = await world.modified_on(channel, theirs)
        await world.store.set_email(await world.contact(channel, ours), "bob@example.com")
        assert await world.email(channel, theirs) == "eve@example.com"
        assert await world.modified_on(channel, theirs) == before

    # What was heard.

    @transcript
    async def test_what_was_heard_since_a_message_comes_oldest_first(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        first = await world.visitor_said(channel, chat_id, "one", after(1))
        await world.sent(channel, chat_id, "not heard", after(2))
        second = await world.visitor_said(channel, chat_id, "two", after(3))
        third = await world.visitor_said(channel, chat_id, "three", after(4))
        contact = await world.contact(channel, chat_id)
        heard = await world.store.heard_since(contact, first.uuid)
        assert heard == [(second.uuid, "two"), (third.uuid, "three")]
        assert await world.store.heard_since(contact, third.uuid) == []

    @transcript
    async def test_everything_is_heard_since_nothing(self, world: World):
        channel = await world.channel()
        ours, theirs = await world.chat(channel), await world.chat(channel)
        first = await world.visitor_said(channel, ours, "one", after(1))
        await world.visitor_said(channel, theirs, "not ours", after(2))
        contact = await world.contact(channel, ours)
        assert await world.store.heard_since(contact, "") == [(first.uuid, "one")]

    @transcript
    async def test_nothing_is_heard_since_a_message_that_is_not_there(self, world: World):
        channel = await world.channel()
        ours, theirs = await world.chat(channel), await world.chat(channel)
        await world.visitor_said(channel, ours, "one", after(1))
        other = await world.visitor_said(channel, theirs, "two", after(2))
        await world.visitor_said(channel, ours, "three", after(3))
        contact = await world.contact(channel, ours)
        for unknown in (NEVER, other.uuid, "no uuid"):
            assert await world.store.heard_since(contact, unknown) == []

    @transcript
    async def test_a_hundred_messages_are_heard_at_most(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for place in range(103):
            await world.visitor_said(channel, chat_id, f"{place}", after(place))
        contact = await world.contact(channel, chat_id)
        heard = await world.store.heard_since(contact, "")
        assert [message.text for message in heard] == [f"{place}" for place in range(100)]
