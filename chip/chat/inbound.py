"""A message from Courier comes in: it is checked, its contact found, and it goes into the outbox.

It owns the checks of a send and their order. Courier fails a message for good when it is told so,
and tries again when it is told that Chip is in trouble; so a refusal is given only for what trying
again cannot mend, and never on the strength of something remembered.
"""

import hmac
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from chip.chat.chat_start import is_chat_id
from chip.chat.hops import HOPS
from chip.chat.joiner import Joiner
from chip.chat.lookups import Lookups
from chip.chat.observer import Observer
from chip.chat.ports import Notes, Outbox, Store
from chip.errors import ChipError, NotFound, QueueFull, Refused, Unavailable
from chip.models import Channel, ChatKey, Contact, MsgName, MsgOut, StoredMessage, User
from chip.protocol.courier_send import SentMsg, decode_send
from chip.protocol.external_send import decode_external_send
from chip.protocol.times import time_of_timestamp
from chip.tasks import Clock, within

LOOKUP_DEADLINE: Final = 1.5
"""Seconds that a message may wait for what is only nice to know of it."""
_SHOWN: Final = 64
"""Characters of a bad chat id that are repeated to whoever sent it."""


class WrongSecret(Refused):
    """The secret is not the channel's."""


class Inbound:
    """Takes messages from Courier."""

    def __init__(
        self,
        *,
        store: Store,
        lookups: Lookups,
        outbox: Outbox,
        notes: Notes,
        clock: Clock,
        now: Callable[[], float],
        observer: Observer,
        joiner: Joiner | None = None,
    ) -> None:
        self._observer = observer
        self._joiner = joiner
        self._store = store
        self._lookups = lookups
        self._outbox = outbox
        self._notes = notes
        self._clock = clock
        self._now = now

    async def accept(
        self,
        channel_uuid: str,
        body: bytes,
        asker: str | None = None,
        proven: Callable[[], object] = lambda: None,
    ) -> None:
        """Put the message in `body` into its chat's outbox; when this returns, it is stored.
        `asker` is who is to blame for lookups in vain (see `Lookups`). `proven` is called when the
        secret was right, whatever becomes of the message.

        A message that was accepted before is accepted again, and not stored twice. Raises Refused
        (`WrongSecret`, `NotFound`) for what will never work, Unavailable for what may work later.
        """
        channel = await self._channel(channel_uuid, asker, external=False)
        try:
            send = decode_send(body)
        except ValueError as error:
            raise Refused(f"error reading request: {error}") from None
        await self._check_secret(channel, send.secret, asker)
        proven()
        contact = await self._contact(channel, send.chat_id)
        if send.msg is None:
            raise Refused("error reading request: msg is missing")
        if not (send.msg.id or send.msg.uuid):
            raise Refused("error reading request: msg has neither id nor uuid")
        user = await self._user(send.msg.user_id)
        chat = ChatKey(send.chat_id, channel.uuid)
        await self._store_message(chat, contact, send.msg, user)

    async def accept_external(
        self,
        external_uuid: str,
        authorization: str,
        body: bytes,
        asker: str | None = None,
        proven: Callable[[], object] = lambda: None,
    ) -> None:
        """The same for a message on an External channel, whose UUID is in the form or
        `external_uuid`. What is shown is all in the message's row, which is there before Courier
        sends it; so further parts of one message add nothing. Where there is no such row, it may be
        there later: Unavailable. Where the channel's Courier has a database that is not seen, all
        there is comes in the form, in parts.
        """
        try:
            send = decode_external_send(body)
        except ValueError as error:
            raise Refused(f"error reading request: {error}") from None
        channel = await self._channel(send.channel or external_uuid, asker, external=True)
        try:
            await self._check_secret(channel, authorization, asker)
            proven()
            if not is_chat_id(send.chat_id):
                raise _bad_contact(send.chat_id, "malformed chat id")
            if channel.courier and self._joiner:
                return await self._joiner.take(channel, send)
            chat = ChatKey(send.chat_id, channel.uuid)
            HOPS.tell("received", chat, (send.name,))
            msg_out = await self._outgoing(chat, send.name)
            await self._append(chat, MsgName(_number(msg_out), msg_out.uuid), msg_out)
        except ChipError as error:
            error.channel = channel.uuid
            raise

    async def _channel(self, uuid: str, asker: str | None, *, external: bool) -> Channel:
        channel = await self._lookups.courier_channel(uuid, external=external, asker=asker)
        if channel is None:
            raise Refused("no such channel")
        return channel

    async def _check_secret(self, channel: Channel, secret: str, asker: str | None) -> None:
        """Accept the channel's secret; for a while after a change the one before, too, since
        Courier remembers a channel for a minute. Raises WrongSecret."""
        if _is_one_of(self._lookups.known_secrets(channel), secret):
            return
        if not _is_one_of(await self._lookups.secrets(channel, asker=asker), secret):
            raise WrongSecret("channel secret incorrect")

    async def _contact(self, channel: Channel, chat_id: str) -> Contact:
        chat = ChatKey(chat_id, channel.uuid)
        if not is_chat_id(chat_id):
            raise _bad_contact(chat_id, "malformed chat id")
        contact = await self._lookups.contact(chat)
        if contact is None:
            if await self._notes.was_chat_made(chat):
                raise Unavailable("the new chat cannot be read yet", retry_after=5)
            raise _bad_contact(chat_id, "no such contact")
        return contact

    async def _user(self, user_id: int | None) -> User | None:
        if not user_id:
            return None
        try:
            user = await within(self._clock, LOOKUP_DEADLINE, self._lookups.user(user_id))
        except Unavailable:
            return None
        if user is None:
            raise NotFound("user not found")
        return user

    async def _store_message(
        self, chat: ChatKey, contact: Contact, msg: SentMsg, user: User | None
    ) -> None:
        HOPS.tell("received", chat, (msg.name,))
        name, time = msg.name, time_of_timestamp(self._now())
        try:
            stored = await within(
                self._clock, LOOKUP_DEADLINE, self._find_message(chat, contact, msg.name)
            )
        except Unavailable:
            stored = None
        if stored:
            name = name._replace(id=stored.id, uuid=stored.uuid)
            time = stored.time
        msg_out = MsgOut(
            id=name.uuid if name.id is None else name.id,
            uuid=name.uuid,
            text=msg.text,
            attachments=msg.attachments or [],
            quick_replies=msg.quick_replies or [],
            origin=msg.origin,
            user=user,
            time=time,
        )
        await self._append(chat, name, msg_out)

    async def _append(self, chat: ChatKey, name: MsgName, msg_out: MsgOut) -> None:
        result = await self._outbox.append(chat, name, msgspec.json.encode(msg_out))
        HOPS.tell("stored", chat, (name,), result)
        self._observer.message("courier", chat.channel_uuid, result)
        if result == "full":
            raise QueueFull("the outbox of this chat is full", retry_after=60)

    async def _find_message(
        self, chat: ChatKey, contact: Contact, name: MsgName
    ) -> StoredMessage | None:
        """The message's row. Where it is not the remembered contact's, whose the chat is now is
        looked up afresh: RapidPro can move it to another contact. Raises Refused when it is
        nobody's any more."""
        stored = await self._store.message(contact, name)
        if stored is not None:
            return stored
        current = await self._lookups.contact(chat, again=True)
        if current is None:
            raise _bad_contact(chat.chat_id, "no such contact")
        return None if current.id == contact.id else await self._store.message(current, name)

    async def _outgoing(self, chat: ChatKey, name: MsgName) -> MsgOut:
        """The message with all that is shown of it. Raises Unavailable where it is not there."""
        for again in (False, True):
            # RapidPro can have moved the chat to another contact since it was looked up.
            contact = await self._lookups.contact(chat, again=again)
            msg_out = await self._store.outgoing(contact, name) if contact else None
            if msg_out:
                return msg_out
        raise Unavailable("the message is not in the database", retry_after=5)


def _number(msg_out: MsgOut) -> int | None:
    return msg_out.id if isinstance(msg_out.id, int) else None


def _bad_contact(chat_id: str, reason: str) -> Refused:
    return Refused(f"error loading contact with chat id {chat_id[:_SHOWN]}: {reason}")


def _is_one_of(secrets: Sequence[str], candidate: str) -> bool:
    """Compares with all of them, each in constant time. A channel without a secret has none that
    could be right."""
    given = candidate.encode()
    matches = [hmac.compare_digest(secret.encode(), given) for secret in secrets]
    return bool(candidate) and any(matches)
