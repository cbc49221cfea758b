"""Two Chips with the same `instance_id`: what Valkey, PostgreSQL and the log call each of them."""

from __future__ import annotations

import re

import psycopg


def names_at_postgresql(url):
    with psycopg.connect(url) as connection:
        query = "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
        return {name for (name,) in connection.execute(query) if name.startswith("north-")}


def test_each_process_has_a_name_of_its_own_in_its_log_and_on_its_connections(
    start_chip, valkey, database
):
    chips = [start_chip(instance_id="north") for _ in range(2)]
    ready = [re.search(r" is ready: .* process=(\S+)", chip.log()) for chip in chips]
    names = {found[1] for found in ready}
    assert len(names) == 2
    assert all(re.fullmatch("north-[0-9a-f]{16}", name) for name in names)
    listed = re.findall(r"\bname=(north-\S+)", valkey.cli("CLIENT", "LIST"))
    assert sorted(listed) == sorted([*names, *names])  # for commands, and to listen
    assert names_at_postgresql(database) == names
