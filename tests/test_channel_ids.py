"""Public ids that are not known yet: when all channels are read for them, and who waits."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chip.errors import Unavailable
from chip.store.public_ids import public_id
from chip.store.rapidpro import statements
from chip.store.rapidpro.channel_ids import READ_EVERY, ExternalChannels

ONE = "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
OTHER = "4e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
BEARER = "Bearer of good news"


class Database:
    """External channels, all of which are read when the test says so."""

    def __init__(self):
        self.clock = Clock()
        self.readings = []
        self.read = 0
        self.channels = ExternalChannels(self.ask, self.clock.seconds, {})

    async def ask(self, statement, *params):
        if statement is not statements.EXTERNAL_CHANNELS:
            return [(b"1", BEARER.encode())]
        self.read += 1
        reading = Deferred()
        self.readings.append(reading)
        await reading
        return [(uuid.encode(), b"1", BEARER.encode()) for uuid in (ONE, OTHER)]

    def look_up(self, external_uuid):
        """Ask for a channel by its public id."""
        uuid = public_id(external_uuid, BEARER)
        return Deferred.fromCoroutine(self.channels.by_public_id(uuid))

    def answers(self):
        self.readings.pop(0).callback(None)

    def fails(self):
        self.readings.pop(0).errback(Unavailable("away"))


@pytest.fixture
def database():
    return Database()


async def test_ids_that_are_asked_for_while_all_channels_are_read_wait_for_the_one_reading(
    database,
):
    asked = [database.look_up(ONE), database.look_up(OTHER)]
    database.clock.advance(READ_EVERY / 2)
    assert not any(one.called for one in asked)
    database.answers()
    assert [(await one).external_uuid for one in asked] == [ONE, OTHER]
    assert database.read == 1


async def test_a_reading_that_failed_says_no_to_nobody(database):
    asked = [database.look_up(ONE), database.look_up(OTHER)]
    database.fails()
    for one in asked:
        with pytest.raises(Unavailable):
            await one
    assert database.read == 1
    again = database.look_up(ONE)
    database.answers()
    assert (await again).external_uuid == ONE


async def test_a_caller_that_gives_up_leaves_the_reading_to_the_next(database):
    gone, stays = database.look_up(ONE), database.look_up(OTHER)
    gone.addErrback(lambda _: None)
    gone.cancel()
    database.readings.pop(0)
    database.answers()
    assert (await stays).external_uuid == OTHER


async def test_ids_that_mean_nothing_are_read_for_once_in_a_while(database):
    stranger = "5e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
    first = [database.look_up(stranger) for _ in range(3)]
    database.answers()
    assert [await one for one in first] == [None] * 3
    assert await database.look_up(stranger) is None
    assert database.read == 1
    database.clock.advance(READ_EVERY * 1.01)
    later = database.look_up(stranger)
    database.answers()
    assert await later is None
    assert database.read == 2
