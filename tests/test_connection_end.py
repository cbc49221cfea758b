"""The visitor's socket: when it is closed, by whom, and what is logged and counted then."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.logger import globalLogPublisher

from chip.web.connect import DRAIN_PER_SECOND
from tests.support.connect_rig import ConnectRig
from tests.support.web import CHAT, masked
from tests.support.websocket import CLOSE

# A chat has to begin.


def test_a_visitor_who_starts_no_chat_is_closed_after_10_seconds():
    rig = ConnectRig()
    wire = rig.upgraded()
    wire.answer()
    rig.passes(9.9)
    assert wire.close_code() is None
    rig.passes(0.2)
    assert wire.close_code() == 4001


def test_asking_whether_anybody_is_there_starts_no_chat():
    rig = ConnectRig()
    wire = rig.upgraded()
    wire.answer()
    rig.passes(9)
    wire.says(masked(b'{"type":"ping","x":1}'))
    rig.server.sessions[0].pings = 1
    rig.passes(1.2)
    assert wire.close_code() == 4001


def test_a_visitor_in_a_chat_stays():
    rig = ConnectRig()
    wire = rig.upgraded()
    wire.answer()
    rig.server.sessions[0].chat = CHAT
    rig.passes(25)
    assert wire.close_code() is None


def test_a_chat_that_takes_long_to_start_is_waited_for():
    rig = ConnectRig()
    wire = rig.upgraded()
    wire.answer()
    wire.says(masked(b'{"type":"start_chat"}'))
    rig.passes(28)
    assert wire.close_code() is None
    rig.server.sessions[0].chat = CHAT
    assert wire.is_open


def test_a_visitor_whose_chat_could_not_start_may_try_again_and_must():
    rig = ConnectRig()
    wire = rig.upgraded()
    wire.answer()
    session = rig.server.sessions[0]
    wire.says(masked(b'{"type":"start_chat"}'))
    session.errors += 1
    rig.passes(19.9)
    assert wire.close_code() is None
    rig.passes(0.5)
    assert wire.close_code() == 4001


class Lines:
    """The log lines of the web layer, as they were logged."""

    def __enter__(self) -> list[dict[str, Any]]:
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self._note)
        return self.events

    def __exit__(self, *_: object) -> None:
        globalLogPublisher.removeObserver(self._note)

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("log_namespace", "").startswith("chip.web"):
            self.events.append(event)


# Goodbyes.


def test_a_closed_connection_is_one_log_line_with_its_counters():
    rig = ConnectRig()
    wire = rig.upgraded()
    wire.answer()
    session = rig.server.sessions[0]
    session.chat, session.events_sent, session.errors = CHAT, 3, 1
    wire.says(masked(b"secret words"))
    session.client.send(b"secret answer")
    rig.clock.advance(12.34)
    with Lines() as lines:
        wire.leaves()
    [line] = lines
    assert {name: line[name] for name in ("connection", "code", "chat", "seconds")} == {
        "connection": "s1",
        "code": 1006,
        "chat": "65vb…@7d62d551",
        "seconds": 12.3,
    }
    assert (line["commands"], line["errors"], line["events"]) == (1, 1, 3)
    assert (line["bytes_in"], line["bytes_out"]) == (18, 15)
    shown = " ".join(str(value) for value in line.values())
    assert "secret" not in shown
    assert CHAT.chat_id not in shown
    assert rig.counts.codes == [1006]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (masked(b"\x03\xe8", opcode=CLOSE), 1000),
        (masked(b"\x03\xe9", opcode=CLOSE), 1001),
        (masked(b"", opcode=CLOSE), 1005),
        (masked(b"\xff"), 1007),
    ],
)
def test_the_code_that_is_logged_is_ours_or_else_the_peers(said, code):
    rig = ConnectRig()
    wire = rig.upgraded()
    wire.answer()
    wire.says(said)
    rig.passes(1)
    assert rig.counts.codes == [code]


def test_stopping_tells_everybody_to_come_back_spread_over_a_while():
    rig = ConnectRig({"connects_burst": 1000, "sockets_per_address": 1000})
    wires = [rig.upgraded() for _ in range(40)]
    for wire in wires:
        wire.answer()
    done = ensureDeferred(rig.site.drain(10))
    told: list[int] = []
    for _ in range(16):
        rig.clock.advance(1 / 64)
        now = [wire for wire in wires if wire.is_open and wire.close_code() == 1012]
        told.append(len(now))
        for wire in now:
            wire.says(masked(b"\x03\xf4", opcode=CLOSE))
    assert (max(told), sum(told)) == (10, 40)
    assert done.called
    assert rig.counts.codes == [1012] * 40


def test_of_very_many_the_last_to_be_told_has_time_to_go_too():
    rig = ConnectRig({"connects_burst": 2000, "sockets_per_address": 2000})
    wires = [rig.upgraded() for _ in range(2 * DRAIN_PER_SECOND)]
    for wire in wires:
        wire.answer()
    done = ensureDeferred(rig.site.drain(2))
    rig.passes(1.8)
    assert {wire.close_code() for wire in wires} == {1012}
    assert not done.called
    for wire in wires:
        wire.says(masked(b"\x03\xf4", opcode=CLOSE))
    assert done.called
    assert rig.counts.codes == [1012] * len(wires)


def test_whoever_comes_while_it_stops_is_sent_elsewhere():
    rig = ConnectRig()
    wire = rig.upgraded()
    wire.answer()
    done = ensureDeferred(rig.site.drain(10))
    refused = rig.upgraded().answer()
    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert rig.asked().status == 503
    wire.leaves()
    rig.passes(0.1)
    assert done.called


def test_whoever_does_not_go_in_time_is_dropped():
    rig = ConnectRig()
    wire = rig.upgraded()
    wire.answer()
    wire.fill()
    rig.server.sessions[0].client.send(b"never read")
    done = ensureDeferred(rig.site.drain(2))
    rig.passes(1.9)
    assert wire.is_open
    rig.passes(0.2)
    assert not wire.is_open
    assert done.called
    assert rig.server.sessions[0].closes == 1
