"""``inspect``: what an operator may ask, and how each answer reads."""

from __future__ import annotations

import pytest

from chip.app.inspect.inspection import Inspection
from chip.app.inspect.lines import MOST_LISTED, contact_lines, queue_lines, span, whereabouts
from chip.app.inspect.wanted import WantedChat, parse_wanted
from chip.errors import ConfigError, Unavailable
from chip.models import ChatKey, MsgName
from chip.queue.snapshot import ChatSnapshot, HeldClaim, Sent, WaitingEvent, WaitingMessage
from chip.store.found import FoundChat, FoundMessage
from tests.support.memory_chip import result_of

CHANNEL = "7d62d551-3030-4100-a260-2d7c4e9693e7"
CHAT = ChatKey("65vbbDAQCdPdEWlEhDGy4utO", CHANNEL)
UUID = "0191e180-7d60-7000-aded-7d8b151cbd5b"
TEN = MsgName(10, UUID)
OUTGOING = FoundMessage(10, UUID, "O", "W", "2024-05-01T17:15:30Z", CHAT)
INCOMING = OUTGOING._replace(direction="I", status="H")
MINUTE = 60_000
NOTHING = ChatSnapshot([], [], [], {}, None, None, 0, 0, 0, None, "", 0)
WAITS = NOTHING._replace(outbox=[WaitingMessage(TEN, MINUTE)])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("34634", MsgName(34634)),
        (UUID, MsgName(uuid=UUID)),
        (CHAT.chat_id, WantedChat(CHAT.chat_id, "", True)),
        (str(CHAT), WantedChat(CHAT.chat_id, CHANNEL, True)),
        ("1" * 24, WantedChat("1" * 24, "", True)),
        ("65vb…@7d62d551", WantedChat("65vb", "7d62d551", False)),
        ("65vb...@7d62d551", WantedChat("65vb", "7d62d551", False)),
        (CHAT.label, WantedChat("65vb", "7d62d551", False)),
    ],
)
def test_what_may_be_asked_about(typed, meant):
    assert parse_wanted(typed) == meant


@pytest.mark.parametrize(
    "typed",
    ["", "0", "-1", "m10", "65vb", "1" * 20, UUID.upper(), f"{CHAT.chat_id}@7d62d551", "65vb*@*"],
)
def test_anything_else_is_refused_with_what_is_expected(typed):
    with pytest.raises(ConfigError, match="a message's id or uuid, a chat id"):
        parse_wanted(typed)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-5, "0 s"),
        (400, "0 s"),
        (40_000, "40 s"),
        (184_000, "3 min 4 s"),
        (180_000, "3 min"),
        (7_500_000, "2 h 5 min"),
        (86_401_000, "1 d"),
    ],
)
def test_a_length_of_time_is_told_in_two_units_at_most(ms, text):
    assert span(ms) == text


WAITING = WaitingMessage(TEN, 3 * MINUTE)
REPORT = WaitingEvent("delivered", 2000, name=MsgName(10, UUID))
SENT = {"m10": Sent(handed_over=3 * MINUTE)}
ACKED = {"m10": Sent(handed_over=3 * MINUTE, delivered=MINUTE)}
GIVEN_UP = {f"m{UUID}": Sent(failed=MINUTE)}


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (
            NOTHING._replace(outbox=[WaitingMessage(MsgName(9), 0), WAITING], sent=SENT),
            "waits for its visitor, 2 of 2, for 3 min; last handed over by Courier 3 min ago",
        ),
        (
            NOTHING._replace(reports=[REPORT._replace(ready_in=1200)]),
            "delivered; the report rests, and may go in 1 s",
        ),
        (
            NOTHING._replace(spool=[WaitingEvent("said", 5000, ref="c1"), REPORT]),
            "delivered; the report waits for Courier, 2 of 2, for 2 s",
        ),
        (
            NOTHING._replace(sent=ACKED),
            "acknowledged 1 min ago; Courier has taken the report;"
            " last handed over by Courier 3 min ago",
        ),
        (NOTHING._replace(sent=GIVEN_UP), "given up 1 min ago; Courier has taken the report"),
        (
            NOTHING._replace(sent=SENT),
            "waits no more, and no report was left: another program has taken it out;"
            " last handed over by Courier 3 min ago",
        ),
        (
            NOTHING,
            "not here: Courier has not handed it over, or that is longer ago than is remembered",
        ),
    ],
)
def test_where_a_message_to_the_visitor_is(seen, text):
    assert whereabouts(OUTGOING, seen) == f"now      {text}"


def test_where_a_message_of_the_visitor_is():
    assert "Courier has it; nothing" in whereabouts(INCOMING, NOTHING)
    confirmed = NOTHING._replace(last_confirmed=UUID)
    assert "the last one that it has confirmed" in whereabouts(INCOMING, confirmed)


def test_a_chat_with_everything():
    seen = ChatSnapshot(
        outbox=[WAITING, WaitingMessage(MsgName(), 1000)],
        spool=[WaitingEvent("said", 40_000, ref="c\n1"), REPORT],
        reports=[WaitingEvent("failed", 0, name=MsgName(11), ready_in=1200)],
        sent=SENT,
        claim=HeldClaim("1a2b", 3000, is_alive=True, under_way=2),
        due_in=28_000,
        tries=2,
        failing_for=38_000,
        unknown=1,
        reason="status 502, not from Courier",
        last_confirmed="uuid-1",
        listeners=1,
    )
    assert list(queue_lines(seen)) == [
        "open     in 1 process",
        "outbox   2 messages wait for the visitor",
        f"           10, uuid {UUID}, for 3 min",
        "           one that cannot be read, for 1 s",
        "spool    2 events wait for Courier",
        "           said, ref 'c\\n1', for 40 s",
        f"           delivered 10, uuid {UUID}, for 2 s",
        "reports  1 rests before going to the spool",
        "           failed 11, for 1 s more",
        "claim    held by process 1a2b (alive) for 3 s, 2 events under way",
        "attempt  the last one ended: status 502, not from Courier; 2 tries failed in 38 s;"
        " 1 event may have arrived; the last message that Courier confirmed is uuid-1",
    ]


def test_a_chat_with_nothing():
    assert list(queue_lines(NOTHING)) == [
        "open     nowhere",
        "outbox   0 messages wait for the visitor",
        "spool    0 events wait for Courier",
        "reports  0 rest before going to the spool",
        "claim    held by nobody",
        "attempt  none is known of",
    ]


def test_a_chat_that_is_due_says_since_when_or_how_soon():
    assert "claim    held by nobody, due in 5 s" in queue_lines(NOTHING._replace(due_in=5000))
    assert "claim    held by nobody, due for 5 s" in queue_lines(NOTHING._replace(due_in=-5000))


def test_of_very_many_only_some_are_listed():
    lines = list(queue_lines(NOTHING._replace(outbox=[WAITING] * (MOST_LISTED + 5))))
    assert lines[2 + MOST_LISTED] == "           and 5 more"


def test_whose_chat_it_is():
    found = FoundChat(CHAT, 7, contact_is_active=True, channel_is_active=True)
    chat = f"chat     65vb…@7d62d551, channel {CHANNEL}"
    assert list(contact_lines(CHAT, found)) == [chat, "contact  7"]
    gone = found._replace(contact_is_active=False, channel_is_active=False)
    assert list(contact_lines(CHAT, gone))[1] == "contact  7, deleted; the channel is not active"
    assert list(contact_lines(CHAT, None))[1] == "contact  none has this chat on this channel"


# What one source refuses, though it could be opened.


class Source:
    """The queues, or the records. What is None cannot be read."""

    def __init__(self, snapshot=NOTHING, chats=(), message=OUTGOING):
        self.snapshot, self.found, self.row = snapshot, chats, message

    async def take(self, chat):
        return self._known(self.snapshot)

    async def waiting(self, chat_id, channel_uuid):
        return [CHAT] if self._known(self.snapshot) else []

    async def chats(self, chat_id):
        return list(self._known(self.found))

    async def message(self, name):
        return self._known(self.row)

    def _known(self, answer):
        if answer is None:
            raise Unavailable("the database refuses")
        return answer


def told(queues, records, wanted):
    """What is said, and what is complained of."""
    said, troubles = [], []
    inspection = Inspection(queues, records, said.append, troubles)
    asked = parse_wanted(wanted)
    ask = inspection.chat if isinstance(asked, WantedChat) else inspection.message
    assert result_of(ask(asked)) == bool(said)
    return said, [str(trouble) for trouble in troubles]


def test_queues_are_told_of_though_the_database_refuses_a_question():
    said, troubles = told(Source(WAITS), Source(chats=None), str(CHAT))
    assert "outbox   1 message waits for the visitor" in said
    assert not any(line.startswith("contact") for line in said)
    assert set(troubles) == {"the database refuses"}


def test_a_row_is_told_of_though_the_queues_refuse_a_question():
    known = FoundChat(CHAT, 7, contact_is_active=True, channel_is_active=True)
    said, troubles = told(Source(None), Source(chats=[known]), "10")
    assert any(line.startswith("row      to the visitor") for line in said)
    assert "contact  7" in said
    assert set(troubles) == {"the database refuses"}
