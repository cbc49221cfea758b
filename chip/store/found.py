"""What a database holds of a chat or a message, for whoever asks what became of it.

No text, no e-mail and no secret is in it.
"""

from typing import NamedTuple

from chip.models import ChatKey


class FoundChat(NamedTuple):
    """A channel on which a contact has this chat."""

    chat: ChatKey
    contact_id: int
    contact_is_active: bool
    channel_is_active: bool


class FoundMessage(NamedTuple):
    """A message's row. `direction` is ``I`` or ``O``, `status` RapidPro's letter, `time` when it
    was created. `chat` is None for a message that is of no webchat."""

    id: int
    uuid: str
    direction: str
    status: str
    time: str
    chat: ChatKey | None
