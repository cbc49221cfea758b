"""Chats that RapidPro has moved to another contact: what was queued and heard before."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred

from chip.models import MsgName
from tests.contracts.store_parts import ago, transcript
from tests.support.postgres import GENERATIONS
from tests.support.rapidpro_store import open_store


@pytest.fixture(params=GENERATIONS)
def generation(request):
    """Each release, one after the other."""
    return request.param


@pytest.fixture
def store(database):
    store = open_store(database)
    pytest_twisted.blockon(ensureDeferred(store.open()))
    yield store
    pytest_twisted.blockon(ensureDeferred(store.close()))


@pytest.fixture
def channel(rapidpro):
    return rapidpro.channel(rapidpro.org())


async def moved(store, rapidpro, channel, chat):
    """The chat's contact as it is after RapidPro has moved the chat to another one."""
    rapidpro.update("contacts_contacturn", chat.urn, contact_id=rapidpro.contact(channel.org).id)
    contact = await store.contact(await store.channel(channel.uuid), chat.chat_id)
    assert contact.id != chat.id
    return contact


def names(message):
    return MsgName(message.id), MsgName(None, message.uuid)


@transcript
async def test_what_was_queued_before_a_chat_was_moved_is_found_for_its_new_contact(
    store, rapidpro, channel
):
    chat = rapidpro.contact(channel.org)
    sent = rapidpro.outgoing(chat, "hi", channel=channel)
    contact = await moved(store, rapidpro, channel, chat)
    for name in names(sent):
        assert (await store.outgoing(contact, name)).text == "hi"
        assert (await store.message(contact, name)).id == sent.id


@transcript
async def test_nobody_elses_message_is_found_so(store, rapidpro, channel):
    chat = rapidpro.contact(channel.org)
    elsewhere = rapidpro.channel(rapidpro.org())
    theirs = [
        rapidpro.outgoing(rapidpro.contact(channel.org), "not yours", channel=channel),
        rapidpro.outgoing(rapidpro.contact(elsewhere.org), "nor this", channel=elsewhere),
        rapidpro.outgoing(
            rapidpro.contact(elsewhere.org), "of no chat", channel=elsewhere, contact_urn_id=None
        ),
    ]
    contact = await moved(store, rapidpro, channel, chat)
    for message in theirs:
        for name in names(message):
            assert await store.outgoing(contact, name) is None
            assert await store.message(contact, name) is None


@transcript
async def test_words_that_arrived_after_a_chat_was_moved_are_heard(store, rapidpro, channel):
    chat = rapidpro.contact(channel.org)
    confirmed = rapidpro.incoming(chat, "before", channel=channel, created_on=ago(60))
    contact = await moved(store, rapidpro, channel, chat)
    rapidpro.incoming(chat, "arrived", channel=channel, contact_id=contact.id)
    heard = await store.heard_since(contact, confirmed.uuid, within=120)
    assert [message.text for message in heard] == ["arrived"]
