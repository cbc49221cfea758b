"""The names of everything that Chip keeps in Valkey: the layout, in one place.

``chat:outbox:*`` and ``chat:outboxes`` are shared with other servers of the same contract and must
stay as they are. All else is Chip's own. A chat is written ``<chat id>@<channel uuid>``.

    chat:outbox:<chat>    list    messages waiting for the visitor          lua/items.lua
    chat:outboxes         zset    chat, by the ms timestamp of its oldest message
    chat:damaged:<chat>   list    items of the outbox that cannot be read   30 days
    chat:numbers:<chat>   hash    head, bytes, count, numbered, filled      30 idle days
    chat:sent:<chat>      zset    names of messages, by when they came      duplicate_memory_hours
    chat:spool:<chat>     list    events waiting for Courier                lua/claims.lua
    chat:spools           zset    chat, by when to look at it next
    chat:courier:<chat>   hash    who is at work, what is known             30 idle days
    chat:spool-ages       zset    chat, by the ms timestamp of its oldest event
    chat:spool-totals     hash    events: how many wait; said: those that visitors said
    chat:mark             hash    since when nothing was lost              lua/mark.lua
    chat:balance          hash    what became of all that was ever accepted: see `ports.Balance`
    chat:reports:<chat>   zset    reports on messages, by when they may go  lua/claims.lua
    chat:refs:<chat>      zset    the visitor's own message ids             that and spool_hours
    chat:alive            zset    process, by how long it may be trusted to live
    chat:made:<chat>      string  made a moment ago                         60 s
    chat:email:<chat>     string  the visitor's e-mail                      90 days
    chat:replicated       string  written before each WAIT, where replicas are asked for; a day
    chat:live:<database>:<chat>   a Pub/Sub channel: those ignore the database, so the name has it

In a Cluster, all keys of a partition bear its tag: ``chat:{<tag>}:outboxes``. There is one more,
and one name for what is never there, which scripts are told:

    chat:{<tag>}:partitions   string   how many there are
    chat:{<tag>}:absent                see `Scripts`
"""


class Keys:
    """The names of what is kept in this database: in the partition with this tag, if any."""

    def __init__(self, database: int, tag: bytes = b"") -> None:
        self._prefix = prefix = b"chat:{%b}:" % tag if tag else b"chat:"
        self._live = b"%blive:%d:" % (prefix, database)
        self.outboxes = prefix + b"outboxes"
        self.spools = prefix + b"spools"
        self.alive = prefix + b"alive"
        self.spool_ages = prefix + b"spool-ages"
        self.spool_totals = prefix + b"spool-totals"
        self.balance = prefix + b"balance"
        self.replicated = prefix + b"replicated"
        self.partitions = prefix + b"partitions"
        self.absent = prefix + b"absent" if tag else b""
        self.mark = prefix + b"mark"

    def outbox(self, chat: bytes) -> bytes:
        """The messages that wait for the visitor."""
        return b"%boutbox:%b" % (self._prefix, chat)

    def damaged(self, chat: bytes) -> bytes:
        """The items that cannot be read."""
        return b"%bdamaged:%b" % (self._prefix, chat)

    def numbers(self, chat: bytes) -> bytes:
        """The outbox's numbers and sizes."""
        return b"%bnumbers:%b" % (self._prefix, chat)

    def sent(self, chat: bytes) -> bytes:
        """The messages that came."""
        return b"%bsent:%b" % (self._prefix, chat)

    def made(self, chat: bytes) -> bytes:
        """That the chat was made."""
        return b"%bmade:%b" % (self._prefix, chat)

    def email(self, chat: bytes) -> bytes:
        """The visitor's e-mail."""
        return b"%bemail:%b" % (self._prefix, chat)

    def refs(self, chat: bytes) -> bytes:
        """The visitor's own message ids."""
        return b"%brefs:%b" % (self._prefix, chat)

    def check(self, name: bytes) -> bytes:
        """What a trial of the server writes and takes away."""
        return b"%bcheck:%b" % (self._prefix, name)

    def spool(self, chat: bytes) -> list[bytes]:
        """What a script needs to know who forwards a chat, in the order of ``spool_of``."""
        prefix = self._prefix
        return [
            b"%bspool:%b" % (prefix, chat),
            self.spools,
            b"%bcourier:%b" % (prefix, chat),
            self.alive,
            b"%bemail:%b" % (prefix, chat),
            self.spool_ages,
            self.spool_totals,
            b"%breports:%b" % (prefix, chat),
            self.balance,
        ]

    def messages(self, chat: bytes) -> list[bytes]:
        """What a script needs to put messages into an outbox and to take them out."""
        return [
            self.outbox(chat),
            self.outboxes,
            self.numbers(chat),
            self.sent(chat),
            *self.spool(chat),
        ]

    def live(self, chat: bytes = b"") -> bytes:
        """The Pub/Sub channel of a chat; without one, of nothing at all."""
        return self._live + chat
