"""Trouble with the database, as the log tells it."""

from __future__ import annotations

import sqlite3

import msgspec

from chip.sqlite.trouble import is_trouble, sqlite_reason


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


def test_what_is_wrong_is_said_with_what_to_do():
    assert sqlite_reason(FULL) == "database or disk is full; make room"


def test_a_value_that_cannot_be_read_is_not_quoted():
    private = error_of("SELECT CAST(x'70726976617465ff' AS TEXT)")
    assert "private" in str(private)
    reason = "a value in it is damaged; restore a backup (twistd chip restore FILE)"
    assert sqlite_reason(private) == reason
    assert sqlite_reason(msgspec.DecodeError("private")) == reason


def test_a_violated_constraint_is_no_trouble_of_the_database():
    unique = "CREATE TABLE t (x UNIQUE)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)"
    assert not is_trouble(error_of(*unique))
    assert not is_trouble(ValueError())
    assert is_trouble(FULL)
