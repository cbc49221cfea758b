"""What Courier sends on webchat channels, and who may."""

from typing import Any
from uuid import uuid4

from chip_conformance.broken import expect
from chip_conformance.http import Answer, Request
from chip_conformance.promise import Extension, Need, Subject
from chip_conformance.target import NOBODYS, number, stranger
from chip_conformance.trial import Trial

sends = Subject("Sends on webchat channels", Need.WEBCHAT, Need.SENDS)


async def send(trial: Trial, **changes: Any) -> Answer:
    """The answer to a send of a message that would be taken, but for these changes."""
    visitor = await trial.visitor()
    body = {
        "chat_id": visitor.chat,
        "secret": trial.webchat.secret,
        "msg": {"id": number(), "text": "hello", "origin": "flow"},
    }
    return await trial.target.post(trial.webchat.post({**body, **changes}))


@sends()
async def taken(trial: Trial) -> str:
    """A message that is stored is answered 200 `{"status":"queued"}`."""
    answer = await send(trial)
    expect(answer.status == 200 and answer.json == {"status": "queued"}, answer)
    return str(answer)


@sends()
async def wrong_secret(trial: Trial) -> str:
    """With a wrong, an empty or no secret it is 400 `channel secret incorrect`, and not shown."""
    visitor = await trial.visitor()
    message = trial.webchat.new(visitor.chat, trial.words("forged"))
    answers = [await trial.target.post(trial.webchat.wrong(message))]
    answers += [await send(trial, secret=secret) for secret in ("", None)]
    for answer in answers[:2]:
        expect(answer.status == 400 and answer.error == "channel secret incorrect", answer)
    expect(answers[2].status == 400, answers[2])
    await trial.is_shown_nothing_else(visitor)
    return str(answers[0])


@sends()
async def unknown_channel(trial: Trial) -> str:
    """A channel that there is not is 400 `no such channel`, whatever the body."""
    answer = await trial.target.post(Request("POST", f"/wc/send/{NOBODYS}", {}, b"nothing"))
    expect(answer.status == 400 and answer.error == "no such channel", answer)
    return str(answer)


@sends()
async def unreadable(trial: Trial) -> str:
    """A body that is no JSON object that fits is 400 `error reading request: …`."""
    for body in (b"", b"hello", b"[]", b'{"chat_id":5}', b"\xff", b"[" * 5000):
        answer = await trial.target.post(trial.webchat.post(body))
        expect(answer.status == 400, f"{body[:20]!r}: {answer}")
        expect(answer.error.startswith("error reading request: "), f"{body[:20]!r}: {answer}")
    return "400 error reading request: …"


@sends()
async def unknown_chat(trial: Trial) -> str:
    """A chat that there is not is 400 `error loading contact with chat id …`."""
    for chat in (stranger(), "not an id"):
        answer = await send(trial, chat_id=chat)
        expect(answer.status == 400, answer)
        expect(answer.error.startswith("error loading contact with chat id "), answer)
    return "400 error loading contact with chat id …"


@sends()
async def no_name(trial: Trial) -> str:
    """A message without a name, or no message at all, is 400 `error reading request: …`."""
    for msg in (None, {"text": "hello"}, {"id": 0, "uuid": "", "text": "hello"}):
        answer = await send(trial, msg=msg)
        expect(answer.status == 400, f"{msg}: {answer}")
        expect(answer.error.startswith("error reading request: "), f"{msg}: {answer}")
    return "400 error reading request: …"


@sends()
async def unknown_user(trial: Trial) -> str:
    """A user that there is not is 404 `user not found`."""
    msg = {"id": number(), "text": "hello", "user_id": 2**31 - 1}
    answer = await send(trial, msg=msg)
    expect(answer.status == 404 and answer.error == "user not found", answer)
    return str(answer)


@sends()
async def only_post(trial: Trial) -> str:
    """Other methods than POST are 405, with the one that is allowed."""
    answer = await trial.target.ask("GET", f"/wc/send/{trial.webchat.page}")
    expect(answer.status == 405 and answer.headers.get("allow") == "POST", answer)
    return "405, Allow: POST"


@sends()
async def too_large(trial: Trial) -> str:
    """A body of more than 1 MiB is 400."""
    answer = await send(trial, more="x" * 2**20)
    expect(answer.status == 400, answer)
    return str(answer)


@sends()
async def by_id(trial: Trial) -> str:
    """A message that is named by a number, as older Couriers do, is shown by it."""
    visitor = await trial.visitor()
    message = await trial.send(visitor.chat)
    (event,) = await visitor.is_shown(message.text)
    expect(event["msg_out"]["id"] == message.id, f"its id is {event['msg_out']['id']!r}")
    return f"id {message.id}"


@sends(Extension.UUIDS)
async def by_uuid(trial: Trial) -> str:
    """A message that is named by a uuid alone, as newer Couriers do, is shown by it."""
    visitor = await trial.visitor()
    name = str(uuid4())
    message = await trial.send(visitor.chat, id=None, uuid=name)
    (event,) = await visitor.is_shown(message.text)
    shown = event["msg_out"]
    expect((shown["id"], shown.get("uuid")) == (name, name), f"it is {shown}")
    return f"id and uuid {name}"


@sends()
async def nulls(trial: Trial) -> str:
    """Fields that are null count as left out, and those that are not known are ignored."""
    visitor = await trial.visitor()
    text = trial.words()
    msg = {
        **{"id": number(), "uuid": None, "text": text, "origin": "flow"},
        **{"attachments": None, "quick_replies": None, "user_id": None, "colour": "red"},
    }
    answer = await send(trial, chat_id=visitor.chat, msg=msg, more=[1])
    expect(answer.status == 200, answer)
    await visitor.is_shown(text)
    return str(answer)
