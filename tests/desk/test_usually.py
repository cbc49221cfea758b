"""How long answers usually take, measured: a visitor's question, a person's answer."""

from __future__ import annotations

import pytest_twisted

from chip.desk.answer_times import CONVERSATIONS, FEWEST_ANSWERS, MEASURED_EVERY, MOST_ANSWERS
from chip.desk.channel_settings import set_channel
from tests.support.desk_fixture import NOON

transcript = pytest_twisted.ensureDeferred

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Shop:
    """A desk's conversations, as they were: each is a line of who spoke when, in seconds before
    now. "v": the visitor, "a": an agent, "g": the guide."""

    def __init__(self, desk):
        self.desk = desk
        self.said = 0

    async def heard(self, *spoken: tuple[str, float]) -> None:
        """There was such a conversation."""
        self.said += 1
        channel, number = self.desk.channel, self.said

        def put(db):
            newest = _ago(min(ago for _, ago in spoken))
            contact = db.execute(
                "INSERT INTO contact"
                " (org_id, channel_uuid, chat_id, created_on, modified_on, active_on)"
                " VALUES (?, ?, ?, 0, 0, ?)",
                (channel.org_id, channel.uuid, f"chat{number}", newest),
            ).lastrowid
            db.execute("INSERT OR IGNORE INTO user (id, first_name) VALUES (1, 'Ada')")
            for place, (who, ago) in enumerate(spoken):
                db.execute(
                    "INSERT INTO message"
                    " (uuid, contact_id, direction, text, user_id, status, created_on)"
                    " VALUES (?, ?, ?, '', ?, 'H', ?)",
                    (
                        f"{number}-{place}",
                        contact,
                        "I" if who == "v" else "O",
                        1 if who == "a" else None,
                        _ago(ago),
                    ),
                )

        await self.desk.database.write(put)

    async def answers(self, *waits: float, ago: float = HOUR) -> None:
        """Questions were answered after so many seconds, `ago`."""
        for wait in waits:
            await self.heard(("v", ago + wait), ("a", ago))

    async def usually(self) -> int:
        """What pages are told, a minute later."""
        self.desk.clock.advance(MEASURED_EVERY)
        return (await self.desk.desk.availability.of(self.desk.channel.uuid)).usually


def _ago(seconds: float) -> int:
    return int((NOON - seconds) * 1_000_000)


@transcript
async def test_it_is_the_median_of_what_visitors_waited(desk):
    shop = Shop(desk)
    await shop.answers(10, 20, 240, 300, 5 * DAY)
    assert await shop.usually() == 240


@transcript
async def test_of_few_answers_nothing_is_said(desk):
    shop = Shop(desk)
    await shop.answers(*[20] * (FEWEST_ANSWERS - 1))
    assert await shop.usually() == 0
    await shop.answers(20)
    assert await shop.usually() == 20


@transcript
async def test_a_question_waits_from_its_first_message_to_a_persons_first_word(desk):
    shop = Shop(desk)
    for _ in range(FEWEST_ANSWERS):
        await shop.heard(
            *(("a", 900), ("v", 800), ("g", 790), ("v", 700), ("a", 500), ("a", 400), ("v", 100))
        )
    assert await shop.usually() == 300


@transcript
async def test_what_was_long_ago_does_not_count(desk):
    shop = Shop(desk)
    await shop.answers(*[20] * FEWEST_ANSWERS, ago=31 * DAY)
    assert await shop.usually() == 0


@transcript
async def test_the_newest_answers_count(desk):
    shop = Shop(desk)
    await shop.answers(*[9] * (CONVERSATIONS - MOST_ANSWERS))
    await shop.answers(*[7] * MOST_ANSWERS, ago=MINUTE)
    assert await shop.usually() == 7


@transcript
async def test_who_asks_at_night_is_not_counted_where_there_are_opening_hours(desk):
    shop = Shop(desk)
    # It is noon of a Wednesday.
    set_channel(desk.data_dir, desk.channel.uuid, {"hours": "Wed 09:00-17:00", "zone": "UTC"})
    await shop.answers(*[8 * HOUR] * FEWEST_ANSWERS)
    assert await shop.usually() == 0
    await shop.answers(*[20] * FEWEST_ANSWERS)
    assert await shop.usually() == 20


@transcript
async def test_each_website_has_its_own(desk):
    shop = Shop(desk)
    await shop.answers(*[20] * FEWEST_ANSWERS)
    desk.channel = await desk.desk.channels.front()
    assert await shop.usually() == 0
