"""``twistd chip --check`` before a broken set-up, one thing broken at a time."""

from __future__ import annotations

import re
import resource
import socket

import pytest

from tests.support.checked import checked
from tests.support.chip_process import ChipProcess
from tests.support.process import free_port


def test_a_good_set_up_is_well_and_every_part_says_what_was_found(check, courier, channel):
    checked = check()
    assert checked.status == 0, checked.lines
    assert not checked.failures + checked.warnings
    found = "\n".join(checked.only("ok"))
    for part in (
        r"^database: PostgreSQL \d+.* as chip",
        r"^channels: 1 active of type CHP",
        rf"^Courier: http://{courier.domain}/c takes the channel {channel.uuid}",
        r"^Valkey: (Valkey|Redis) \d+\.\d+.* at 127\.0\.0\.1:\d+, database 5",
        r"^listen: tcp:",
        r"^ops_listen: tcp:",
    ):
        assert re.search(part, found, re.MULTILINE), found


def test_it_changes_nothing_and_works_beside_a_running_chip(
    check, start_chip, valkey, courier, rapidpro
):
    chip = start_chip()
    chip.pause()  # what it changes meanwhile would be mistaken for what the check does
    try:
        before = valkey.contents(), rapidpro.rows("SELECT * FROM contacts_contacturn")
        checked = check()
        assert checked.status == 0, checked.lines
        assert (valkey.contents(), rapidpro.rows("SELECT * FROM contacts_contacturn")) == before
    finally:
        chip.resume()
    assert courier.events() == []


def test_a_running_chip_that_is_asked_about_is_found_at_its_port(check, start_chip):
    chip = start_chip()
    checked = check(port=chip.port, ops_listen=chip.settings["ops_listen"])
    assert checked.status == 0, checked.lines
    assert any(re.match(r"listen: .* a Chip is at it already", line) for line in checked.only("ok"))


# The database.


def test_the_rights_in_the_database_that_the_guide_gives_are_enough_for_a_check(check, guided):
    checked = check(db=guided)
    assert checked.status == 0, checked.lines


@pytest.mark.parametrize(
    ("right", "table"),
    [
        ("SELECT", "channels_channel"),
        ("SELECT", "contacts_contact"),
        ("SELECT", "contacts_contacturn"),
        ("SELECT", "msgs_msg"),
        ("SELECT", "users_user"),
        ("UPDATE (display)", "contacts_contacturn"),
        ("UPDATE (modified_on)", "contacts_contact"),
    ],
)
def test_a_right_that_is_missing_is_named_with_the_way_to_give_it(
    check, guided, postgres, database, right, table
):
    postgres.execute(f"REVOKE {right} ON {table} FROM guided", database)
    checked = check(db=guided)
    assert checked.status == 1
    (line,) = [line for line in checked.failures if line.startswith("database: ")]
    assert f"permission denied for table {table}" in line
    assert re.search(rf"GRANT {re.escape(right)} ON [^;]*\b{table}\b[^;]* TO guided", line), line


@pytest.mark.parametrize("column", ["sent_on", "status", "channel_id", "flow_id", "created_on"])
def test_a_column_that_one_must_not_read_is_found_out(check, guided, postgres, database, column):
    allowed = f"""
        SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
        WHERE attrelid = 'msgs_msg'::regclass AND attnum > 0 AND attname <> '{column}'
          AND NOT attisdropped
    """
    with postgres.connect(database) as connection:
        ((columns,),) = connection.execute(allowed).fetchall()
    postgres.execute(
        f"REVOKE SELECT ON msgs_msg FROM guided; GRANT SELECT ({columns}) ON msgs_msg TO guided",
        database,
    )
    checked = check(db=guided)
    assert checked.status == 1, checked.lines
    (line,) = [line for line in checked.failures if line.startswith("database: ")]
    assert "permission denied for table msgs_msg" in line


@pytest.mark.parametrize("table", ["users_user", "msgs_msg", "channels_channel"])
def test_a_table_that_is_missing_is_named(check, postgres, database, table):
    postgres.execute(f"ALTER TABLE {table} RENAME TO elsewhere", database)
    checked = check()
    assert checked.status == 1
    assert any(f'"{table}" does not exist' in line for line in checked.failures), checked.lines


def test_a_column_that_is_missing_is_named(check, postgres, database):
    postgres.execute("ALTER TABLE contacts_contacturn RENAME display TO elsewhere", database)
    checked = check()
    assert checked.status == 1
    assert any('column "display"' in line for line in checked.failures), checked.lines


def test_a_database_that_cannot_be_written_is_told(check, postgres, database):
    name = database.rsplit("/", 1)[1]
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    checked = check()
    assert checked.status == 1
    assert any(re.match("database: .*read-only", line) for line in checked.failures), checked.lines


def test_another_program_s_database_is_no_rapidpro_s(check, postgres):
    checked = check(db=postgres.url)
    assert checked.status == 1
    assert any("does not exist" in line and "RapidPro" in line for line in checked.failures)


def test_a_database_that_does_not_answer_is_told_and_hides_nothing_else(check):
    checked = check(db=f"postgresql://chip@127.0.0.1:{free_port()}/temba")
    assert checked.status == 1
    (line,) = checked.failures
    assert line.startswith("database: ")
    assert "refused" in line
    assert any(line.startswith("Valkey: ") for line in checked.only("ok"))
    # Whether Courier is there can be told without a channel.
    assert any(line.startswith("Courier: ") for line in checked.only("ok"))


# Channels.


def test_without_an_active_channel_nobody_can_chat(check, rapidpro, channel):
    rapidpro.update("channels_channel", channel.id, is_active=False)
    checked = check()
    assert checked.status == 1
    assert any(re.match("channels: none", line) for line in checked.failures), checked.lines


def test_a_channel_without_a_secret_is_named(check, rapidpro, channel):
    bare = rapidpro.channel(channel.org, secret=None)
    checked = check()
    assert checked.status == 1
    (line,) = checked.failures
    assert line.startswith("channels: ")
    assert bare.uuid in line
    assert "secret" in line


# Settings.


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"listen": "tcp:8070:colour=blue"}, "listen: "),
        ({"listen": "nonsense:1"}, "listen: "),
        ({"listen": "tls:/no/such/directory:port=0"}, "listen: "),
        ({"listen": "ssl:443:privateKey=/no/such/key.pem"}, "listen: "),
        ({"listen": "tcp:{taken}:interface=127.0.0.1"}, "listen: "),
        ({"listen": "tcp:8070:interface=192.0.2.1"}, "listen: "),
        ({"listen": "unix:/no/such/directory/socket"}, "listen: "),
        ({"port": "{taken}"}, "listen: "),
        ({"ops_listen": "tcp:{taken}:interface=127.0.0.1"}, "ops_listen: "),
        ({"ops_listen": "tcp:many"}, "ops_listen: "),
        ({"sentry_dsn": "sentry.example.org"}, "sentry_dsn: "),
    ],
)
def test_a_setting_that_the_start_refuses_is_refused_by_the_check(check, settings, complaint):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        checked = check(**{name: value.format(taken=port) for name, value in settings.items()})
    assert checked.status == 1
    assert [line for line in checked.failures if line.startswith(complaint)], checked.lines


def test_a_variable_that_is_no_setting_is_warned_of(check):
    checked = check(alowed_origins="https://shop.example.org")
    assert checked.status == 0, checked.lines
    (line,) = checked.warnings
    assert "CHIP_ALOWED_ORIGINS" in line
    assert "allowed_origins" in line


def test_more_sockets_than_descriptors_are_warned_of(check):
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    checked = check(sockets=most)
    assert checked.status == 0, checked.lines
    (line,) = checked.warnings
    assert line.startswith("sockets: ")
    assert str(most) in line
    assert "LimitNOFILE" in line


# Alone.


@pytest.fixture
def alone(tmp_path):
    """A Chip with a data directory of its own, which has been in use."""
    with ChipProcess(data_dir=tmp_path / "data") as chip:
        yield chip


def test_a_chip_that_runs_alone_is_found_in_its_directory(alone):
    found = checked(**{**alone.settings, "ops_listen": "off"})
    assert found.status == 0, found.lines
    (line,) = [line for line in found.only("ok") if line.startswith("data_dir: ")]
    assert f"(process {alone.pid})" in line


def test_a_damaged_database_is_told(alone):
    alone.stop()
    path = alone.settings["data_dir"] / "chip.sqlite3"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * 4096 + content[8192:])
    found = checked(**alone.settings)
    assert found.status == 1
    assert any(line.startswith("data_dir: ") for line in found.failures), found.lines
