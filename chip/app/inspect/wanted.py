"""What an operator asks about: a message by its id or uuid, or a chat.

34634                                     a message's id
0191e180-7d60-7000-aded-7d8b151cbd5b      a message's uuid
65vbbDAQCdPdEWlEhDGy4utO                  a chat, of whichever channel
65vbbDAQCdPdEWlEhDGy4utO@7d62d551-…       a chat of one channel
65vb…@7d62d551                            a chat as the log names it, if something waits for it
"""

import re
from typing import Final, NamedTuple

from chip.errors import ConfigError
from chip.models import UUID_FORM, MsgName

_FORMS: Final = re.compile(
    rf"(?P<id>[1-9][0-9]{{0,18}})|(?P<uuid>{UUID_FORM})"
    rf"|(?P<chat>[0-9A-Za-z]{{24}})(?:@(?P<channel>{UUID_FORM}))?"
    # Three dots, for whoever has no key for the one sign.
    r"|(?P<start>[0-9A-Za-z]{4})(?:…|\.\.\.)@(?P<channel_start>[0-9a-f]{8})"
)


class WantedChat(NamedTuple):
    """A chat, by its id and its channel, or by the beginnings of both. Without `channel`, it may be
    of any."""

    chat_id: str
    channel: str
    is_whole: bool


def parse_wanted(text: str) -> MsgName | WantedChat:
    """Read what an operator has typed. Raises ConfigError."""
    found = _FORMS.fullmatch(text)
    if found is None:
        raise ConfigError(
            "inspect: expected a message's id or uuid, a chat id, alone or with its channel behind"
            " an @, or a chat as the log names it, like 65vb…@7d62d551"
        )
    if found["id"]:
        return MsgName(int(found["id"]))
    if found["uuid"]:
        return MsgName(uuid=found["uuid"])
    if found["chat"]:
        return WantedChat(found["chat"], found["channel"] or "", is_whole=True)
    return WantedChat(found["start"], found["channel_start"], is_whole=False)
