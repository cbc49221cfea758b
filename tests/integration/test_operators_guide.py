"""What the operator's guide advises, tried."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from tests.support.fetch import Response, fetch


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
    guided, start_chip, visit, courier, channel
):
    chip = start_chip(db=guided)
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


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("table", ["channels_channel", "contacts_contact", "msgs_msg"])
async def test_a_right_that_is_taken_away_is_told_everywhere_until_it_is_given_again(
    guided, postgres, database, start_chip, visit, table
):
    chip = start_chip(db=guided)
    bob = await visit(chip)
    await bob.start_chat()

    def change(words: str) -> None:
        postgres.execute(words, database)

    async def ready() -> Response:
        return await deferToThread(fetch, f"{chip.ops_url}/readyz")

    assert (await ready()).status == 200
    change(f"REVOKE SELECT ON {table} FROM guided")
    answers = [await ready() for _ in range(3)]
    assert [answer.status for answer in answers] == [503] * 3
    assert answers[0].json["parts"]["store"] == "the database refuses"
    if table == "msgs_msg":
        bob.get_history("2100-01-01T00:00:00Z")
        error = await bob.expect("error", code="unavailable")
        assert error["message"] == "the database refuses"
    (line,) = [line for line in chip.log().splitlines() if "refuses a statement" in line]
    assert f"permission denied for table {table}" in line
    assert "twistd chip --check" in line
    change(f"GRANT SELECT ON {table} TO guided")
    assert (await ready()).status == 200
    bob.get_history("2100-01-01T00:00:00Z")
    await bob.expect("history")
