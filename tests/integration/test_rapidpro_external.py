"""External channels in RapidPro's database, in every release: by which name they are found."""

from __future__ import annotations

import uuid as uuids

import pytest
import pytest_twisted
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults

from chip.models import Channel
from chip.store.public_ids import public_id
from chip.store.rapidpro import channel_ids
from tests.contracts.store import transcript
from tests.support.postgres import GENERATIONS
from tests.support.rapidpro_store import open_store

CHOSEN = "7d62d551-3030-4100-a260-2d7c4e9693e7"
BEARER = "Bearer of good news"
READ_EVERY = channel_ids.READ_EVERY


@pytest.fixture(params=GENERATIONS)
def generation(request):
    """Each release, one after the other."""
    return request.param


@pytest.fixture
def opened(database, monkeypatch):
    """Open stores; ids that are not known are looked for each time."""
    monkeypatch.setattr(channel_ids, "READ_EVERY", 0)
    stores = []

    async def open_one(**options):
        store = open_store(database, **options)
        stores.append(store)
        await store.open()
        return store

    yield open_one
    for store in stores:
        pytest_twisted.blockon(ensureDeferred(store.close()))


@pytest.fixture
def made(rapidpro):
    return rapidpro.external_channel(rapidpro.org(), authorization=BEARER)


@transcript
async def test_pages_call_it_by_a_public_id_and_courier_by_its_own(opened, made):
    store = await opened()
    public = public_id(made.uuid, BEARER)
    channel = Channel(public, made.org, BEARER, made.uuid)
    assert await store.channel(public) == channel
    assert await store.courier_channel(made.uuid, external=True) == channel
    assert await store.channel(made.uuid) is None
    assert await store.courier_channel(made.uuid, external=False) is None
    assert await store.courier_channel(public, external=True) is None


def test_a_public_id_is_a_uuid_that_depends_on_both():
    one, two = str(uuids.uuid4()), str(uuids.uuid4())
    ids = {public_id(one, "a"), public_id(one, "b"), public_id(two, "a")}
    assert len(ids) == 3
    for made in map(uuids.UUID, ids):
        assert (made.version, made.variant) == (8, uuids.RFC_4122)
    assert public_id(one, "a") == public_id(one, "a")


@transcript
async def test_an_id_that_was_chosen_is_the_only_one(opened, made):
    store = await opened(external_ids={CHOSEN: made.uuid})
    channel = Channel(CHOSEN, made.org, BEARER, made.uuid)
    assert await store.channel(CHOSEN) == channel
    assert await store.courier_channel(made.uuid, external=True) == channel
    assert await store.channel(public_id(made.uuid, BEARER)) is None


@transcript
async def test_the_id_of_the_channel_before_means_the_external_one_to_pages_alone(
    opened, made, rapidpro
):
    before = rapidpro.channel(made.org, secret="sesame")
    store = await opened(external_ids={before.uuid: made.uuid})
    assert (await store.channel(before.uuid)).external_uuid == made.uuid
    # What waits at Courier for the old channel still comes.
    still = await store.courier_channel(before.uuid, external=False)
    assert still == Channel(before.uuid, made.org, "sesame")


@transcript
async def test_channels_that_cannot_work_are_none(opened, made, rapidpro):
    store = await opened()
    org = made.org
    for channel in (
        rapidpro.external_channel(org, authorization=""),
        rapidpro.external_channel(org, authorization=BEARER, active=False),
    ):
        assert await store.courier_channel(channel.uuid, external=True) is None
        assert await store.channel(public_id(channel.uuid, channel.secret)) is None
    phone = rapidpro.external_channel(org, authorization=BEARER)
    rapidpro.update("channels_channel", phone.id, schemes=["tel"])
    assert await store.courier_channel(phone.uuid, external=True) is None
    assert await store.channel(public_id(phone.uuid, BEARER)) is None


@transcript
async def test_a_channel_that_is_made_while_chip_runs_is_found(opened, rapidpro):
    store = await opened()
    assert await store.channel(CHOSEN) is None
    made = rapidpro.external_channel(rapidpro.org(), authorization=BEARER)
    await task.deferLater(reactor, 0)
    assert await store.channel(public_id(made.uuid, BEARER)) is not None


@transcript
async def test_two_pages_that_open_at_once_both_find_their_channels(opened, rapidpro, monkeypatch):
    monkeypatch.setattr(channel_ids, "READ_EVERY", READ_EVERY)
    made = [rapidpro.external_channel(rapidpro.org(), authorization=BEARER) for _ in range(2)]
    store = await opened()
    ids = [public_id(channel.uuid, BEARER) for channel in made]
    found = await gatherResults([Deferred.fromCoroutine(store.channel(uuid)) for uuid in ids])
    assert [channel.external_uuid for channel in found] == [channel.uuid for channel in made]


@transcript
async def test_with_another_authorization_it_has_another_id(opened, made, rapidpro):
    store = await opened()
    old = public_id(made.uuid, BEARER)
    assert await store.channel(old) is not None
    rapidpro.change_config(made, send_authorization="Bearer of bad news")
    assert await store.channel(old) is None
    assert await store.channel(public_id(made.uuid, "Bearer of bad news")) is not None
