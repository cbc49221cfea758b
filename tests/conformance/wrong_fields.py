"""What a server can get wrong in general: a status, a field, a command that it does not hear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chip_conformance.http import Answer, Request
from tests.conformance.wrong_server import Event, Line, Wrong, WrongServer


def status(was: int, now: int, path: str = "") -> Wrong:
    """Another status than this one, for paths that begin like this."""

    def answer(_: WrongServer, request: Request, answer: Answer) -> Answer:
        hit = answer.status == was and request.path.startswith(path)
        return answer._replace(status=now) if hit else answer

    return Wrong(answer=answer)


def body(path: str, now: bytes) -> Wrong:
    """Another body for paths that begin like this."""
    return Wrong(
        answer=lambda _, request, answer: (
            answer._replace(body=now) if request.path.startswith(path) else answer
        )
    )


def without_header(name: str) -> Wrong:
    return Wrong(
        answer=lambda _, __, answer: answer._replace(
            headers={key: value for key, value in answer.headers.items() if key != name}
        )
    )


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
