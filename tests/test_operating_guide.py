"""The operator's guide says what the code does: its tables are the code's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from chip.app import names
from chip.chat import command_queue, lookups, ports, reconciler
from chip.chat.outbound import acknowledger, forwarder
from chip.config.settings import SECTIONS, Setting
from chip.desk import answer_times, sessions, windows
from chip.gateway import courier
from chip.ops.metrics import CLOSES, Metrics
from chip.protocol import commands
from chip.protocol.events import ErrorCode
from chip.sqlite import worker
from chip.store import sqlite_archive
from chip.store.rapidpro import pool
from chip.web.http import connection, server

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "operating.md").read_text()
SCALING = (ROOT / "docs" / "scaling.md").read_text()
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()


def section(title: str) -> str:
    """The text under a heading, up to the next one of its rank or a higher one."""
    found = re.search(rf"^(##+) {re.escape(title)}$", GUIDE, re.MULTILINE)
    assert found, f"no section {title}"
    rest = GUIDE[found.end() :]
    end = re.search(rf"^#{{2,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[str]:
    """The body of the first table in a text."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return lines[2:]


def setting_row(setting: Setting) -> str:
    default = f"`{setting.default_text}`" if setting.default_text else ""
    return f"| `{setting.name}` | {default} | {setting.about.description} |"


@pytest.mark.parametrize("title", list(SECTIONS)[:-1])
def test_the_table_of_a_section_of_settings_is_the_codes_own(title):
    expected = [setting_row(one) for one in SECTIONS[title]]
    assert rows(section(title)) == expected, "\n".join(expected)


FIXED = [
    server.MAX_HTTP_CONNECTIONS,
    connection.MAX_PIPELINED,
    command_queue.MAX_WAITING,
    commands.MAX_TEXT,
    lookups.MOST_ANSWERS_KEPT,
    lookups.IN_VAIN_PER_SECOND,
    acknowledger.MOST_KEPT,
    forwarder.MAX_READY,
    pool.MAX_CONNECTIONS,
    pool.MAX_CALLS_WAITING,
    ports.MAX_WIRED,
    reconciler.AT_ONCE,
    worker.MAX_JOBS_WAITING,
    windows.MOST_WINDOWS,
    answer_times.MOST_REMEMBERED,
    sqlite_archive.MOST_WAITING,
    courier.OTHERS,
    names.MOST_LOOKUPS,
    sessions.MOST_SESSIONS,
]


def test_the_table_of_limits_that_are_not_settings_has_the_codes_numbers():
    numbers = [row.split("|")[1].strip() for row in rows(section("Limits that are not settings"))]
    assert numbers == [f"{number}" for number in FIXED]


def test_what_is_accepted_and_unused_is_named_and_no_more():
    *_, unused = SECTIONS
    assert re.findall("`(.*?)`", section(unused)) == [one.name for one in SECTIONS[unused]]


def metric_rows() -> list[str]:
    page = generate_latest(Metrics().registry).decode()
    about = dict(re.findall(r"# HELP (chip_\w+) (.*)", page))
    kinds = dict(re.findall(r"# TYPE (chip_\w+) (\w+)", page))
    return [
        f"| `{name}` | {kinds[name]} | {text} |"
        for name, text in about.items()
        if not name.endswith("_created")
    ]


def test_the_table_of_metrics_is_the_codes_own():
    expected = metric_rows()
    assert rows(section("Every metric")) == expected, "\n".join(expected)


def test_every_close_code_of_ours_and_every_error_is_explained_to_operators():
    explained = section("Close codes and errors")
    for code in (code for code in CLOSES if code.startswith("4")):
        assert f"| {code} |" in explained
        assert f"| {code} |" in PROTOCOL
    for code in ErrorCode.__args__:
        assert f"| `{code}` |" in explained


def test_every_alert_names_a_row_of_the_table_of_symptoms():
    rules = (ROOT / "chip" / "samples" / "prometheus" / "chip-rules.yml").read_text()
    actions = set(re.findall(r'action: "(.*)"', rules))
    symptoms = {row.split("|")[1].strip() for row in rows(section("What to do when"))}
    assert actions
    assert actions <= symptoms


def test_every_file_that_the_guide_mentions_exists():
    mentioned = {
        re.sub("^samples/", "chip/samples/", name)
        for name in re.findall(r"`((?:samples|deploy|docs)/[\w./@-]+)`", GUIDE + SCALING)
    }
    assert len(mentioned) > 5
    assert [name for name in mentioned if not (ROOT / name).exists()] == []
