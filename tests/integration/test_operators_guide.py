"""What the operator's guide advises, tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import pytest_twisted

from tests.support.valkey import Valkey

GUIDE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()


@pytest.fixture
def guarded():
    """A Valkey with the user that the guide makes."""
    advised = re.search(r"ACL SETUSER chip on >secret ([^`]+)`", GUIDE)
    assert advised
    with Valkey(user="chip", password="s3cret-of-valkey", acl=advised[1]) as valkey:
        yield valkey


@pytest_twisted.ensureDeferred
async def test_the_rights_in_valkey_that_the_guide_gives_are_enough(
    guarded, start_chip, visit, courier, channel
):
    chip = start_chip(valkey=guarded.url)
    bob = await visit(chip)
    await bob.start_chat()
    bob.send("may I say something here?", ref="a")
    await bob.expect("msg_accepted", ref="a")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    await courier.apart.send(channel, bob.chat_id, "of course you may")
    await bob.hears("of course you may")
    await courier.apart.wait(1, bob.chat_id, "msg_status")
    await bob.leave()


@pytest_twisted.ensureDeferred
async def test_the_rights_in_the_database_that_the_guide_gives_are_enough(
    database, postgres, start_chip, visit, courier, channel, rapidpro
):
    (advised,) = re.findall(r"```sql\n(CREATE ROLE .*?)```", GUIDE, re.DOTALL)
    # The tests' own server has a chip already, who may do anything.
    postgres.execute(re.sub(r"\bchip\b", "guided", advised), database)
    try:
        chip = start_chip(db=database.replace("//chip@", "//guided:secret@"))
        bob = await visit(chip)
        await bob.start_chat()
        await courier.apart.send(channel, bob.chat_id, "how shall we call you?")
        await bob.hears("how shall we call you?")
        bob.set_email("bob@example.com")
        bob.get_history("2100-01-01T00:00:00Z")
        page = (await bob.expect("history"))["history"]
        assert [entry["msg_out"]["text"] for entry in page] == ["how shall we call you?"]
        await bob.leave()
        again = await visit(chip, bob.chat_id)
        assert (await again.start_chat())["email"] == "bob@example.com"
        await again.leave()
        chip.stop()
    finally:
        postgres.execute("DROP OWNED BY guided; DROP ROLE guided", database)
