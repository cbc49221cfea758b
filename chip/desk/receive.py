"""Courier's side of the contract, in Courier's place: what Chip reports about visitors.

    → POST /c/chp/{channel}/receive
      {"chat_id":"…","secret":"…","events":[{"type":"chat_started"}]}
      {"chat_id":"…","secret":"…","events":[{"type":"msg_in","msg":{"text":"hello"}}]}
      {"chat_id":"…","secret":"…","events":[{"type":"msg_status","status":{"msg_uuid":"…","status":"delivered"}}]}
    ← 200 {"message":"Events Handled","data":[{"type":"msg","msg_uuid":"…",…}]}
    ← 4xx {"message":"Error","data":[{"type":"error","error":"…"}]}

Events happen in order, and those before one that fails have happened. What they mean at the desk
is told to `Listener`.
"""

import hmac
from typing import Literal, Protocol

import msgspec

from chip.desk.commands import DeskCommands, Heard
from chip.errors import NotFound, Refused, Unavailable
from chip.models import Channel
from chip.web.http.answers import Answer, json_answer
from chip.web.http.request import Request


class ReceivedMsg(msgspec.Struct, frozen=True):
    text: str


class MsgStatus(msgspec.Struct, frozen=True):
    status: Literal["sent", "delivered", "failed"]
    msg_id: int | None = None
    msg_uuid: str | None = None


class ChatStartedEvent(msgspec.Struct, frozen=True, tag="chat_started"):
    """A visitor opened a new chat: there shall be a contact."""


class MsgInEvent(msgspec.Struct, frozen=True, tag="msg_in"):
    """A visitor said something."""

    msg: ReceivedMsg


class MsgStatusEvent(msgspec.Struct, frozen=True, tag="msg_status"):
    """Chip says what became of a message."""

    status: MsgStatus


ReceivedEvent = ChatStartedEvent | MsgInEvent | MsgStatusEvent


class Receive(msgspec.Struct, frozen=True):
    chat_id: str
    secret: str
    events: list[ReceivedEvent]


class Channels(Protocol):
    """Where channels are looked up."""

    async def channel(self, uuid: str) -> Channel | None:
        """The active channel with this uuid."""


class Listener(Protocol):
    """Who hears what happened."""

    def chat_started(self, conversation: int) -> None:
        """A visitor has a chat."""

    def heard(self, conversation: int, said: Heard) -> None:
        """A visitor said something."""

    def reported(self, message: int) -> None:
        """A message's state has changed."""


class Receiver:
    """Everything under ``/c``: of Courier's many handlers, the one for Chip."""

    def __init__(self, channels: Channels, commands: DeskCommands, listener: Listener) -> None:
        self._channels = channels
        self._commands = commands
        self._listener = listener
        self._decoder = msgspec.json.Decoder(Receive)

    async def handle(self, request: Request) -> Answer:
        """Let what Chip reports happen, and answer as Courier does."""
        try:
            return await self._receive(request)
        except Refused as error:
            return _error(str(error), error.status)
        except Unavailable as error:
            return _error(str(error), 503)

    async def _receive(self, request: Request) -> Answer:
        path = request.below
        if len(path) != 3 or path[0] != "chp" or path[2] != "receive":
            raise NotFound("not found")
        if request.method != b"POST":
            return _error("method not allowed", 405).with_headers((b"Allow", b"POST"))
        received = request.decoded(self._decoder)
        channel = await self._channels.channel(path[1])
        if channel is None:
            raise Refused("channel not found")
        secret = channel.secret.encode()
        if not secret or not hmac.compare_digest(secret, received.secret.encode()):
            raise Refused("secret incorrect")
        data = [await self._apply(channel, received.chat_id, one) for one in received.events]
        return json_answer({"message": "Events Handled", "data": data})

    async def _apply(
        self, channel: Channel, chat_id: str, event: ReceivedEvent
    ) -> dict[str, object]:
        if isinstance(event, ChatStartedEvent):
            conversation = await self._commands.start_chat(channel, chat_id)
            self._listener.chat_started(conversation)
            return {"type": "event", "event_type": "new_conversation"}
        if isinstance(event, MsgInEvent):
            conversation, said = await self._commands.hear(channel, chat_id, event.msg.text)
            self._listener.heard(conversation, said)
            return {"type": "msg", "msg_uuid": said.uuid, "text": said.text}
        status = event.status
        found = await self._commands.report(
            channel, chat_id, status.msg_id or 0, status.msg_uuid or "", status.status
        )
        if found is None:
            return {"type": "info", "info": "ignoring status for a message that is not known"}
        self._listener.reported(found[0])
        return {"type": "status", "msg_uuid": found[1], "status": status.status}


def _error(message: str, status: int) -> Answer:
    return json_answer({"message": "Error", "data": [{"type": "error", "error": message}]}, status)
