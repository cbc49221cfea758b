"""What the desk and its page say to each other, as frozen values; their JSON is the wire.

    GET  /desk/api/conversations?search=…&before=…   {"conversations": […], "more": false, …}
    GET  /desk/api/conversations/7                   {"conversation": {…}, "messages": […], …}
    GET  /desk/api/conversations/7?before=120        {"messages": […], "more": false}
    GET  /desk/api/unread                            {"unread": 3}
    POST /desk/api/conversations/7/messages          Reply → {"message": {…}}
    POST /desk/api/conversations/7/read              {"up_to": 123}
    POST /desk/api/conversations/7/name              {"name": "Ada"}
    POST /desk/api/messages/123/retry                {}
    POST /desk/api/settings                          {"guide": false}
    GET  /desk/api/events                            a WebSocket: News (`chip.desk.windows`)

Errors are ``{"error":"…"}``. Messages of a conversation come oldest first.
"""

from typing import Annotated, Literal

import msgspec

from chip.models import UUID_FORM

MessageState = Literal["heard", "queued", "sent", "delivered", "failed"]

LongText = Annotated[str, msgspec.Meta(max_length=10_000)]
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Url = Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^(?i:https?)://[^\s]+$")]
Uuid = Annotated[str, msgspec.Meta(pattern=f"^{UUID_FORM}$")]


class DeskMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a conversation. `author` is ``""`` for a visitor, or who answered."""

    id: int
    uuid: str
    conversation: int
    incoming: bool
    text: str
    attachments: list[str]
    quick_replies: list[str]
    origin: str
    author: str
    state: MessageState
    time: str


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A line in the list. `name` is what the desk calls the visitor, ``""`` if nothing yet. Where
    it is `read_only`, RapidPro answers, not the desk."""

    id: int
    name: str
    email: str
    site: str
    online: bool
    answered: bool
    read_only: bool
    unread: int
    active: str
    started: str
    last: DeskMessage | None


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody at the desk answers. The same `uuid` again is the same reply."""

    uuid: Uuid
    text: LongText = ""
    attachments: Annotated[list[Url], msgspec.Meta(max_length=10)] = []
    quick_replies: Annotated[list[ShortText], msgspec.Meta(max_length=10)] = []
    author: Annotated[str, msgspec.Meta(max_length=60)] = ""


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything up to this message has been seen."""

    up_to: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the desk calls the visitor from now on."""

    name: Annotated[str, msgspec.Meta(max_length=60)]


class DeskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the desk can set: whether the guide answers while nobody is here."""

    guide: bool


class News(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has changed. A page shows what is here in place of what it had by the same id."""

    conversation: Conversation | None = None
    message: DeskMessage | None = None
    settings: DeskSettings | None = None
