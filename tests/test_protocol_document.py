"""Every example of docs/protocol.md is what Chip reads and writes, to the byte."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args
from urllib.parse import parse_qs

import msgspec
import pytest

from chip.desk.hours import opening
from chip.gateway.chp import handling
from chip.gateway.exchange import outcome_of
from chip.gateway.external import ExternalGateway
from chip.gateway.http_client import HttpAnswer
from chip.models import Availability, Channel, Incoming, MsgIn, MsgOut, Report
from chip.protocol.commands import decode_command
from chip.protocol.courier_receive import encode_chat_started, encode_receive
from chip.protocol.courier_send import decode_send
from chip.protocol.events import (
    ChatResumed,
    ChatStarted,
    Error,
    ErrorCode,
    MsgAccepted,
    MsgEcho,
    Pong,
    Resync,
    chat_out_frame,
    encode_event,
    history_frame,
)
from chip.protocol.external_send import decode_external_send

PAGE = (Path(__file__).parents[1] / "docs" / "protocol.md").read_text()
EXTERNAL = Channel("a5f3c2de-0000-8000-8000-000000000001", 1, "", "3e7e5a52")
EVENTS = ChatStarted | ChatResumed | Error | MsgAccepted | MsgEcho | Resync | Pong


def examples(section, language="json"):
    """The lines of all code blocks in a language below a heading."""
    part = PAGE.split(f"\n{section}\n")[1]
    part = re.split(r"\n#{2,3} ", part)[0]
    blocks = re.findall(rf"```{language}\n(.*?)```", part, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert lines
    return lines


@pytest.mark.parametrize("line", examples("### Commands: browser to Chip"))
def test_commands_are_understood(line):
    command = decode_command(line.encode())
    said = json.loads(line)
    assert command.__struct_config__.tag == said.pop("type")
    assert said.items() <= msgspec.to_builtins(command).items()


@pytest.mark.parametrize("line", examples("### Availability"))
def test_what_pages_are_told_before_a_chat_is_written_as_shown(line):
    known = msgspec.json.decode(line, type=Availability, strict=True)
    assert msgspec.json.encode(known).decode() == line
    assert opening(known.hours, known.zone)


@pytest.mark.parametrize("line", examples("### Events: Chip to browser"))
def test_events_are_written_so(line):
    event = json.loads(line)
    if event["type"] == "chat_out":
        message = msgspec.convert(event["msg_out"], MsgOut, strict=True)
        written = chat_out_frame(msgspec.json.encode(message))
    elif event["type"] == "history":
        kinds = {"msg_in": MsgIn, "msg_out": MsgOut}
        page = [
            {kind: msgspec.convert(message, kinds[kind]) for kind, message in entry.items()}
            for entry in event["history"]
        ]
        written = history_frame(msgspec.json.encode(page), more=event.get("more", False))
    else:
        written = encode_event(msgspec.json.decode(line, type=EVENTS))
    assert written.decode() == line


def test_the_table_has_every_error_code_and_no_other():
    table = PAGE.split("| `code` | Meaning |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(get_args(ErrorCode))


@pytest.mark.parametrize("line", examples("## Courier to Chip"))
def test_sends_are_understood(line):
    send = decode_send(line.encode())
    body = json.loads(line)
    assert (send.chat_id, send.secret) == (body["chat_id"], body["secret"])
    assert send.msg is not None
    known = msgspec.structs.asdict(send.msg)
    assert all(known[name] == value for name, value in body["msg"].items())


RECEIVE = examples("## Chip to Courier")


@pytest.mark.parametrize("line", [line for line in RECEIVE if "events" in line])
def test_events_for_courier_are_written_so(line):
    body = json.loads(line)
    (event,) = body["events"]
    chat_id, secret = body["chat_id"], body["secret"]
    match event["type"]:
        case "chat_started":
            written = encode_chat_started(chat_id, secret)
        case "msg_in":
            written = encode_receive(chat_id, secret, [Incoming(event["msg"]["text"])])
        case "msg_status":
            status = event["status"]
            report = Report(status["status"], status.get("msg_id"), status.get("msg_uuid", ""))
            written = encode_receive(chat_id, secret, [report])
    assert written.decode() == line


def test_courier_s_answers_mean_what_is_said():
    handled, refused = [line.encode() for line in RECEIVE if "message" in line]

    def outcome(status, body):
        return outcome_of(HttpAnswer(status, body), handling([Incoming("hello")]), "CHP")

    assert outcome(200, handled).heard == ["0191e180-7d60-7000-aded-7d8b151cbd5b"]
    assert outcome(400, refused).kind == "refused"
    assert outcome(404, b"<html>not here</html>").kind == "failed"
    assert outcome(301, b"").kind == "failed"


@pytest.mark.parametrize("line", examples("### On External channels: Courier to Chip", ""))
def test_forms_are_understood(line):
    send = decode_external_send(line.encode())
    fields = parse_qs(line)
    assert [send.name.uuid or str(send.name.id)] == fields["id"]
    assert ([send.chat_id], [send.text], [send.channel]) == (
        fields["to"],
        fields["text"],
        fields["channel"],
    )
    assert send.quick_replies == fields.get("quick_reply", [])


POSTED, NOTED = examples("### On External channels: Chip to Courier")


async def test_forms_for_courier_are_written_so_and_confirmed():
    said, reported = examples("### On External channels: Chip to Courier", "")
    courier = ExternalCourier([POSTED, NOTED])
    gateway = ExternalGateway(courier)
    chat_id, uuid = parse_qs(said)["from"][0], parse_qs(reported)["id"][0]
    for event in (Incoming("hello"), Report("delivered", 34634, uuid)):
        answer = await gateway.post(EXTERNAL, chat_id, [event])
        assert answer.kind == "handled"
    assert courier.bodies == [said, reported]


class ExternalCourier:
    """Gives answers of the page, and keeps what it was asked."""

    def __init__(self, answers):
        self.answers = answers
        self.bodies = []

    async def ask(self, path, body, content_type, judge):
        self.bodies.append(body.decode())
        return outcome_of(HttpAnswer(200, self.answers.pop(0).encode()), judge, "EX")
