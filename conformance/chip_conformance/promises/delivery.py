"""What Courier sends, on its way to visitors, and their acknowledgements."""

import re
from uuid import uuid4

from chip_conformance.broken import expect
from chip_conformance.promise import Extension, Need, Subject
from chip_conformance.target import NOBODYS
from chip_conformance.trial import Trial

delivery = Subject("Delivery and acknowledgements", Need.SENDS)
order = Subject("Order and duplicates", Need.SENDS)
MANY = 20
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z"


@delivery()
async def at_once(trial: Trial) -> str:
    """A message is shown at once to a visitor who is there, by a name, with a time in UTC."""
    visitor = await trial.visitor()
    message = await trial.send(visitor.chat)
    (event,) = await visitor.is_shown(message.text)
    shown = event["msg_out"]
    expect(shown.get("id"), f"it has no id: {shown}")
    expect(re.fullmatch(TIME, shown["time"]), f"its time is {shown['time']}")
    expect(shown["origin"] in {"flow", "broadcast", "ticket", "chat"}, f"{shown['origin']}")
    return f"{shown['time']}, {shown['origin']}"


@delivery()
async def every_part(trial: Trial) -> str:
    """Text, attachments and quick replies come as they were sent; what is empty is left out."""
    visitor = await trial.visitor()
    parts = {"attachments": ["image/jpeg:https://x.example/y.jpg"], "quick_replies": ["Yes", "Ñ&o"]}
    rich = await trial.send(visitor.chat, trial.words('Üñï 😀 "q" a&b <b>\n2nd'), **parts)
    plain = await trial.send(visitor.chat)
    events = await visitor.is_shown(rich.text, plain.text)
    shown = [{name: event["msg_out"].get(name) for name in parts} for event in events]
    expect(shown == [parts, dict.fromkeys(parts)], f"they have {shown}")
    expect("user" not in events[1]["msg_out"], "nobody wrote it, and yet it has a user")
    return "all of them"


@delivery()
async def while_away(trial: Trial) -> str:
    """What is sent while nobody is there waits, and is shown right after `chat_resumed`."""
    visitor = await trial.visitor()
    await visitor.leave()
    messages = [await trial.send(visitor.chat) for _ in range(2)]
    again = await trial.again(visitor.chat)
    await again.is_shown(*(message.text for message in messages))
    return "two messages"


@delivery()
async def until_acked(trial: Trial) -> str:
    """A message comes again on a new connection until it is acknowledged, and then no more."""
    visitor = await trial.visitor()
    one, two = [await trial.send(visitor.chat) for _ in range(2)]
    events = await visitor.is_shown(one.text, two.text)
    await visitor.ack(events[0])
    await visitor.history()  # commands are carried out in order
    await visitor.vanish()
    again = await trial.again(visitor.chat)
    await again.is_shown(two.text)
    return "the other one came again"


@delivery(Extension.UUIDS)
async def by_uuid(trial: Trial) -> str:
    """A message that has a uuid may be acknowledged by it."""
    visitor = await trial.visitor()
    message = await trial.send(visitor.chat, uuid=str(uuid4()), id=None)
    (event,) = await visitor.is_shown(message.text)
    expect(event["msg_out"].get("uuid") == message.uuid, f"it is {event['msg_out']}")
    await visitor.command("ack_chat", msg_uuid=message.uuid)
    await visitor.history()
    again = await trial.again(visitor.chat)
    await trial.is_shown_nothing_else(again)
    return "acknowledged"


@delivery()
async def without_waiting(trial: Trial) -> str:
    """The next message is shown before the one before it is acknowledged."""
    visitor = await trial.visitor()
    messages = [await trial.send(visitor.chat) for _ in range(5)]
    await visitor.is_shown(*(message.text for message in messages))
    return "five without an ack"


@delivery()
async def every_tab(trial: Trial) -> str:
    """Each connection of a chat is shown each message, those that it was not there for as well."""
    here = await trial.visitor()
    first = await trial.send(here.chat)
    there = await trial.again(here.chat)
    second = await trial.send(here.chat)
    for visitor in (here, there):
        await visitor.is_shown(first.text, second.text)
    return "both, on both"


@delivery()
async def only_his(trial: Trial) -> str:
    """A message is shown in its own chat and in no other."""
    visitor, other = await trial.visitor(), await trial.visitor()
    await visitor.is_shown((await trial.send(visitor.chat)).text)
    await trial.is_shown_nothing_else(other)
    return "in one chat"


@delivery()
async def foreign_ack(trial: Trial) -> str:
    """Nobody can acknowledge a message of another chat."""
    visitor, other = await trial.visitor(), await trial.visitor()
    message = await trial.send(visitor.chat)
    (event,) = await visitor.is_shown(message.text)
    await other.ack(event)
    await other.history()
    again = await trial.again(visitor.chat)
    await again.is_shown(message.text)
    return "it came again"


@delivery(Extension.ERRORS)
async def acked_twice(trial: Trial) -> str:
    """An acknowledgement of what does not wait, or not any more, is answered by silence."""
    visitor = await trial.visitor()
    (event,) = await visitor.is_shown((await trial.send(visitor.chat)).text)
    for _ in range(2):
        await visitor.ack(event)
    await visitor.command("ack_chat", msg_uuid=NOBODYS)
    await visitor.history()
    return "silence"


@order()
async def in_order(trial: Trial) -> str:
    """Messages are shown in the order in which they were sent."""
    visitor = await trial.visitor()
    messages = [await trial.send(visitor.chat) for _ in range(MANY)]
    await visitor.is_shown(*(message.text for message in messages))
    return f"{MANY} in order"


@order()
async def old_before_new(trial: Trial) -> str:
    """What has waited is shown before what comes when the visitor is back."""
    visitor = await trial.visitor()
    await visitor.leave()
    messages = [await trial.send(visitor.chat) for _ in range(3)]
    again = await trial.again(visitor.chat)
    messages += [await trial.send(visitor.chat) for _ in range(3)]
    await again.is_shown(*(message.text for message in messages))
    return "six in order"


@order()
async def sent_twice(trial: Trial) -> str:
    """A message that Courier sends twice is taken twice, and shown once."""
    visitor = await trial.visitor()
    message = await trial.send(visitor.chat)
    await trial.resend(message)
    await visitor.is_shown(message.text)
    await trial.is_shown_nothing_else(visitor)
    return "shown once"


@order()
async def sent_after_ack(trial: Trial) -> str:
    """A message that Courier sends again once it is acknowledged is taken, and not shown again."""
    visitor = await trial.visitor()
    message = await trial.send(visitor.chat)
    (event,) = await visitor.is_shown(message.text)
    await visitor.ack(event)
    await visitor.history()
    await trial.resend(message)
    await trial.is_shown_nothing_else(visitor)
    return "not shown again"


@order()
async def same_words(trial: Trial) -> str:
    """Two messages that say the same are two messages."""
    visitor = await trial.visitor()
    message = await trial.send(visitor.chat)
    await trial.send(visitor.chat, message.text)
    await visitor.is_shown(message.text, message.text)
    return "both shown"
