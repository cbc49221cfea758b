"""``start_chat``: how a visitor comes back into the chat he knows, or into a new one.

This module owns chat ids: what they look like, and that they come from a CSPRNG, since an id is
the only credential that a visitor has.
"""

import re
import secrets
import string
from math import ceil
from typing import Final, NamedTuple

from twisted.logger import Logger

from chip.buckets import AddressBuckets, Buckets, network_of, take_all
from chip.chat.lookups import Lookups
from chip.chat.outbound.outbound import Outbound
from chip.chat.ports import Notes
from chip.errors import AskedInVain, Unavailable
from chip.limits import Limits
from chip.models import CHAT_ID_FORM, Channel, ChatKey, Contact
from chip.protocol.commands import CommandError
from chip.tasks import Clock, pause
from chip.throttle import LogThrottle

_ALPHABET: Final = string.ascii_letters + string.digits
_CHAT_ID: Final = re.compile(CHAT_ID_FORM)

LOOKS: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0)
"""Seconds to wait before each look whether Courier's new contact can be read."""


CONTACT_WITHIN: Final = 60
"""Seconds within which the contact that Courier makes at a chat's start can be read."""
SILENT_CHAT_KEPT: Final = 90 * 86_400
"""Seconds for which a chat is remembered whose visitor has not said anything yet."""


class Resumed(NamedTuple):
    """A chat that there is, whose it is, and his e-mail. It is nobody's as long as its visitor has
    said nothing, on a channel where the first message makes the contact."""

    chat: ChatKey
    contact: Contact | None
    email: str


def is_chat_id(text: str) -> bool:
    """Whether `text` has the form of a chat id."""
    return _CHAT_ID.fullmatch(text) is not None


def _new_chat_id() -> str:
    # One large number, not 24 small ones: each would ask the kernel for randomness, and again
    # where a draw had to be thrown away to be fair.
    number, letters = secrets.randbelow(len(_ALPHABET) ** 24), []
    for _ in range(24):
        number, place = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[place])
    return "".join(letters)


class ChatStarter:
    """Resumes chats and starts new ones, within what an address may ask for."""

    _log = Logger()

    def __init__(
        self,
        *,
        lookups: Lookups,
        notes: Notes,
        outbound: Outbound,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._lookups = lookups
        self._notes = notes
        self._outbound = outbound
        self._clock = clock
        self._seconds = clock.seconds
        self._throttle = LogThrottle(clock.seconds)
        rate, burst = limits.new_chats_per_minute / 60, limits.new_chats_burst
        self._new_chats = AddressBuckets(rate, burst, limits.addresses_per_network)
        self._channels = Buckets(
            limits.channel_new_chats_per_minute / 60, limits.channel_new_chats_burst
        )

    async def resume(self, channel: Channel, chat_id: str, address: str) -> Resumed | None:
        """The chat of this id and whose it is, or None when there is no such chat.

        Raises Unavailable when nobody can say, and CommandError when this address has asked in
        vain too often.
        """
        chat = ChatKey(chat_id, channel.uuid)
        if not is_chat_id(chat_id):
            return None
        waits = await self._waits_for_a_message(channel, chat)
        asker = None if waits else network_of(address)
        try:
            contact = await self._lookups.contact(chat, again=True, asker=asker)
        except AskedInVain as error:
            wait = error.retry_after
            raise CommandError("rate_limited", "too many unknown chats", retry_after=wait) from None
        if contact is None and not waits:
            return None
        email = contact.email if contact else ""
        return Resumed(chat, contact, email or await self._notes.email(chat))

    def make(self, channel: Channel, address: str) -> ChatKey:
        """A new chat id. Raises CommandError when this address makes too many, or its network, or
        everybody together on this channel."""
        now = self._seconds()
        wait = take_all(now, (self._new_chats, address), (self._channels, channel.uuid))
        if wait:
            if self._channels.wait(channel.uuid, now):
                self._warn("{times} new chats were refused: the channel has too many", channel)
            raise CommandError("rate_limited", "too many new chats", retry_after=ceil(wait))
        return ChatKey(_new_chat_id(), channel.uuid)

    async def start(self, channel: Channel, chat: ChatKey) -> Contact | None:
        """Have Courier make the contact, and wait until it can be read; or remember the chat, where
        the contact is made by the visitor's first message. Raises Unavailable.

        Courier is asked at once, past the spool: until it has answered, the visitor has no chat.
        """
        if not self._outbound.makes_contact_at_start(channel):
            await self._notes.chat_made(chat, SILENT_CHAT_KEPT)
            return None
        await self._notes.chat_made(chat, CONTACT_WITHIN)
        answer = await self._outbound.start_chat(channel, chat)
        if answer.kind != "handled":
            raise Unavailable("no chat can be started now", self._outbound.retry_after)
        for wait in LOOKS:
            if wait:
                await pause(self._clock, wait)
            contact = await self._lookups.contact(chat)
            if contact:
                return contact
        self._warn("Courier has started a chat that cannot be read: is its database ours?", channel)
        raise Unavailable("the new chat cannot be read yet", retry_after=2)

    async def contact(self, chat: ChatKey) -> Contact | None:
        """Whose chat this is by now."""
        return await self._lookups.contact(chat)

    async def _waits_for_a_message(self, channel: Channel, chat: ChatKey) -> bool:
        """Whether this is a chat whose contact is made by the first message, maybe yet to come."""
        made_later = not self._outbound.makes_contact_at_start(channel)
        return made_later and await self._notes.was_chat_made(chat)

    async def start_again(self, channel: Channel, chat: ChatKey) -> Contact | None:
        """`start` for an id of which nobody knows whether Courier has made its contact already."""
        contact = await self._lookups.contact(chat)
        return contact or await self.start(channel, chat)

    def _warn(self, message: str, channel: Channel) -> None:
        if times := self._throttle.times(f"{message} {channel.uuid}"):
            self._log.warn(message, channel=channel.uuid, times=times)
