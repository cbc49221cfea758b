"""A chat begins, or goes on."""

import re

from chip_conformance.broken import expect
from chip_conformance.http import json_answer
from chip_conformance.promise import Extension, Need, Subject
from chip_conformance.target import CHAT_ID, stranger
from chip_conformance.trial import Trial

starting = Subject("Starting a chat")
resuming = Subject("Going on with a chat")


@starting()
async def new_chat(trial: Trial) -> str:
    """A new chat gets an id of 24 letters and digits, and no two get the same."""
    ids = [(await trial.visitor()).chat for _ in range(2)]
    expect(all(re.fullmatch(CHAT_ID, chat) for chat in ids), f"the ids are {ids}")
    expect(ids[0] != ids[1], f"both are {ids[0]}")
    return "two ids"


@starting()
async def unknown_id(trial: Trial) -> str:
    """An id that is unknown or malformed, null or empty begins a new chat, under another id."""
    for given in (stranger(), "x" * 48, "not an id", "", None):
        visitor = await trial.connected()
        await visitor.command("start_chat", chat_id=given)
        event = await visitor.expect("chat_started")
        expect(event["chat_id"] != given, f"{given!r} became the id of a chat")
    return "five new chats"


@starting(Need.COURIER, Need.WEBCHAT)
async def courier_hears(trial: Trial) -> str:
    """Courier is told of a new chat, with the channel's secret, before its visitor is."""
    visitor = await trial.visitor()
    heard = trial.courier.heard(visitor.chat, "chat_started")
    expect(len(heard) == 1, f"Courier was told {len(heard)} times")
    expect(heard[0].secret == trial.webchat.secret, "the secret is another")
    return "told once, before"


@starting(Need.COURIER, Need.EXTERNAL)
async def courier_hears_nothing(trial: Trial) -> str:
    """On an External channel Courier hears nothing of a new chat until its visitor speaks."""
    visitor = await trial.visitor()
    text = await trial.said(visitor)
    kinds = [a.heard.kind for a in trial.courier.attempts if a.heard.chat == visitor.chat]
    expect(kinds == ["msg_in"], f"Courier heard {kinds} before {text!r}")
    return "nothing"


@starting(Need.COURIER, Need.WEBCHAT, Extension.ERRORS, alone=True)
async def courier_away(trial: Trial) -> str:
    """Where Courier takes no new chat the visitor hears `unavailable`, and may try again there."""
    visitor = await trial.connected()
    trial.courier.new_chats.append(json_answer(503, {"message": "away"}))
    await visitor.command("start_chat")
    await visitor.expect("error", code="unavailable", command="start_chat")
    tried = trial.courier.attempts[-1].heard.chat
    event = await visitor.start()
    expect(event["chat_id"] == tried, "the second try made another chat")
    return "unavailable, then the chat"


@starting(Extension.ERRORS)
async def nothing_before(trial: Trial) -> str:
    """Before a chat has begun every other command is answered by `chat_not_started`."""
    visitor = await trial.connected()
    for command, fields in (
        ("send_msg", {"text": "hello"}),
        ("ack_chat", {"msg_id": 1}),
        ("get_history", {"before": "2024-05-01T17:15:30Z"}),
        ("set_email", {"email": "bob@example.com"}),
    ):
        await visitor.command(command, **fields)
        await visitor.expect("error", code="chat_not_started", command=command)
    return "four errors"


@starting(Extension.ERRORS)
async def second_start(trial: Trial) -> str:
    """A second `start_chat` on one connection changes nothing: `chat_already_started`."""
    visitor = await trial.visitor()
    await visitor.command("start_chat")
    await visitor.expect("error", code="chat_already_started", command="start_chat")
    await visitor.history()
    return "chat_already_started"


@resuming()
async def resumed(trial: Trial) -> str:
    """A known id goes on with its chat, and the e-mail is there, empty where none is known."""
    visitor = await trial.visitor()
    again = await trial.connected()
    event = await again.start(visitor.chat)
    expect(event["type"] == "chat_resumed", f"it was {event['type']}")
    expect(event["chat_id"] == visitor.chat, "it was another chat")
    expect(event.get("email") == "", f"the e-mail is {event.get('email')!r}")
    return "chat_resumed"


@resuming(Need.COURIER)
async def silently(trial: Trial) -> str:
    """Courier hears nothing of a visitor who only comes back."""
    visitor = await trial.visitor()
    again = await trial.again(visitor.chat)
    await trial.said(again)
    heard = trial.courier.heard(visitor.chat, "chat_started")
    expect(len(heard) <= 1, f"Courier was told {len(heard)} times of a new chat")
    return "nothing"


@resuming()
async def case(trial: Trial) -> str:
    """An id in other letters, small for capital, is another id."""
    visitor = await trial.visitor()
    other = await trial.connected()
    event = await other.start(visitor.chat.swapcase())
    expect(event["type"] == "chat_started", f"it was {event['type']}")
    return "chat_started"


@resuming()
async def email(trial: Trial) -> str:
    """The address that a visitor leaves is there when he comes back."""
    visitor = await trial.visitor()
    await visitor.command("set_email", email="bob@example.com")
    await visitor.history()  # commands are carried out in order
    again = await trial.again(visitor.chat)
    expect(again.email == "bob@example.com", f"the e-mail is {again.email!r}")
    return "bob@example.com"
