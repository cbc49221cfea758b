"""Puts back the e-mail addresses that Courier wipes.

Courier empties the place where a visitor's address is stored with each event of his that it
takes. It owns what is still to be put back while the database is away; what was told is kept by
the queues' notes, and what is written, by the store.
"""

from typing import Final

from chip.chat.lookups import Lookups
from chip.chat.ports import Notes, Store
from chip.errors import Unavailable
from chip.models import ChatKey
from chip.tasks import Clock, Tasks

PUT_BACK_EVERY: Final = 3.0
"""Seconds between two tries."""
MOST_TO_PUT_BACK: Final = 10_000
"""Addresses that are tried again; beyond that, the visitor's next event brings it back."""


class WipedEmails:
    """The chats whose addresses are to be put back."""

    def __init__(
        self, *, store: Store, notes: Notes, lookups: Lookups, tasks: Tasks, clock: Clock
    ) -> None:
        self._store = store
        self._notes = notes
        self._lookups = lookups
        self._tasks = tasks
        self._clock = clock
        self._waiting: set[ChatKey] = set()

    def put_back(self, chat: ChatKey, email: str) -> None:
        """Courier has just taken something of the chat whose visitor has told this address."""
        self._tasks.spawn("putting an e-mail back", self._put_back(chat, email))

    async def _put_back(self, chat: ChatKey, email: str = "") -> None:
        """This one; or, some time later, what the visitor has told by then."""
        try:
            email = email or await self._notes.email(chat)
            contact = await self._lookups.contact(chat)
            if contact and email:
                await self._store.set_email(contact, email, only_if_empty=True)
        except Unavailable:
            if chat not in self._waiting and len(self._waiting) < MOST_TO_PUT_BACK:
                self._waiting.add(chat)
                # Not a task meanwhile: a stop does not wait for the database.
                self._clock.callLater(PUT_BACK_EVERY, self._again, chat)

    def _again(self, chat: ChatKey) -> None:
        self._waiting.discard(chat)
        self._tasks.spawn("putting an e-mail back", self._put_back(chat))
