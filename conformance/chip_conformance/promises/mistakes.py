"""What a visitor must not say, and what comes of it."""

import json

from chip_conformance.broken import expect
from chip_conformance.promise import Extension, Need, Subject
from chip_conformance.trial import Trial

mistakes = Subject("Mistakes and limits")
_UNMASKED = b"\x81\x02{}"


@mistakes(Extension.ERRORS)
async def no_json(trial: Trial) -> str:
    """A frame that is no JSON object is `invalid_json`, and the connection stays open."""
    visitor = await trial.connected()
    for frame in ("", "hello", "[1]", '{"type":"ping"', "[" * 5000):
        await visitor.raw(frame)
        await visitor.expect("error", code="invalid_json")
    await visitor.start()
    return "invalid_json"


@mistakes(Extension.ERRORS)
async def unknown_command(trial: Trial) -> str:
    """A type that names no command is `unknown_command`."""
    visitor = await trial.connected()
    await visitor.command("dance", ref="r1")
    await visitor.expect("error", code="unknown_command", ref="r1")
    await visitor.raw("{}")
    await visitor.expect("error", code="unknown_command")
    return "unknown_command"


@mistakes(Extension.ERRORS)
async def wrong_fields(trial: Trial) -> str:
    """A field that is missing or wrong is `invalid_command`, with the command and its `ref`."""
    visitor = await trial.visitor()
    for command, fields in (
        ("send_msg", {}),
        ("send_msg", {"text": "", "ref": "r1"}),
        ("send_msg", {"text": 5, "ref": "r1"}),
        ("send_msg", {"text": "x" * 4001, "ref": "r1"}),
        ("ack_chat", {}),
        ("get_history", {"before": "yesterday"}),
        ("get_history", {"before": "2024-05-01T17:15:30"}),
        ("set_email", {"email": "nobody"}),
    ):
        await visitor.command(command, **fields)
        ref = {"ref": fields["ref"]} if "ref" in fields else {}
        await visitor.expect("error", code="invalid_command", command=command, **ref)
    return "eight of them"


@mistakes(Extension.ERRORS)
async def nul(trial: Trial) -> str:
    """U+0000 is `invalid_command` in any field; its escape within an escape is a text."""
    visitor = await trial.visitor()
    for fields in ({"text": "a\0b"}, {"text": "x", "more": {"a": "\0"}}):
        await visitor.command("send_msg", **fields)
        await visitor.expect("error", code="invalid_command", command="send_msg")
    await visitor.command("send_msg", text="\\u0000")
    await visitor.history()
    return "invalid_command"


@mistakes(Extension.ERRORS)
async def which_ack(trial: Trial) -> str:
    """The error of an `ack_chat` says which message it was about."""
    visitor = await trial.connected()
    await visitor.command("ack_chat", msg_id=34634)
    await visitor.expect("error", code="chat_not_started", msg_id=34634)
    return "msg_id"


@mistakes()
async def unknown_fields(trial: Trial) -> str:
    """Fields that are not known are ignored."""
    visitor = await trial.connected()
    await visitor.command("start_chat", colour="red", more={"deep": [1]})
    await visitor.expect("chat_started")
    return "chat_started"


@mistakes()
async def binary(trial: Trial) -> str:
    """Binary messages, and those in several frames, are read as text is."""
    visitor = await trial.connected()
    await visitor.raw(json.dumps({"type": "start_chat"}).encode())
    await visitor.expect("chat_started")
    await visitor.raw(['{"type":"get_history",', '"before":"2024-05-01', 'T17:15:30Z"}'])
    await visitor.expect("history")
    return "chat_started, history"


@mistakes(Extension.ERRORS)
async def binary_not_utf8(trial: Trial) -> str:
    """A binary frame that is not UTF-8 is `invalid_json`."""
    visitor = await trial.connected()
    await visitor.raw(b'{"type":"start_chat","x":"\xff"}')
    await visitor.expect("error", code="invalid_json")
    return "invalid_json"


@mistakes()
async def text_not_utf8(trial: Trial) -> str:
    """A text frame that is not UTF-8 closes the connection with 1007."""
    visitor = await trial.connected()
    await visitor.raw(b'{"type":"start_chat","x":"\xff"}', text=True)
    code = await visitor.closed()
    expect(code == 1007, f"it closed with {code}")
    return "1007"


@mistakes()
async def too_large(trial: Trial) -> str:
    """A message that is too large closes the connection with 1009, and the client is told."""
    visitor = await trial.visitor()
    await visitor.raw(json.dumps({"type": "send_msg", "text": "x" * 100_000}))
    code = await visitor.closed()
    expect(code == 1009, f"it closed with {code}")
    return "1009"


@mistakes()
async def unmasked(trial: Trial) -> str:
    """A frame without a mask closes the connection with 1002."""
    visitor = await trial.connected()
    visitor.socket.transport.write(_UNMASKED)
    code = await visitor.closed()
    expect(code == 1002, f"it closed with {code}")
    return "1002"


@mistakes(Extension.PING)
async def ping(trial: Trial) -> str:
    """A `ping` is answered by `pong`, before a chat has begun and in it."""
    visitor = await trial.connected()
    await visitor.command("ping")
    await visitor.expect("pong")
    await visitor.start()
    await visitor.command("ping")
    await visitor.expect("pong")
    return "pong"


@mistakes()
async def others_stay(trial: Trial) -> str:
    """Nothing that one visitor says closes the connection of another."""
    bystander = await trial.visitor()
    for frame in ("[" * 5000, '{"type":', '{"type":"start_chat","chat_id":{"a":[]}}', "null", ""):
        visitor = await trial.connected()
        await visitor.raw(frame)
        await visitor.vanish()
    await bystander.history()
    return "the other one is still there"


@mistakes(Need.COURIER)
async def goes_on(trial: Trial) -> str:
    """After a mistake the next command of that connection is carried out."""
    visitor = await trial.visitor()
    await visitor.raw('{"type":"dance"}')
    await visitor.raw('{"type":"send_msg","text":5}')
    await visitor.say(text := trial.words())
    texts = await trial.courier.hears(visitor.chat, text)
    expect(texts == [text], f"Courier has {texts}")
    return "it was carried out"
