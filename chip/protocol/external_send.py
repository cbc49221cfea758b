"""What Courier sends to Chip on an External channel, as a form over HTTP: a message for a visitor.

    → POST /wc/external          Authorization: …
      id=10&to=CHAT-ID&text=Hi&channel=UUID&quick_reply=Yes&quick_reply=No
    ← 200 {"status":"queued"}    4xx: Courier fails the message    5xx: Courier tries again

`id` is a number with Couriers up to 10.3.20, a UUID with later ones. A long text comes in several
requests with one id. Courier fills in a template that the channel has; as JSON, what a visitor has
written could become a part of it.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from chip.models import UUID_FORM, MsgName

MAX_FIELDS: Final = 200
"""Fields of a form; RapidPro allows ten quick replies."""
_UUID: Final = re.compile(UUID_FORM)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


class ExternalSend(NamedTuple):
    """Courier hands over a message, or a part of one. `channel` is ``""`` where it is not named."""

    name: MsgName
    chat_id: str
    channel: str
    text: str
    quick_replies: list[str]


def decode_external_send(body: bytes) -> ExternalSend:
    """The message in a form. Raises ValueError, whose text quotes nothing of it."""
    try:
        fields = parse_qs(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except UnicodeDecodeError:
        raise ValueError("the form must be UTF-8") from None
    except ValueError:
        raise ValueError(f"the form has more than {MAX_FIELDS} fields") from None
    return ExternalSend(
        _name(_only(fields, "id")),
        _only(fields, "to"),
        _only(fields, "channel").lower(),
        _only(fields, "text"),
        fields.get("quick_reply", []),
    )


def _only(fields: dict[str, list[str]], name: str) -> str:
    """The value of a field; ``""`` without one. Raises ValueError when there are several."""
    values = fields.get(name, [""])
    if len(values) > 1:
        raise ValueError(f"the form has {name} more than once")
    return values[0]


def _name(text: str) -> MsgName:
    if _NUMBER.fullmatch(text) and int(text) < 2**63:
        return MsgName(id=int(text))
    if _UUID.fullmatch(text.lower()):
        return MsgName(uuid=text.lower())
    raise ValueError("id is neither a number nor a UUID: is the channel's body as recommended?")
