"""The names of everything that Chip keeps in Valkey: the layout, in one place.

``chat:outbox:*`` and ``chat:outboxes`` are shared with other servers of the same contract and must
stay as they are. All else is Chip's own. A chat is written ``<chat id>@<channel uuid>``.

    chat:outbox:<chat>    list    messages waiting for the visitor          lua/items.lua
    chat:outboxes         zset    chat, by the ms timestamp of its oldest message
    chat:damaged:<chat>   list    items of the outbox that cannot be read   30 days
    chat:numbers:<chat>   hash    head, bytes, count                        30 idle days
    chat:sent:<chat>      zset    names of messages, by when they came      duplicate_memory_hours
    chat:spool:<chat>     list    events waiting for Courier                lua/claims.lua
    chat:spools           zset    chat, by when to look at it next
    chat:courier:<chat>   hash    who is at work, what is known             30 idle days
    chat:spool-ages       zset    chat, by the ms timestamp of its oldest event
    chat:spool-totals     hash    events: how many wait; said: those that visitors said
    chat:balance          hash    what became of all that was ever accepted: see `ports.Balance`
    chat:reports:<chat>   zset    reports on messages, by when they may go  lua/claims.lua
    chat:refs:<chat>      zset    the visitor's own message ids             that and spool_hours
    chat:alive            zset    process, by how long it may be trusted to live
    chat:made:<chat>      string  made a moment ago                         60 s
    chat:email:<chat>     string  the visitor's e-mail                      90 days
    chat:live:<database>:<chat>   a Pub/Sub channel: those ignore the database, so the name has it
"""

from typing import Final

OUTBOXES: Final = b"chat:outboxes"
SPOOLS: Final = b"chat:spools"
ALIVE: Final = b"chat:alive"
SPOOL_AGES: Final = b"chat:spool-ages"
SPOOL_TOTALS: Final = b"chat:spool-totals"
BALANCE: Final = b"chat:balance"


def outbox(chat: bytes) -> bytes:
    return b"chat:outbox:" + chat


def damaged(chat: bytes) -> bytes:
    return b"chat:damaged:" + chat


def numbers(chat: bytes) -> bytes:
    return b"chat:numbers:" + chat


def sent(chat: bytes) -> bytes:
    return b"chat:sent:" + chat


def made(chat: bytes) -> bytes:
    return b"chat:made:" + chat


def email(chat: bytes) -> bytes:
    return b"chat:email:" + chat


def refs(chat: bytes) -> bytes:
    return b"chat:refs:" + chat


def spool(chat: bytes) -> list[bytes]:
    """What a script needs to know who forwards a chat, in the order of ``spool_of``."""
    return [
        b"chat:spool:" + chat,
        SPOOLS,
        b"chat:courier:" + chat,
        ALIVE,
        b"chat:email:" + chat,
        SPOOL_AGES,
        SPOOL_TOTALS,
        b"chat:reports:" + chat,
        BALANCE,
    ]


def messages(chat: bytes) -> list[bytes]:
    """What a script needs to put messages into an outbox and to take them out."""
    return [outbox(chat), OUTBOXES, numbers(chat), sent(chat), *spool(chat)]


def live(database: int, chat: bytes = b"") -> bytes:
    """The Pub/Sub channel of a chat; without one, of nothing at all."""
    return b"chat:live:%d:%b" % (database, chat)
