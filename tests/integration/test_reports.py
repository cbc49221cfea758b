"""What RapidPro knows in the end of messages that visitors have seen.

Courier has the habit of the real one here: it writes statuses in batches, in which its own `wired`
wins.
"""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from tests.support.process import eventually

MESSAGES = 40
IN_TIME = 60


@pytest.fixture
def courier(courier):
    courier.configure(status_window=0.5)
    return courier


async def all_become(rapidpro, ids, status):
    """Wait until these messages have the status, and for what Courier may still write over it."""

    def there():
        return {rapidpro.status(number) for number in ids} == {status}

    await deferToThread(eventually, there, f"all are {status}", IN_TIME)


@pytest.mark.parametrize("kind", ["CHP", "External"])
@pytest.mark.parametrize("era", ["id", "uuid"])
@pytest_twisted.ensureDeferred
async def test_what_is_acknowledged_at_once_stays_delivered(
    chip, visit, courier, channel, rapidpro, era
):
    """With reports at once, 35 to 40 of 40 ended as `wired`."""
    courier.configure(era=era)
    bob = await visit(chip)
    await bob.start_chat()
    bob.send("Hello?", "a")
    await bob.expect("msg_accepted")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    sent = []
    for number in range(MESSAGES):
        sent.append(await courier.apart.send(channel, bob.chat_id, f"number {number}"))
        await bob.hears(f"number {number}")
    await all_become(rapidpro, [one["id"] for one in sent], "D")


@pytest.mark.parametrize("kind", ["CHP", "External"])
@pytest_twisted.ensureDeferred
async def test_what_courier_sends_again_after_it_was_seen_becomes_delivered_again(
    chip, visit, courier, channel, rapidpro
):
    bob = await visit(chip)
    await bob.start_chat()
    bob.send("Hello?", "a")
    await bob.expect("msg_accepted")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    sent = await courier.apart.send(channel, bob.chat_id, "Hello")
    await bob.hears("Hello")
    await all_become(rapidpro, [sent["id"]], "D")

    # Kept back, or a busy machine would not see that it is wired again meanwhile.
    await courier.apart.fail(event="msg_status")
    await courier.apart.deliver_again(sent)
    await all_become(rapidpro, [sent["id"]], "W")
    await courier.apart.heal()
    await all_become(rapidpro, [sent["id"]], "D")
