"""Pages of what was said before, for visitors who scroll up or come back.

Owns how much of it a chat, an address and a network may have, in bytes: a page is the largest thing
that anybody can ask for with a few of his own.
"""

from collections.abc import Callable
from datetime import datetime
from math import ceil
from typing import Final

from chip.buckets import AddressBuckets, Buckets, take_all
from chip.chat.lookups import Lookups
from chip.chat.ports import Store
from chip.limits import Limits
from chip.models import ChatKey, Contact, HistoryPage
from chip.protocol.commands import CommandError

LEAST_COST: Final = 2048
"""Bytes that a page counts as at least: an empty one is a question to the database, too."""


class History:
    """Reads pages from the store."""

    def __init__(
        self, *, store: Store, lookups: Lookups, seconds: Callable[[], float], limits: Limits
    ) -> None:
        self._store = store
        self._lookups = lookups
        self._seconds = seconds
        self._page_bytes = limits.history_page_bytes
        self._reserved = most = max(limits.history_page_bytes, LEAST_COST)
        self._chats = Buckets(
            limits.history_bytes_per_second, max(limits.history_bytes_burst, most)
        )
        self._addresses = AddressBuckets(
            limits.address_history_bytes_per_second,
            max(limits.address_history_bytes_burst, most),
            limits.addresses_per_network,
        )

    async def page(
        self, chat: ChatKey, contact: Contact | None, before: datetime, address: str
    ) -> tuple[HistoryPage, Contact | None]:
        """A page of the chat, and whose chat it is now: the visitor's first message may have made
        the contact, and RapidPro can move the chat to another one.

        Raises CommandError when the chat or the address has had too much, and Unavailable.
        """
        self._reserve(chat, address)
        cost = LEAST_COST
        try:
            page, contact = await self._read(chat, contact, before)
            cost = max(cost, len(page.messages))
        finally:
            self._chats.give_back(chat, self._reserved - cost)
            self._addresses.give_back(address, self._reserved - cost)
        return page, contact

    def _reserve(self, chat: ChatKey, address: str) -> None:
        """Take what a full page costs: its size is known when it is there, and many may ask at
        once."""
        parts = (self._addresses, address), (self._chats, chat)
        wait = take_all(self._seconds(), *parts, count=self._reserved)
        if wait:
            raise CommandError("rate_limited", "too much history", retry_after=ceil(wait))

    async def _read(
        self, chat: ChatKey, contact: Contact | None, before: datetime
    ) -> tuple[HistoryPage, Contact | None]:
        page = None
        if contact:
            page = await self._store.history(contact, before, self._page_bytes)
        if page is None:
            # The contact is new, or RapidPro has moved the chat to another, or deleted this one.
            contact = await self._lookups.contact(chat, again=True) or contact
        if contact and page is None:
            page = await self._store.history(contact, before, self._page_bytes)
        return page or HistoryPage(b"[]", more=False), contact
