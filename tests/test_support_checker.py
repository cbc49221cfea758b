"""The checker: it must see every kind of fault, or no test that counts means anything."""

from __future__ import annotations

import pytest

from tests.support.checker import KINDS, check, check_messages
from tests.support.history import Forwarded, History, Reported


class Told(History):
    """A history whose events come a second apart."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def tick(self) -> float:
        self.seconds += 1
        return self.seconds

    def visitor_says(self, *texts: str, accepted: bool = True) -> None:
        for text in texts:
            self.says("bob", "in", text, self.tick())
            if accepted:
                self.accepts("bob", "in", text, self.tick())

    def agent_says(self, *texts: str, accepted: bool = True) -> None:
        for text in texts:
            self.says("bob", "out", text, self.tick())
            if accepted:
                self.accepts("bob", "out", text, self.tick())

    def arrives(self, *texts: str) -> None:
        self.forwarded += [Forwarded(self.tick(), "bob", text) for text in texts]

    def tab_shows(self, *texts: str, tab: str = "1a", named: str = "") -> None:
        for text in texts:
            self.shows("bob", tab, text, named or f"uuid of {text}", self.tick())

    def is_reported(self, *texts: str, status: str = "delivered") -> None:
        self.reports += [Reported(self.tick(), "bob", text, status) for text in texts]

    def found(self) -> list[tuple[str, str]]:
        return [(finding.kind, finding.text) for finding in check(self)]


@pytest.fixture
def history():
    return Told()


def test_a_run_without_faults_has_no_findings(history):
    history.visitor_says("a", "b")
    history.agent_says("x", "y")
    history.arrives("a", "b")
    history.tab_shows("x", "y")
    history.tab_shows("x", "y", tab="1b")
    history.is_reported("x", "y")
    assert history.found() == []


def test_what_was_accepted_of_a_visitor_and_is_not_in_the_database_is_lost(history):
    history.visitor_says("a", "b")
    history.arrives("b")
    assert history.found() == [("lost", "a")]


def test_what_was_accepted_of_an_agent_and_was_shown_in_no_tab_is_lost(history):
    history.agent_says("x", "y")
    history.tab_shows("y")
    history.is_reported("y")
    assert history.found() == [("lost", "x")]


def test_what_was_not_accepted_may_arrive_late_or_not_at_all(history):
    history.visitor_says("a", "b", accepted=False)
    history.visitor_says("c")
    history.agent_says("x", accepted=False)
    history.agent_says("y")
    history.arrives("c", "a")
    history.tab_shows("y", "x")
    history.is_reported("y", "x")
    assert history.found() == []


def test_a_message_that_a_tab_gets_again_under_its_name_is_shown_once(history):
    history.agent_says("x", "y")
    history.tab_shows("x", "x", "y", "x")
    history.is_reported("x", "y")
    assert history.found() == []


def test_a_message_under_two_names_is_doubled_as_shown(history):
    history.agent_says("x")
    history.tab_shows("x")
    history.tab_shows("x", named="another")
    history.is_reported("x")
    assert history.found() == [("doubled as shown", "x")]


def test_a_message_that_is_twice_in_the_database_is_doubled_as_forwarded(history):
    history.visitor_says("a", "b")
    history.arrives("a", "b", "a")
    assert history.found() == [("doubled as forwarded", "a")]


def test_what_is_shown_after_something_said_later_is_reordered(history):
    history.agent_says("x", "y", "z")
    history.tab_shows("x", "y", "z", tab="1a")
    history.tab_shows("y", "x", "z", tab="1b")
    history.is_reported("x", "y", "z")
    assert history.found() == [("reordered", "x")]


def test_what_a_tab_has_fetched_before_is_in_its_place_there_and_in_no_other_tab(history):
    history.agent_says("x", "y", "z")
    history.tab_shows("z", "y", tab="1a")
    history.tab_shows("z", tab="1b")
    for text in ("x", "y"):
        history.fetches("bob", "1a", text)
    history.tab_shows("x", tab="1a")
    history.tab_shows("x", tab="1b")
    history.is_reported("x", "y", "z")
    assert history.found() == [("reordered", "y"), ("reordered", "x")]


def test_each_tab_has_an_order_of_its_own(history):
    history.agent_says("x", "y")
    history.tab_shows("y", tab="1a")
    history.tab_shows("x", tab="1b")
    history.is_reported("x", "y")
    assert history.found() == []


def test_what_is_forwarded_after_something_said_later_is_reordered(history):
    history.visitor_says("a", "b")
    history.arrives("b", "a")
    assert history.found() == [("reordered", "a")]


def test_delivered_of_what_no_tab_has_had_is_a_false_report(history):
    history.agent_says("x", accepted=False)
    history.is_reported("x")
    assert history.found() == [("falsely reported", "x")]


def test_delivered_before_a_tab_has_had_it_is_a_false_report(history):
    history.agent_says("x")
    history.is_reported("x")
    history.tab_shows("x")
    assert history.found() == [("falsely reported", "x")]


def test_failed_of_what_was_shown_is_a_false_report(history):
    history.agent_says("x")
    history.tab_shows("x")
    history.is_reported("x")
    history.is_reported("x", status="failed")
    assert history.found() == [("falsely reported", "x")]


def test_a_refusal_for_good_is_a_false_report_too(history):
    history.visitor_says("a", accepted=False)
    history.refuses("bob", "a", "the visitor was told that it was rejected", history.tick())
    assert history.found() == [("falsely reported", "a")]


def test_what_was_shown_and_not_reported_is_found(history):
    history.agent_says("x")
    history.tab_shows("x")
    assert history.found() == [("never reported", "x")]


def test_where_nobody_has_noted_reports_messages_alone_are_looked_at(history):
    history.visitor_says("a", "b")
    history.agent_says("x", "y")
    history.arrives("a", "b")
    history.tab_shows("x")
    history.refuses("bob", "b", "told so", history.tick())
    found = [(finding.kind, finding.text) for finding in check_messages(history)]
    assert found == [("lost", "y"), ("falsely reported", "b")]
    assert [one.text for one in history.not_shown()] == ["y"]


def test_every_chat_is_looked_at_by_itself(history):
    history.visitor_says("a", "b")
    for text in ("b", "a"):
        history.says("ann", "in", text, history.tick())
        history.accepts("ann", "in", text, history.tick())
        history.forwarded.append(Forwarded(history.tick(), "ann", text))
    history.arrives("a", "b")
    assert history.found() == []


def test_what_nobody_has_said_is_invented(history):
    history.arrives("boo")
    history.tab_shows("boo")
    assert history.found() == [("invented", "boo"), ("invented", "boo")]


def test_every_kind_of_message_that_goes_wrong_is_in_a_test_above(history):
    history.visitor_says("a", "b", "c")
    history.agent_says("w", "x", "y", "z")
    history.arrives("b", "a", "a", "boo")
    history.tab_shows("x", "w", "z")
    history.tab_shows("w", named="another")
    history.is_reported("w", "x", "y")
    assert {kind for kind, _ in history.found()} == {*KINDS} - {"failed"}


def test_a_message_tells_its_history_in_order(history):
    history.agent_says("x")
    history.tab_shows("x")
    history.is_reported("x")
    assert history.of("bob", "x") == [
        "   +0.000 s  said by an agent",
        "   +1.000 s  accepted by Chip",
        "   +2.000 s  at tab 1a as uuid of x",
        "   +3.000 s  reported delivered",
    ]
