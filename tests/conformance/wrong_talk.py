"""What a server can get wrong in particular on a visitor's socket."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.frames import BINARY, TEXT, Frame
from tests.conformance.wrong_http import report_of
from tests.conformance.wrong_server import Event, Line


def in_pairs(memory: dict[str, Any], what: Event) -> list[Event]:
    """Two of these change places."""
    first = memory.pop("first", None)
    if first is None:
        memory["first"] = what
        return []
    return [what, first]


def given_id(line: Line, event: Event) -> list[Event]:
    given = line.memory.get("given")
    return [{**event, "chat_id": given}] if event["type"] == "chat_started" and given else [event]


def remembers_the_given_id(line: Line, said: Event) -> list[Event]:
    line.memory["given"] = said.get("chat_id")
    return [said]


def any_case(line: Line, said: Event) -> list[Event]:
    known = {chat.lower(): chat for chat in line.server.chats}
    given = str(said.get("chat_id"))
    return [{**said, "chat_id": known.get(given.lower(), given)}] if "chat_id" in said else [said]


def swaps_what_is_said(line: Line, said: Event) -> list[Event]:
    return in_pairs(line.memory, said) if said.get("type") == "send_msg" else [said]


def forgets_refs(line: Line, said: Event) -> list[Event]:
    line.server.memory["n"] = number = line.server.memory.get("n", 0) + 1
    return [{**said, "ref": f"{number}"} if "ref" in said else said]


def first_ref(_: Line, event: Event) -> list[Event]:
    return [{**event, "ref": "r1"} if event["type"] == "msg_accepted" else event]


def message_first(line: Line, event: Event) -> list[Event]:
    if event["type"] == "chat_resumed":
        line.memory["resumed"] = event
        return []
    if event["type"] == "chat_out" and "resumed" in line.memory:
        return [event, line.memory.pop("resumed")]
    return [event]


def one_at_a_time(line: Line, event: Event) -> list[Event]:
    if event["type"] != "chat_out":
        return [event]
    first = line.memory.setdefault("first", event)
    return [event] if first is event else []


def news_only(line: Line, event: Event) -> list[Event]:
    if event["type"] == "chat_resumed":
        line.memory["resumed"] = True
    return [] if event["type"] == "chat_out" and line.memory.pop("resumed", False) else [event]


def to_everybody(line: Line, event: Event) -> list[Event]:
    if event["type"] == "chat_out":
        for other in line.server.lines:
            if other is not line:
                other.tells(event)
    return [event]


def acks_for_everybody(line: Line, said: Event) -> list[Event]:
    if said.get("type") == "ack_chat":
        for other in line.server.lines:
            if other is not line:
                other.says(said)
    return [said]


def complains_of_acks(line: Line, said: Event) -> list[Event]:
    if said.get("type") == "ack_chat":
        line.tells({"type": "error", "code": "invalid_command", "message": "no such message"})
    return [said]


def swaps_what_is_shown(line: Line, event: Event) -> list[Event]:
    return in_pairs(line.memory, event) if event["type"] == "chat_out" else [event]


def reports_what_is_shown(line: Line, event: Event) -> list[Event]:
    if event["type"] == "chat_out":
        line.server.tell_courier(report_of(line.server, event["msg_out"]["id"]))
    return [event]


def everybodys(line: Line, page: list[Event]) -> list[Event]:
    known = line.server.memory.setdefault("entries", [])
    known += [entry for entry in page if entry not in known]
    return [*reversed(known)]


def one_side(_: Line, page: list[Event]) -> list[Event]:
    return [entry for entry in page if "msg_in" in entry]


def only_of_new_chats(line: Line, event: Event) -> list[Event]:
    if event["type"] == "history" and "chat" not in line.memory:
        event["history"] = []
    return [event]


def notes_new_chats(line: Line, said: Event) -> list[Event]:
    if said.get("type") == "start_chat" and "chat_id" not in said:
        line.memory["chat"] = True
    return [said]


def deaf_to_zones(_: Line, said: Event) -> list[Event]:
    if said.get("type") == "get_history":
        said["before"] = said["before"].partition("+")[0].rstrip("Z") + "Z"
    return [said]


def insists_on_known_fields(line: Line, said: Event) -> list[Event]:
    if "colour" not in said:
        return [said]
    line.tells({"type": "error", "code": "invalid_command", "message": "colour"})
    return []


def as_text_frame(_: Line, frame: Frame) -> list[Frame]:
    return [frame._replace(first=0x80 | TEXT) if frame.opcode == BINARY else frame]


def mends_utf8(_: Line, frame: Frame) -> list[Frame]:
    return [frame._replace(payload=frame.payload.decode(errors="replace").encode())]


def ends_for_all(line: Line, frame: Frame) -> list[Frame]:
    if frame.opcode in (TEXT, BINARY) and frame.json is None:
        for other in [*line.server.lines]:
            other.drop()
    return [frame]


def sulks(line: Line, said: Event) -> list[Event]:
    line.memory["sulks"] = line.memory.get("sulks") or said.get("type") == "dance"
    return [] if line.memory["sulks"] else [said]


def without_nul(_: Line, said: Event) -> list[Event]:
    return [json.loads(json.dumps(said).replace("\\u0000", ""))]


def without_extensions(_: Line, event: Event) -> list[Event]:
    event.get("msg_out", {}).pop("uuid", None)
    later = {"error", "msg_accepted", "msg_echo", "resync", "pong"}
    return [] if event["type"] in later else [event]
