"""What Courier sends on External channels, and who may."""

import asyncio

from chip_conformance.broken import expect
from chip_conformance.http import json_answer
from chip_conformance.promise import Need, Subject
from chip_conformance.promises.handshake import UPGRADE
from chip_conformance.promises.saying import is_tried_again
from chip_conformance.target import JSON, number
from chip_conformance.trial import Trial

external = Subject("External channels", Need.EXTERNAL)
GUESSES = 12


@external()
async def taken(trial: Trial) -> str:
    """A message that is stored is answered 200 with `queued`."""
    visitor = await trial.visitor()
    answer = await trial.post(trial.external.new(visitor.chat, trial.words()))
    expect(answer.status == 200 and b"queued" in answer.body, answer)
    return str(answer)


@external()
async def wrong_authorization(trial: Trial) -> str:
    """With another authorization it is 400, and not shown."""
    visitor = await trial.visitor()
    message = trial.external.new(visitor.chat, trial.words("forged"))
    answer = await trial.target.post(trial.external.wrong(message))
    expect(answer.status == 400, answer)
    without = trial.external.post(trial.external.form(message), authorization="")
    answer = await trial.target.post(without)
    expect(answer.status == 400, f"without one: {answer}")
    await trial.is_shown_nothing_else(visitor)
    return str(answer)


@external()
async def never_429(trial: Trial) -> str:
    """However often it is wrong, the answer is no 429, which fails a message for good, or not."""
    visitor = await trial.visitor()
    wrong = trial.external.wrong(trial.external.new(visitor.chat, "forged"))
    statuses = {(await trial.target.post(wrong)).status for _ in range(GUESSES)}
    expect(statuses <= {400, 503}, f"the answers are {sorted(statuses)}")
    return f"{GUESSES} times {sorted(statuses)}"


@external()
async def only_forms(trial: Trial) -> str:
    """What is no form with an id and a chat id is 400."""
    visitor = await trial.visitor()
    form = trial.external.form(trial.external.new(visitor.chat, trial.words()))
    requests = {
        "JSON": trial.external.post(form, content_type=JSON),
        "no id": trial.external.post({**form, "id": ""}),
        "no chat": trial.external.post({**form, "to": "nobody"}),
        "two ids": trial.external.post({**form, "id": ["1", "2"]}),
    }
    for what, request in requests.items():
        answer = await trial.target.post(request)
        expect(answer.status == 400, f"{what}: {answer}")
    return "four times 400"


@external()
async def only_post(trial: Trial) -> str:
    """Other methods than POST are 405."""
    answer = await trial.target.ask("GET", "/wc/external")
    expect(answer.status == 405, answer)
    return str(answer)


@external()
async def in_the_path(trial: Trial) -> str:
    """The channel may stand at the end of the path instead."""
    visitor = await trial.visitor()
    message = trial.external.new(visitor.chat, trial.words())
    form = trial.external.form(message)
    del form["channel"]
    path = f"/wc/external/{trial.external.uuid}"
    answer = await trial.target.post(trial.external.post(form, path=path))
    expect(answer.status == 200, answer)
    await visitor.is_shown(message.text)
    return str(answer)


@external(Need.OWN_STORE)
async def by_number(trial: Trial) -> str:
    """A message that older Couriers name by a number is shown, and may be acknowledged."""
    visitor = await trial.visitor()
    message = await trial.send(visitor.chat, uuid="", id=number())
    (event,) = await visitor.is_shown(message.text)
    await visitor.ack(event)
    await visitor.history()
    again = await trial.again(visitor.chat)
    await trial.is_shown_nothing_else(again)
    return f"id {event['msg_out']['id']}"


@external(Need.OWN_STORE)
async def parts(trial: Trial) -> str:
    """The parts of a long text, which have one id, are shown as one message."""
    visitor = await trial.visitor()
    word, size = trial.words("part").split()[1], 6400
    text = " ".join(f"{word}{number:05}" for number in range(size // 14 + 20))
    cut = text.rindex(" ", 0, size)
    message = trial.external.new(visitor.chat, text)
    await asyncio.gather(
        *(trial.post(message._replace(text=part)) for part in (text[:cut], text[cut + 1 :]))
    )
    await visitor.is_shown(text)
    return f"{len(text)} letters in two parts"


@external(Need.COURIER)
async def ignored(trial: Trial) -> str:
    """`Ignored` means that Courier has stored nothing: the message is sent again."""
    answer = json_answer(200, {"message": "Ignored", "data": [{"type": "info", "info": "full"}]})
    return await is_tried_again(trial, answer)


@external()
async def own_uuid(trial: Trial) -> str:
    """The channel's own UUID, which Courier trusts, opens no socket."""
    answer = await trial.target.ask("GET", f"/wc/connect/{trial.external.uuid}", **UPGRADE)
    expect(answer.status == 400 and answer.error == "no such channel", answer)
    return str(answer)
