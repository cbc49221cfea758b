"""Finding chats and messages in the embedded store by what an operator knows of them.

Functions for a transaction that only reads.
"""

from sqlite3 import Connection

from chip.models import ChatKey, MsgName
from chip.sqlite.values import stored_number, time_text
from chip.store.found import FoundChat, FoundMessage


def find_chats(connection: Connection, chat_id: str) -> list[FoundChat]:
    """The contacts that have this chat, with their channels."""
    rows = connection.execute(
        "SELECT contact.id, channel.uuid, channel.is_active FROM contact"
        " JOIN channel ON channel.uuid = contact.channel_uuid WHERE contact.chat_id = ?",
        (chat_id,),
    )
    return [
        FoundChat(ChatKey(chat_id, uuid), contact, True, bool(is_active))
        for contact, uuid, is_active in rows
    ]


def find_message(connection: Connection, name: MsgName) -> FoundMessage | None:
    """The message with this id, or with this uuid."""
    row = connection.execute(
        "SELECT message.id, uuid, direction, status, message.created_on, chat_id, channel_uuid"
        " FROM message JOIN contact ON contact.id = contact_id WHERE message.id = ? OR uuid = ?",
        (stored_number(name.id), name.uuid),
    ).fetchone()
    if row is None:
        return None
    number, uuid, direction, status, created_on, chat_id, channel_uuid = row
    chat = ChatKey(chat_id, channel_uuid)
    return FoundMessage(number, uuid, direction, status, time_text(created_on), chat)
