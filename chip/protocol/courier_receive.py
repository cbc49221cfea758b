"""What Chip sends to Courier, JSON over HTTP: new chats, visitors' messages, delivery reports.

    → POST /c/chp/{channel}/receive
      {"chat_id":"…","secret":"…","events":[{"type":"chat_started"}]}
      {"chat_id":"…","secret":"…","events":[{"type":"msg_in","msg":{"text":"hello"}}]}
      {"chat_id":"…","secret":"…","events":[{"type":"msg_status","status":{"msg_id":1,"msg_uuid":"…","status":"delivered"}}]}
    ← 200 {"message":"Events Handled","data":[{"type":"msg","msg_uuid":"…"}]}
    ← 4xx {"message":"Error","data":[{"type":"error","error":"…"}]}

A status names its message by id and by uuid where both are known: Couriers up to 10.3.18 read the
one, later ones the other, and each ignores what it does not know.
"""

import re
from collections.abc import Sequence

import msgspec

from chip.models import Incoming, SpoolEvent

_encoder = msgspec.json.Encoder()


def encode_receive(chat_id: str, secret: str, events: Sequence[SpoolEvent]) -> bytes:
    """The body of a request that hands over these events."""
    return _encode(chat_id, secret, [_event(event) for event in events])


def encode_chat_started(chat_id: str, secret: str) -> bytes:
    """The body of the request that makes a new chat's contact."""
    return _encode(chat_id, secret, [{"type": "chat_started"}])


def _encode(chat_id: str, secret: str, events: list[dict[str, object]]) -> bytes:
    return _encoder.encode({"chat_id": chat_id, "secret": secret, "events": events})


def _event(event: SpoolEvent) -> dict[str, object]:
    if isinstance(event, Incoming):
        return {"type": "msg_in", "msg": {"text": event.text}}
    names: dict[str, object] = {}
    if event.id is not None:
        names["msg_id"] = event.id
    if event.uuid:
        names["msg_uuid"] = event.uuid
    return {"type": "msg_status", "status": {**names, "status": event.status}}


class ReceiveResult(msgspec.Struct):
    """What Courier made of one event."""

    type: str = ""
    msg_uuid: str = ""
    error: str = ""


class ReceiveAnswer(msgspec.Struct):
    """What Courier answers to a request, whether it took it or refused it."""

    message: str
    data: list[ReceiveResult] | None = None

    def confirms(self, events: Sequence[SpoolEvent | None]) -> bool:
        """Whether this says that each of `events` was handled: one item for each, and for a
        message one that names it. Nothing else confirms, whatever status it comes with. None
        stands for a ``chat_started``."""
        if self.message != "Events Handled" or self.data is None or len(self.data) != len(events):
            return False
        if any(item.type == "error" for item in self.data):
            return False
        return all(
            (item.type == "msg" and item.msg_uuid) or not isinstance(event, Incoming)
            for item, event in zip(self.data, events, strict=True)
        )

    @property
    def heard(self) -> list[str]:
        """The uuid of each incoming message that Courier has made, in order. The item of a status
        has a uuid as well, that of an outgoing message."""
        return [item.msg_uuid for item in self.data or () if item.type == "msg" and item.msg_uuid]

    @property
    def errors(self) -> list[str]:
        """Courier's reasons for refusing."""
        return [item.error for item in self.data or ()]

    @property
    def is_a_refusal(self) -> bool:
        """Whether Courier speaks so where it does not take something. Gateways and firewalls have
        JSON with a ``message``, too."""
        return self.message in _NO_HANDLER or (self.message == "Error" and bool(self.data))

    @property
    def is_about_the_channel(self) -> bool:
        """Whether a refusal is of the channel, which says nothing about the events that were sent.

        A channel's handler answers with ``Error``. Where this Courier has no handler for channels
        of this type, its router answers.
        """
        return self.message in _NO_HANDLER or any(map(_CHANNEL_ERROR.search, self.errors))


_NO_HANDLER = ("Not Found", "Method Not Allowed")
# The second line is what Go's network, and its driver of PostgreSQL, say: while Courier's database
# is away it looks channels up in vain, and answers 400 in their words.
_CHANNEL_ERROR = re.compile(
    r"^(secret incorrect|channel not found|channel type wrong)$"
    r"|\b(dial tcp|i/o timeout|connection re|broken pipe|bad connection|EOF|pq: |sql: |context )"
)
_answers = msgspec.json.Decoder(ReceiveAnswer)


def decode_answer(body: bytes) -> ReceiveAnswer | None:
    """Courier's answer, or None when `body` is not in the form of one."""
    try:
        return _answers.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
