"""What Courier sends to Chip, JSON over HTTP: a message for a visitor.

    → POST /wc/send/{channel}
      {"chat_id":"…","secret":"…","msg":{"id":10,"text":"Hi","origin":"flow","user_id":123,…}}
    ← 200 {"status":"queued"}    4xx: Courier fails the message    5xx: Courier tries again

Courier up to 10.3.18 names the message by ``id``, later ones by ``uuid``.
"""

from typing import Annotated

import msgspec

from chip.errors import without_values
from chip.models import MsgName, Origin

Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A row's id: 64 bits, in Courier and in every queue."""


class SentMsg(msgspec.Struct, frozen=True, omit_defaults=True):
    """The message. Courier, written in Go, leaves empty fields out or sends null."""

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


class SendRequest(msgspec.Struct, frozen=True):
    """Courier hands over a message for a visitor."""

    chat_id: str = ""
    secret: str = ""
    msg: SentMsg | None = None


_decoder = msgspec.json.Decoder(SendRequest)


def decode_send(body: bytes) -> SendRequest:
    """The message in a request's body. Raises ValueError, whose text quotes nothing of it."""
    try:
        return _decoder.decode(body)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("JSON must be UTF-8") from None
    except msgspec.DecodeError as error:
        raise ValueError(without_values(error)) from None
