"""What a server can get wrong in general: a status, a field, a command that it does not hear."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from chip_conformance.http import Answer, Request
from tests.conformance.wrong_server import Event, Line, Wrong, WrongServer


def status(was: int, now: int, where: str = "", says: bytes = b"") -> Wrong:
    """Another status than this one, at places that begin like this, if the answer says that."""

    def change(_: WrongServer, request: Request, answer: Answer) -> Answer:
        is_it = answer.status == was and says in answer.body
        return answer._replace(status=now) if is_it and re.match(where, request.path) else answer

    return Wrong(answer=change)


def body(where: str, now: bytes) -> Wrong:
    """Another body at places that begin like this."""
    return Wrong(
        answer=lambda _, request, answer: (
            answer._replace(body=now) if re.match(where, request.path) else answer
        )
    )


def without_header(name: str, where: str) -> Wrong:
    """No such header at places that begin like this."""

    def change(_: WrongServer, request: Request, answer: Answer) -> Answer:
        kept = {key: value for key, value in answer.headers.items() if key != name}
        return answer._replace(headers=kept) if re.match(where, request.path) else answer

    return Wrong(answer=change)


def event(kind: str, **changes: Any) -> Wrong:
    """Events of this type with other fields; None takes one away."""

    def change(_: Line, event: Event) -> list[Event]:
        if event["type"] != kind:
            return [event]
        event = {**event, **changes}
        return [{name: value for name, value in event.items() if value is not None}]

    return Wrong(event=change)


def message(**changes: Any) -> Wrong:
    """Messages that are shown with other fields; None takes one away."""

    def change(_: Line, event: Event) -> list[Event]:
        if event["type"] == "chat_out":
            shown = {**event["msg_out"], **changes}
            event["msg_out"] = {name: value for name, value in shown.items() if value is not None}
        return [event]

    return Wrong(event=change)


def command(kind: str, **changes: Any) -> Wrong:
    """Commands of this type are understood with other fields."""
    return Wrong(
        command=lambda _, said: [{**said, **changes} if said.get("type") == kind else said]
    )


def deaf(kind: str) -> Wrong:
    """Commands of this type are not heard."""
    return Wrong(command=lambda _, said: [] if said.get("type") == kind else [said])


def history(change: Callable[[Line, list[Event]], list[Event]]) -> Wrong:
    """Another page of history."""

    def changed(line: Line, event: Event) -> list[Event]:
        if event["type"] == "history":
            event["history"] = change(line, event["history"])
        return [event]

    return Wrong(event=changed)
