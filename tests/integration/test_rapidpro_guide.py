"""The statements in the guide to RapidPro, in the database of every release."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.postgres import GENERATIONS

GUIDE = (Path(__file__).parents[2] / "docs" / "rapidpro.md").read_text()


@pytest.fixture(params=GENERATIONS)
def generation(request):
    """Each release, one after the other."""
    return request.param


def test_they_only_read_and_tell_whose_place_is_taken_what_waits_and_who_came_over(rapidpro):
    before = rapidpro.channel(rapidpro.org())
    made = rapidpro.external_channel(before.org)
    for other in (rapidpro.external_channel(rapidpro.org()), rapidpro.external_channel(before.org)):
        rapidpro.update("channels_channel", other.id, is_active=other.org != before.org)
    bob, ann = rapidpro.contact(before.org), rapidpro.contact(before.org)
    rapidpro.update("contacts_contacturn", bob.urn, channel_id=before.id)
    rapidpro.update("contacts_contacturn", ann.urn, channel_id=made.id)
    rapidpro.outgoing(bob, channel=before, status="E")
    rapidpro.outgoing(bob, channel=before, status="D")
    rapidpro.outgoing(ann, channel=made, status="Q")

    rapidpro.connection.execute("SET default_transaction_read_only = on")
    pairs, waiting, come_over = [
        rapidpro.rows(statement.replace("%", "%%"))
        for statement in re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)
    ]
    assert [pair["external_ids"] for pair in pairs] == [f'"{before.uuid}={made.uuid}"']
    assert [(str(row["uuid"]), row["status"], row["messages"]) for row in waiting] == [
        (before.uuid, "E", 1)
    ]
    assert [(row["type"], row["chats"]) for row in come_over] == [("CHP", 1), ("EX", 1)]
