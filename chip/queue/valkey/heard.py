"""What is said on a chat's channel, and how whoever listens is told (`ports.LiveListener`).

+{"seq":…}             a message was appended to the outbox: its item
-<process> <number>    a message was taken out
=<process> {"ts":…}    the visitor said something: the entry in the spool
!{"type":…}            an event for every connection of the chat
"""

from collections.abc import Iterable

import msgspec
from twisted.logger import Logger

from chip.chat.ports import LiveListener
from chip.models import ChatKey
from chip.protocol.events import MsgEcho, Said, encode_event
from chip.protocol.times import time_of_timestamp
from chip.queue.valkey.entries import parse_item


class _Echo(msgspec.Struct):
    ts: int
    text: str
    ref: str = ""


_echo_decoder = msgspec.json.Decoder(_Echo)


class Hearing:
    """Tells the listener, once there is one, what others than this process have done. `token` is
    this process's own."""

    _log = Logger()

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._listener: LiveListener | None = None

    def listen(self, listener: LiveListener) -> None:
        """Set who hears."""
        self._listener = listener

    def interrupted(self, chats: Iterable[ChatKey] | None = None) -> None:
        """Say that anything may have been missed of these chats, or of all."""
        if self._listener is not None:
            self._listener.interrupted(chats)

    def heard(self, chat: ChatKey, message: bytes) -> None:
        """This was said on the chat's channel."""
        if self._listener is None:
            return
        try:
            self._pass_on(self._listener, chat, message[:1], message[1:])
        except Exception:
            self._log.failure("a live message was not understood")

    def _pass_on(self, listener: LiveListener, chat: ChatKey, kind: bytes, body: bytes) -> None:
        if kind == b"+":
            listener.arrived(chat, parse_item(body))
        elif kind == b"!":
            listener.told(chat, body)
        else:
            process, _, rest = body.partition(b" ")
            if process == self._token:
                return
            if kind == b"-":
                listener.acked(chat, int(rest))
            elif kind == b"=":
                echo = _echo_decoder.decode(rest)
                time = time_of_timestamp(echo.ts / 1000)
                listener.told(
                    chat, encode_event(MsgEcho(Said(text=echo.text, ref=echo.ref, time=time)))
                )
