"""The server that is looked at, and how Courier speaks on its channel.

A channel is of one of two kinds. What Courier sends to the server, and what it is told by it, means
the same on both, in other words:

    webchat    POST /wc/send/{channel}   JSON       POST /c/chp/{channel}/receive   JSON
    External   POST /wc/external         a form     POST /c/ex/{channel}/receive    a form
"""

import itertools
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qs, urlencode

from chip_conformance.http import PATIENCE, Answer, Request, ask, json_answer

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
NOBODYS: Final = "00000000-0000-4000-8000-000000000000"
"""The UUID of a channel and a message that there are not."""
CHAT_ID: Final = "[a-zA-Z0-9]{24}"
"""How a chat id is written, as a regular expression."""
# Larger than any server has counted to, and others in every run.
_numbers = itertools.count(secrets.randbelow(2**50) + 2**40)


def number() -> int:
    """A message's id that no message had before."""
    return next(_numbers)


def stranger() -> str:
    """A chat id that no visitor has."""
    return secrets.token_hex(12)


class Message(NamedTuple):
    """What Courier sends. `names` are the values by which the server may call it."""

    chat: str
    text: str
    id: int | None = None
    uuid: str = ""
    quick_replies: Sequence[str] = ()
    attachments: Sequence[str] = ()

    @property
    def names(self) -> set[str]:
        """Its id and its uuid, as far as it has them."""
        return {str(name) for name in (self.id, self.uuid) if name}


class Heard(NamedTuple):
    """One thing that the server told Courier: of a new chat, of what a visitor said, or what became
    of a message. `secret` is what came with it, `names` are those of the message."""

    kind: str
    chat: str = ""
    text: str = ""
    names: frozenset[str] = frozenset()
    secret: str = ""


class Channel(Protocol):
    """How Courier speaks on a channel. `page` is what web pages call it."""

    page: str
    kind: str
    receive: str

    def new(self, chat: str, text: str, **more: Any) -> Message:
        """A message with a name of its own."""

    def request(self, message: Message) -> Request:
        """What hands a message over."""

    def wrong(self, message: Message) -> Request:
        """The same with a wrong secret."""

    def read(self, request: Request) -> list[Heard] | None:
        """What the server tells Courier by a request; None where that is not for this channel."""

    def handled(self, heard: Sequence[Heard]) -> Answer:
        """Courier's word that it has handled all that."""

    def refused(self) -> Answer:
        """Courier's word that it will never handle it."""


@dataclass(frozen=True, kw_only=True)
class Webchat:
    """A channel of type CHP."""

    page: str
    secret: str
    kind: str = field(default="webchat", init=False)

    @property
    def receive(self) -> str:
        """The path at Courier."""
        return f"/c/chp/{self.page}/receive"

    def new(self, chat: str, text: str, **more: Any) -> Message:
        return Message(chat, text, **{"id": number(), **more})

    def request(self, message: Message) -> Request:
        body: dict[str, Any] = {"text": message.text, "origin": "chat"}
        for name in ("id", "uuid", "quick_replies", "attachments"):
            if value := getattr(message, name):
                body[name] = value
        return self.post({"chat_id": message.chat, "secret": self.secret, "msg": body})

    def wrong(self, message: Message) -> Request:
        body = json.loads(self.request(message).body)
        return self.post({**body, "secret": "wrong"})

    def post(self, body: object) -> Request:
        """A request with any body; bytes are sent as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Request("POST", f"/wc/send/{self.page}", {"content-type": JSON}, raw)

    def read(self, request: Request) -> list[Heard] | None:
        if request.path.rstrip("/") != self.receive or request.method != "POST":
            return None
        body = json.loads(request.body)
        return [_event(event, body["chat_id"], body["secret"]) for event in body["events"]]

    def handled(self, heard: Sequence[Heard]) -> Answer:
        return json_answer(200, {"message": "Events Handled", "data": [*map(_result, heard)]})

    def refused(self) -> Answer:
        data = [{"type": "error", "error": "event not supported"}]
        return json_answer(400, {"message": "Error", "data": data})


def _event(event: Mapping[str, Any], chat: str, secret: str) -> Heard:
    if event["type"] == "msg_in":
        return Heard("msg_in", chat, event["msg"]["text"], secret=secret)
    if event["type"] == "msg_status":
        status = event["status"]
        names = {str(status[name]) for name in ("msg_id", "msg_uuid") if status.get(name)}
        return Heard(status["status"], chat, names=frozenset(names), secret=secret)
    return Heard(event["type"], chat, secret=secret)


@dataclass(frozen=True, kw_only=True)
class External:
    """A channel of type EX. `page` is its public id, `uuid` what Courier calls it."""

    page: str
    uuid: str
    authorization: str
    kind: str = field(default="External", init=False)

    @property
    def receive(self) -> str:
        """The path at Courier."""
        return f"/c/ex/{self.uuid}/receive"

    def new(self, chat: str, text: str, **more: Any) -> Message:
        return Message(chat, text, **{"uuid": str(uuid.uuid4()), **more})

    def request(self, message: Message) -> Request:
        return self.post(self.form(message))

    def wrong(self, message: Message) -> Request:
        return self.post(self.form(message), authorization="wrong")

    def form(self, message: Message) -> dict[str, Any]:
        """The fields of a message. Attachments are lines of the text."""
        urls = [attachment.partition(":")[2] for attachment in message.attachments]
        return {
            "id": message.uuid or message.id,
            "to": message.chat,
            "text": "\n".join([message.text, *urls]),
            "channel": self.uuid,
            "quick_reply": message.quick_replies,
        }

    def post(
        self,
        fields: Mapping[str, Any],
        *,
        authorization: str | None = None,
        path: str = "/wc/external",
        content_type: str = FORM,
    ) -> Request:
        """A request with any fields."""
        headers = {
            "content-type": content_type,
            "authorization": self.authorization if authorization is None else authorization,
        }
        return Request("POST", path, headers, urlencode(fields, doseq=True).encode())

    def read(self, request: Request) -> list[Heard] | None:
        where, _, what = request.path.rstrip("/").rpartition("/")
        if where != self.receive.removesuffix("/receive") or request.method != "POST":
            return None
        fields = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if what != "receive":
            return [Heard(what, names=frozenset({fields.get("id", "")}))]
        if "from" not in fields:
            return []
        return [Heard("msg_in", fields["from"], fields.get("text", ""))]

    def handled(self, heard: Sequence[Heard]) -> Answer:
        if not heard:
            return self._error("must have one of 'sender' or 'from' set")
        said = heard[0].kind == "msg_in"
        message = "Message Accepted" if said else "Status Update Accepted"
        return json_answer(200, {"message": message, "data": [_result(heard[0])]})

    def refused(self) -> Answer:
        return self._error("invalid path component")

    def _error(self, text: str) -> Answer:
        data = [{"type": "error", "error": text}]
        return json_answer(400, {"message": "Error", "data": data})


def _result(heard: Heard) -> dict[str, str]:
    """What Courier says that it made of an event."""
    if heard.kind == "msg_in":
        return {"type": "msg", "msg_uuid": str(uuid.uuid4()), "text": heard.text}
    return {"type": "event" if heard.kind == "chat_started" else "status"}


@dataclass(frozen=True)
class Target:
    """The server. `channel` is one of its own; `knows_secret` says whether messages can be sent.
    `patience` is how many seconds it has for anything."""

    url: str
    channel: Webchat | External
    knows_secret: bool = True
    patience: float = PATIENCE

    async def ask(self, method: str, path: str, **headers: str) -> Answer:
        """The answer to a request without a body. In names of headers "_" stands for "-"."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await ask(self.url, Request(method, path, named), self.patience)

    async def post(self, request: Request) -> Answer:
        """The answer to a request of Courier's."""
        return await ask(self.url, request, self.patience)
