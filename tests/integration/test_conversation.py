"""One conversation through all real parts, both ways."""

import pytest
import pytest_twisted


@pytest.mark.parametrize("generation", ["10.2", "26.0", "26.2"])
@pytest.mark.parametrize("era", ["id", "uuid"])
@pytest_twisted.ensureDeferred
async def test_a_conversation_in_every_release_and_era(
    generation, era, chip, visit, courier, channel, rapidpro
):
    courier.configure(era=era)
    bob = await visit(chip)
    await bob.start_chat()

    bob.send("I need help, please", ref="a")
    await bob.expect("msg_accepted", ref="a")
    await courier.apart.wait(1, bob.chat_id, "msg_in")
    sent = await courier.apart.send(
        channel, bob.chat_id, "What can I do?", quick_replies=["Nothing"]
    )
    [event] = await bob.hears("What can I do?")
    await courier.apart.wait(1, bob.chat_id, "msg_status")

    assert courier.texts(bob.chat_id) == ["I need help, please"]
    assert event["msg_out"]["quick_replies"] == ["Nothing"]
    assert (event["msg_out"]["id"], event["msg_out"]["uuid"]) == (sent["id"], sent["uuid"])
    assert rapidpro.status(sent["id"]) == "D"
    await bob.leave()

    again = await visit(chip, bob.chat_id)
    await again.start_chat()
    again.get_history("2100-01-01T00:00:00Z")
    page = (await again.expect("history"))["history"]
    assert [next(iter(entry.values()))["text"] for entry in page] == [
        "What can I do?",
        "I need help, please",
    ]
