"""The wire between Chip and Courier, RapidPro's messaging gateway: JSON over HTTP, both ways.

    Courier → Chip   POST /wc/send/{channel}
      {"chat_id":"…","secret":"…","msg":{"id":10,"text":"Hi","origin":"flow","user_id":123,…}}
      ← 200 {"status":"queued"}    4xx: never again    5xx: again later

    Chip → Courier   POST /c/chp/{channel}/receive
      {"chat_id":"…","secret":"…","events":[{"type":"chat_started"}]}
      {"chat_id":"…","secret":"…","events":[{"type":"msg_in","msg":{"text":"hello"}}]}
      {"chat_id":"…","secret":"…","events":[{"type":"msg_status","status":{"msg_id":1,"status":"delivered"}}]}
      ← 200 {"message":"Events Handled","data":[{"type":"msg","msg_uuid":"…"}]}
      ← 4xx {"message":"Error","data":[{"type":"error","error":"…"}]}

Courier up to 10.3.18 names messages by ``id``, later ones by ``uuid``: the two *eras*. Which one a
channel's Courier lives in shows in its latest send, and a status uses the name of that era.
"""

from typing import Annotated, Literal

import msgspec

from chip.models import MsgName, Origin

Era = Literal["id", "uuid"]
DeliveryStatus = Literal["delivered", "failed"]
Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A row's number: 64 bits, with Courier as in every queue."""


class SentMsg(msgspec.Struct, frozen=True, omit_defaults=True):
    """The message in a send. Go leaves empty fields out, or says null."""

    id: Number | None = None
    uuid: str | None = None
    text: str = ""
    attachments: list[str] | None = None
    quick_replies: list[str] | None = None
    origin: Origin = "chat"
    user_id: Number | None = None

    @property
    def name(self) -> MsgName:
        return MsgName(self.id or None, self.uuid or "")

    @property
    def era(self) -> Era:
        return "id" if self.id else "uuid"


class SendRequest(msgspec.Struct, frozen=True):
    """Courier hands over a message for a visitor."""

    chat_id: str = ""
    secret: str = ""
    msg: SentMsg | None = None


class Incoming(msgspec.Struct, frozen=True, tag_field="kind", tag="in", omit_defaults=True):
    """Waiting in the spool: the visitor said something."""

    text: str
    ref: str = ""


class Report(msgspec.Struct, frozen=True, tag_field="kind", tag="status", omit_defaults=True):
    """Waiting in the spool: what became of an outgoing message."""

    status: DeliveryStatus
    id: int | None = None
    uuid: str = ""


SpoolEvent = Incoming | Report

_send_decoder = msgspec.json.Decoder(SendRequest)
_encoder = msgspec.json.Encoder()


def decode_send(body: bytes) -> SendRequest:
    """The send in a request's body. Raises ValueError, whose text names no value."""
    try:
        return _send_decoder.decode(body)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("JSON must be UTF-8") from None


def encode_receive(chat_id: str, secret: str, events: list[dict[str, object]]) -> bytes:
    """The body of a request to Courier."""
    return _encoder.encode({"chat_id": chat_id, "secret": secret, "events": events})


def chat_started_event() -> dict[str, object]:
    return {"type": "chat_started"}


def event_for_courier(event: SpoolEvent, era: Era) -> dict[str, object]:
    """A spooled event in Courier's words, naming a message as Courier of that `era` does.

    Where the name of that era is not known, the other one is better than none.
    """
    if isinstance(event, Incoming):
        return {"type": "msg_in", "msg": {"text": event.text}}
    by_uuid = event.uuid and (era == "uuid" or event.id is None)
    named: dict[str, object] = {"msg_uuid": event.uuid} if by_uuid else {"msg_id": event.id}
    return {"type": "msg_status", "status": {**named, "status": event.status}}
