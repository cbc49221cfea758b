"""What every store must find and write: channels, contacts, users, messages, e-mail addresses."""

from __future__ import annotations

import json

import msgspec

from chip.models import Channel, MsgName, MsgOut, StoredMessage, User

from .store_parts import EVER, NEVER, NOON, STORAGE, World, after, ago, transcript


class RowsContract:
    """Rows that Chip looks up, and the one that it writes."""

    # Channels.

    @transcript
    async def test_an_active_channel_is_found_by_its_uuid(self, world: World):
        channel = await world.channel(secret="open sesame")
        assert channel.secret == "open sesame"
        assert await world.store.channel(channel.uuid) == channel

    @transcript
    async def test_courier_calls_such_a_channel_by_the_same_uuid(self, world: World):
        channel = await world.channel()
        assert await world.store.courier_channel(channel.uuid, external=False) == channel
        assert await world.store.courier_channel(channel.uuid, external=True) is None
        assert await world.store.courier_channel(NEVER, external=False) is None

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
        assert (contact.chat_id, contact.email, contact.last_confirmed) == (chat_id, "", "")

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
        assert (await world.contact(channel, chat_id)).last_confirmed == newest.uuid

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
    async def test_a_message_is_shown_as_on_a_page_of_history(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        author = await world.user("Bob", "McTickets", "bob@x.example", avatar=f"{STORAGE}bob.jpg")
        name = await world.sent(
            channel,
            chat_id,
            "Choose {one}\n“now”",
            after(0.25),
            user_id=author,
            attachments=["image/png:https://x.example/a.png"],
            quick_replies=["Yes & no", "2"],
        )
        bare = await world.sent(channel, chat_id, "", after(1), origin="flow")
        contact = await world.contact(channel, chat_id)
        page = json.loads(await world.history(channel, chat_id, after(2)))
        shown = [msgspec.convert(entry["msg_out"], MsgOut) for entry in reversed(page)]
        for called, expected in zip((name, bare), shown, strict=True):
            assert await world.store.outgoing(contact, MsgName(called.id)) == expected
            assert await world.store.outgoing(contact, MsgName(None, called.uuid)) == expected

    @transcript
    async def test_where_there_is_an_id_it_alone_counts(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        name = await world.sent(channel, chat_id, "hi", NOON)
        contact = await world.contact(channel, chat_id)
        assert await world.store.message(contact, MsgName(name.id + 1000, name.uuid)) is None
        found = await world.store.message(contact, MsgName(name.id, NEVER))
        assert found is not None
        assert found.uuid == name.uuid

    @transcript
    async def test_only_the_contacts_own_outgoing_messages_are_found(self, world: World):
        channel = await world.channel()
        ours, theirs = await world.chat(channel), await world.chat(channel)
        contact = await world.contact(channel, ours)
        for name in (
            await world.visitor_said(channel, ours, "incoming", NOON),
            await world.sent(channel, theirs, "not ours", NOON),
        ):
            for called in (MsgName(name.id), MsgName(None, name.uuid)):
                assert await world.store.message(contact, called) is None
                assert await world.store.outgoing(contact, called) is None

    @transcript
    async def test_impossible_names_are_no_message(self, world: World):
        channel = await world.channel()
        contact = await world.contact(channel, await world.chat(channel))
        for name in (MsgName(0), MsgName(-1), MsgName(2**63), MsgName(2**70)):
            assert await world.store.message(contact, name) is None
            assert await world.store.outgoing(contact, name) is None
        for uuid in (NEVER, "", "no uuid", NEVER + "\0", "é" * 36):
            assert await world.store.message(contact, MsgName(None, uuid)) is None
            assert await world.store.outgoing(contact, MsgName(None, uuid)) is None

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
    async def test_an_email_that_is_there_already_is_not_written_again(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel, email="bob@example.com")
        contact = await world.contact(channel, chat_id)
        before = await world.modified_on(channel, chat_id)
        await world.store.set_email(contact, "bob@example.com")
        assert await world.modified_on(channel, chat_id) == before

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
        heard = await world.store.heard_since(contact, first.uuid, within=EVER)
        assert heard == [(second.uuid, "two"), (third.uuid, "three")]
        assert await world.store.heard_since(contact, third.uuid, within=EVER) == []

    @transcript
    async def test_what_was_heard_longer_ago_than_is_asked_for_is_left_aside(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        first = await world.visitor_said(channel, chat_id, "one", ago(90))
        second = await world.visitor_said(channel, chat_id, "one", ago(30))
        contact = await world.contact(channel, chat_id)
        heard = await world.store.heard_since(contact, "", within=60)
        assert heard == [(second.uuid, "one")]
        heard = await world.store.heard_since(contact, first.uuid, within=60)
        assert heard == [(second.uuid, "one")]

    @transcript
    async def test_everything_is_heard_since_nothing(self, world: World):
        channel = await world.channel()
        ours, theirs = await world.chat(channel), await world.chat(channel)
        first = await world.visitor_said(channel, ours, "one", after(1))
        await world.visitor_said(channel, theirs, "not ours", after(2))
        contact = await world.contact(channel, ours)
        assert await world.store.heard_since(contact, "", within=EVER) == [(first.uuid, "one")]

    @transcript
    async def test_since_a_message_that_is_not_there_all_of_that_time_is_heard(self, world: World):
        channel = await world.channel()
        ours, theirs = await world.chat(channel), await world.chat(channel)
        await world.visitor_said(channel, ours, "long ago", ago(300))
        one = await world.visitor_said(channel, ours, "one", ago(30))
        other = await world.visitor_said(channel, theirs, "two", ago(20))
        three = await world.visitor_said(channel, ours, "three", ago(10))
        contact = await world.contact(channel, ours)
        for unknown in (NEVER, other.uuid, "no uuid"):
            heard = await world.store.heard_since(contact, unknown, within=60)
            assert heard == [(one.uuid, "one"), (three.uuid, "three")]

    @transcript
    async def test_a_hundred_messages_are_heard_at_most(self, world: World):
        channel = await world.channel()
        chat_id = await world.chat(channel)
        for place in range(103):
            await world.visitor_said(channel, chat_id, f"{place}", after(place))
        contact = await world.contact(channel, chat_id)
        heard = await world.store.heard_since(contact, "", within=EVER)
        assert [message.text for message in heard] == [f"{place}" for place in range(100)]
