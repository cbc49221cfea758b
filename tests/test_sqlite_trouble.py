"""Trouble with the database, as the log tells it."""

from __future__ import annotations

import sqlite3

import msgspec
import pytest
from twisted.internet.task import Clock
from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from chip.sqlite.trouble import Outage, is_trouble, reason_of


@pytest.fixture
def said(expected_failures):
    """What is logged meanwhile, level and sentence; errors are what is wanted here."""
    lines = []

    def note(event):
        if event["log_namespace"].startswith("chip."):
            lines.append((event["log_level"].name, formatEvent(event)))

    globalLogPublisher.addObserver(note)
    yield lines
    globalLogPublisher.removeObserver(note)
    if any(event["log_level"] is not LogLevel.info for event in expected_failures.events):
        expected_failures.take()


def error_of(*statements: str) -> sqlite3.Error:
    """What SQLite raises for the last of these statements."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statement in statements:
            connection.execute(statement).fetchall()
    except sqlite3.Error as error:
        return error
    finally:
        connection.close()
    raise AssertionError("it works")


FULL = error_of("CREATE TABLE t (x)", "PRAGMA max_page_count = 2", "CREATE TABLE u (x)")


def test_an_outage_is_logged_at_its_beginning_each_minute_and_at_its_end(said):
    clock = Clock()
    outage = Outage("written", clock.seconds)
    outage.worked()
    for _ in range(125):
        outage.failed(Failure(FULL))
        clock.advance(1)
    assert outage.reason == "database or disk is full; make room"
    outage.worked()
    outage.worked()
    assert outage.reason == ""
    beginning = "the database cannot be written: database or disk is full; make room"
    assert said == [
        ("error", beginning),
        ("error", beginning),
        ("error", beginning),
        ("info", "the database can be written again"),
    ]


def test_what_fails_now_and_then_is_logged_once_a_minute_at_most(said):
    clock = Clock()
    outage = Outage("read", clock.seconds)
    for _ in range(59):
        outage.failed(Failure(FULL))
        outage.worked()
        clock.advance(1)
    assert [level for level, _ in said] == ["error", "info"]
    clock.advance(1)
    outage.failed(Failure(FULL))
    assert [level for level, _ in said] == ["error", "info", "error"]


def test_a_mistake_in_the_thread_is_logged_with_its_trace(said, expected_failures):
    Outage("read", Clock().seconds).failed(Failure(ZeroDivisionError("oops")))
    assert said == [("critical", "the database cannot be read")]
    expected_failures.take(ZeroDivisionError)


def test_a_value_that_cannot_be_read_is_not_quoted():
    private = error_of("SELECT CAST(x'70726976617465ff' AS TEXT)")
    assert "private" in str(private)
    reason = "a value in it is damaged; restore a backup (twistd chip restore FILE)"
    assert reason_of(private) == reason
    assert reason_of(msgspec.DecodeError("private")) == reason


def test_a_violated_constraint_is_no_trouble_of_the_database():
    unique = "CREATE TABLE t (x UNIQUE)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)"
    assert not is_trouble(error_of(*unique))
    assert not is_trouble(ValueError())
    assert is_trouble(FULL)
