"""What PostgreSQL makes of each statement: it finds rows by an index, however the tables grow."""

from __future__ import annotations

import re

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from chip.store.rapidpro import shown, statements
from chip.store.rapidpro.url import connection_parameters
from tests.contracts.store import NEVER, NOON
from tests.support.postgres import GENERATIONS
from tests.support.rapidpro import Rapidpro


@pytest.fixture(params=GENERATIONS)
def generation(request):
    """Each release, one after the other."""
    return request.param


class Plans:
    """How PostgreSQL goes about each statement, on a connection like the store's.

    By way of a pooler it comes without options, and each question is planned for itself.
    """

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        parameters = connection_parameters(url)
        if pooled:
            del parameters["options"]
        self.connection = psycopg.connect(make_conninfo(**parameters), autocommit=True)
        columns = [name for (name,) in self._run(statements.COLUMNS.text)]
        self.statements = {
            "channel": (statements.CHANNEL, f"'{NEVER}'"),
            "contact": (statements.CONTACT, "1, 'webchat:x'"),
            "user": (statements.USER, "1"),
            "message by id": (statements.MESSAGE["id"], "1, 1, 1"),
            "message by uuid": (statements.MESSAGE["uuid"], f"1, '{NEVER}', 1"),
            "set email": (statements.SET_EMAIL, "1, 'x', true"),
            "heard since": (statements.HEARD_SINCE, f"1, 1, '{NEVER}', 60"),
            "outgoing by id": (shown.outgoing(columns, "id"), "1, 1, 1, 'x'"),
            "outgoing by uuid": (shown.outgoing(columns, "uuid"), f"1, '{NEVER}', 1, 'x'"),
            "history": (shown.history(columns), "1, 1, now(), 'x', 1"),
            "wired": (shown.wired(columns), f"1, 'webchat:x', '{NEVER}', 1, 1, 'x', 1"),
        }
        for statement, _ in self.statements.values():
            self._run(b"PREPARE " + statement.name + b" AS " + statement.text)

    def _run(self, text: bytes):
        cursor = self.connection.execute(text)
        return cursor.fetchall() if cursor.description else []

    def scans(self, name: str) -> list[tuple[str, str]]:
        """The tables that a statement scans: by which index, under which condition."""
        statement, values = self.statements[name]
        text = f"EXPLAIN (FORMAT JSON) EXECUTE {statement.name.decode()} ({values})"
        return list(_scans(self._run(text.encode())[0][0][0]["Plan"]))


def _scans(plan):
    if "Relation Name" in plan and plan["Node Type"] != "ModifyTable":
        yield plan.get("Index Name", plan["Node Type"]), plan.get("Index Cond", "none")
    for child in plan.get("Plans", ()):
        yield from _scans(child)


USES = {
    "channel": {"uuid"},
    "contact": {"identity", "id", "contact_id", "contact_urn_id"},
    "user": {"id"},
    "message by id": {"id"},
    "message by uuid": {"id", "uuid", "contact_id", "contact_urn_id"},
    "outgoing by id": {"id"},
    "outgoing by uuid": {"id", "uuid", "contact_id", "contact_urn_id"},
    "set email": {"id"},
    "heard since": {"uuid", "contact_id", "contact_urn_id"},
    "history": {"contact_id", "id"},
    "wired": {"identity", "id", "contact_id", "uuid"},
}


@pytest.fixture
def plans(database):
    plans = Plans(database)
    yield plans
    plans.connection.close()


def fill(rapidpro: Rapidpro, contacts: int, messages: int) -> None:
    """Many contacts, of whom the first has said more than others."""
    channel = rapidpro.channel(rapidpro.org())
    first = rapidpro.contact(channel.org)
    rapidpro.incoming(first, channel=channel, created_on=NOON)

    def multiply(table: str, count: int, **changes: str) -> None:
        """Copy the row of a table so many times, as n = 1000, 1001…"""
        columns = sorted(rapidpro.tables.columns[table])
        values = ", ".join(changes.get(column, f"t.{column}") for column in columns)
        rapidpro.connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values}"
            f" FROM {table} t, generate_series(1000, {999 + count}) n"
        )

    whose = f"CASE WHEN n % 25 = 0 THEN {{}} ELSE 1000 + n % {contacts} END"
    path, identity = "n::text", "'webchat:' || n"
    multiply("contacts_contact", contacts, id="n", uuid="gen_random_uuid()")
    multiply("contacts_contacturn", contacts, id="n", contact_id="n", path=path, identity=identity)
    multiply(
        "msgs_msg",
        messages,
        id="n",
        uuid="gen_random_uuid()",
        created_on="t.created_on + n * interval '1 s'",
        contact_id=whose.format(first.id),
        contact_urn_id=whose.format(first.urn),
    )
    rapidpro.connection.execute("ANALYZE")


@pytest.mark.parametrize("name", USES)
def test_plans_made_while_tables_were_empty_use_the_right_index_for_everything(plans, name):
    used = columns(plans.scans(name))
    assert used
    assert used <= USES[name]


def test_a_page_of_history_is_read_off_the_end_of_the_contacts_index(database, rapidpro, plans):
    before = plans.scans("history")
    fill(rapidpro, contacts=200, messages=6_000)
    indexes = {"contacts_contact_pkey", "contacts_contacturn_pkey", "msgs_by_contact"}
    assert indexes <= {name for name, _ in before}
    assert indexes <= {name for name, _ in plans.scans("history")}
    fresh = Plans(database)
    try:
        assert indexes <= {name for name, _ in fresh.scans("history")}
        for name, expected in USES.items():
            assert columns(fresh.scans(name)) <= expected
        assert rows_read(fresh, rapidpro) < 60
    finally:
        fresh.connection.close()


def test_what_is_on_its_way_is_looked_for_no_further_back_than_messages_wait(plans, rapidpro):
    fill(rapidpro, contacts=200, messages=6_000)
    [(_, condition)] = [scan for scan in plans.scans("wired") if scan[0] == "msgs_by_contact"]
    assert "created_on >" in condition


@pytest.mark.parametrize("generation", ["26.2"], indirect=True)
def test_by_way_of_a_pooler_a_page_is_read_off_the_same_index(database, rapidpro):
    fill(rapidpro, contacts=200, messages=6_000)
    plans = Plans(database, pooled=True)
    try:
        assert rows_read(plans, rapidpro) < 60
    finally:
        plans.connection.close()


def columns(scans: list[tuple[str, str]]) -> set[str]:
    """The leading column of each scan: `contact_id` of `((contact_id = 1) AND (id > 0))`."""
    return {re.findall(r"\w+", condition)[0] for _, condition in scans}


def rows_read(plans: Plans, rapidpro: Rapidpro) -> int:
    """Rows of messages that the newest page of the longest chat takes to read."""
    [longest] = rapidpro.rows(
        "SELECT contact_id, contact_urn_id FROM msgs_msg GROUP BY 1, 2"
        " ORDER BY count(*) DESC LIMIT 1"
    )
    statement, _ = plans.statements["history"]
    values = f"{longest['contact_id']}, {longest['contact_urn_id']}, 'infinity', 'x', 100000"
    text = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {statement.name.decode()} ({values})"
    return max(_rows(plans._run(text.encode())[0][0][0]["Plan"]))


def _rows(plan):
    if plan.get("Relation Name") == "msgs_msg":
        yield plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    for child in plan.get("Plans", ()):
        yield from _rows(child)
