"""What a server can get wrong in particular over HTTP, with Courier or with a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

from chip_conformance.http import Answer, Request, json_answer
from chip_conformance.target import NOBODYS
from tests.conformance.wrong_server import WrongServer


def sent(request: Request) -> Any:
    """What a send says: JSON, or the fields of a form."""
    if not request.path.startswith(("/wc/send", "/wc/external")) or request.method != "POST":
        return None
    try:
        return json.loads(request.body)
    except ValueError:
        return parse_qs(request.body.decode(errors="replace"), keep_blank_values=True)


def saying(request: Request, fields: Any) -> Request:
    """The same request with another body."""
    form = "quick_reply" in fields or "to" in fields
    written = urlencode(fields, doseq=True) if form else json.dumps(fields)
    return request._replace(body=written.encode())


def is_report(request: Request) -> bool:
    """Whether Courier is told what became of a message."""
    return b"msg_status" in request.body or request.path.endswith(("/delivered", "/failed"))


def confirmed(request: Request) -> Answer:
    """An answer that confirms whatever Courier is told."""
    kind = "status" if is_report(request) else "msg"
    events = len(json.loads(request.body)["events"]) if request.body[:1] == b"{" else 1
    heading = "Status Update Accepted" if kind == "status" else "Message Accepted"
    data = [{"type": kind, "msg_uuid": NOBODYS}] * events
    return json_answer(200, {"message": heading, "data": data})


def chooses_compression(_: WrongServer, request: Request, answer: Answer) -> Answer:
    offered = any(name.lower() == "sec-websocket-extensions" for name in request.headers)
    more = {"sec-websocket-extensions": "permessage-deflate"} if offered else {}
    return answer._replace(headers={**answer.headers, **more})


def lower_case(request: Request) -> Request:
    return request._replace(path=request.path.lower())


def one_slash(request: Request) -> Request:
    return request._replace(path=request.path.replace("//", "/"))


def speaks_first(_: WrongServer, told: Request) -> list[Request]:
    empty = told._replace(body=told.body.partition(b"&text=")[0] + b"&text=")
    return [empty, told] if b"&text=" in told.body else [told]


def tells_of_a_new_chat(_: WrongServer, told: Request) -> list[Request]:
    return [told, told] if b"chat_started" in told.body else [told]


def trims(_: WrongServer, told: Request) -> list[Request]:
    return [told._replace(body=told.body.replace(b"%0A", b"").replace(b"\\n", b""))]


def as_text(_: WrongServer, told: Request) -> list[Request]:
    return [told._replace(headers={**told.headers, "content-type": "text/plain"})]


def takes_all_for_confirmed(server: WrongServer, told: Request, heard: Answer) -> Answer:
    if "location" in heard.headers:
        server.tell_courier(Request("GET", heard.headers["location"]))
    return confirmed(told)


def new_names(request: Request) -> Request:
    """A server without a memory for names."""
    fields = sent(request)
    if fields is None:
        return request
    fresh = str(id(request) + 10**9)
    if "msg" in fields:
        return saying(request, {**fields, "msg": {**fields["msg"], "id": int(fresh)}})
    return saying(request, {**fields, "id": fresh})


def by_words(memory: dict[str, Any]) -> Callable[[Request], Request | Answer]:
    """A server that takes the same words for the same message."""

    def request(request: Request) -> Request | Answer:
        fields = sent(request)
        words = str(fields and fields.get("msg", fields).get("text"))
        if fields is None or memory.setdefault(words, request) is request:
            return request
        return json_answer(200, {"status": "queued"})

    return request


def report_of(server: WrongServer, name: Any) -> Request:
    """What tells Courier that a message was delivered, on an External channel."""
    place = server.memory["receive"].replace("/receive", "/delivered")
    form = {"content-type": "application/x-www-form-urlencoded"}
    return Request("POST", place, form, urlencode({"id": name}).encode())


def reports_before_the_answer(server: WrongServer, request: Request, answer: Answer) -> Answer:
    if fields := sent(request):
        server.tell_courier(report_of(server, fields["id"][0]))
    return answer


def reports_twice(_: WrongServer, told: Request) -> list[Request]:
    return [told, told] if is_report(told) else [told]


def reports_once(server: WrongServer, told: Request) -> list[Request] | Answer:
    if not is_report(told) or server.memory.setdefault(told.body, told) is told:
        return [told]
    return confirmed(told)


def waits_for_the_report(server: WrongServer, told: Request) -> list[Request] | Answer:
    if is_report(told):
        server.memory["reported"] = True
    elif not server.memory.get("reported"):
        return json_answer(503, {"message": "Error", "data": []})
    return [told]


def any_secret(request: Request) -> Request:
    fields = sent(request)
    return saying(request, {**fields, "secret": "sesame"}) if fields else request


def without_user(request: Request) -> Request:
    fields = sent(request)
    if fields and isinstance(fields.get("msg"), dict):
        fields["msg"].pop("user_id", None)
        return saying(request, fields)
    return request


def refuses_nulls(request: Request) -> Request | Answer:
    return json_answer(400, {"error": "null"}) if b": null" in request.body else request


def any_content_type(request: Request) -> Request:
    if not request.path.startswith("/wc/external"):
        return request
    form = {"content-type": "application/x-www-form-urlencoded"}
    return request._replace(headers={**request.headers, **form})


def any_authorization(request: Request) -> Request:
    if not request.path.startswith("/wc/external"):
        return request
    return request._replace(headers={**request.headers, "authorization": "Bearer sesame"})


def loses_patience(memory: dict[str, Any]) -> Callable[[WrongServer, Request, Answer], Answer]:
    def answer(_: WrongServer, __: Request, answer: Answer) -> Answer:
        memory["wrong"] = memory.get("wrong", 0) + (answer.status == 400)
        return answer._replace(status=429) if memory["wrong"] > 5 else answer

    return answer


def only_old_answers(_: WrongServer, request: Request, answer: Answer) -> Answer:
    old = request.path.startswith("/wc/availability") or answer.status == 426
    return answer._replace(status=404) if old else answer
