"""PostgreSQL and Valkey of our own: they survive what tests do to them."""

import os
import signal
import threading
from contextlib import closing

import psycopg
import pytest

from tests.support import process
from tests.support.postgres import Postgres
from tests.support.process import ChildProcess, NotRunningError, eventually
from tests.support.rapidpro import Rapidpro
from tests.support.valkey import Valkey
from tests.support.valkey_cluster import Node


@pytest.fixture(scope="module")
def own_postgres():
    with Postgres() as server:
        yield server


@pytest.mark.parametrize("end", [Postgres.stop, Postgres.kill])
def test_postgres_keeps_its_data_and_port_over_an_end(own_postgres, end):
    url = own_postgres.create_database()
    with closing(Rapidpro.open(url)) as rapidpro:
        org = rapidpro.org()

    end(own_postgres)
    with pytest.raises(psycopg.OperationalError):
        own_postgres.connect(url)
    own_postgres.start()

    with closing(own_postgres.connect(url)) as connection:
        assert connection.execute("SELECT id FROM orgs_org").fetchall() == [(org,)]


def test_postgres_asks_the_guarded_user_for_a_password(own_postgres):
    url = own_postgres.url_of("postgres", guarded=True)

    own_postgres.connect(url).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        own_postgres.connect(url.replace("s3cr3t", "guess"))


def test_postgres_can_throw_everybody_out(own_postgres):
    connection = own_postgres.connect()

    own_postgres.disconnect_all()

    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_postgres_has_thrown_everybody_out_once_it_says_so(own_postgres):
    connection = own_postgres.connect()
    slow = connection.info.backend_pid
    os.kill(slow, signal.SIGSTOP)
    threading.Timer(0.2, os.kill, (slow, signal.SIGCONT)).start()

    own_postgres.disconnect_all()

    assert slow not in own_postgres.backends()
    connection.close()


def test_every_generation_takes_the_rows_of_a_chat(rapidpro, generation):
    channel = rapidpro.channel(rapidpro.org())
    contact = rapidpro.contact(channel.org, email="bob@example.com")
    agent = rapidpro.user(first="Bob", avatar="bob.jpg")

    rapidpro.incoming(contact, "help", channel=channel, attachments=["image/png:https://x/y.png"])
    message = rapidpro.outgoing(
        contact, "how?", channel=channel, ticket=True, user=agent, quick_replies=["a", ("b", "c")]
    )

    [row] = rapidpro.messages(contact, "O")
    new = generation != "10.2"
    assert rapidpro.find_contact(channel.org, contact.chat_id) == contact
    assert rapidpro.email(contact) == "bob@example.com"
    assert (row["id"], row["created_by_id"]) == (message.id, agent.id)
    assert bool(row["ticket_uuid" if new else "ticket_id"])
    assert row["quickreplies" if new else "quick_replies"] == (
        [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "extra": "c"}]
        if new
        else ["a", "b\nc"]
    )


def test_26_0_has_the_columns_of_both_generations(postgres):
    rapidpro = Rapidpro.open(postgres.create_database("26.0"))
    channel = rapidpro.channel(rapidpro.org())
    contact = rapidpro.contact(channel.org)

    rapidpro.outgoing(contact, channel=channel, ticket=17, quick_replies=["a"])

    [row] = rapidpro.messages(contact, "O")
    assert (row["ticket_id"], row["ticket_uuid"], row["quick_replies"]) == (17, None, None)
    rapidpro.close()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"password": 'p "w/&'},
        {"user": "chip", "password": "x y", "acl": "~chat:* &chat:* +@all"},
        {"tls": True},
    ],
    ids=["open", "password", "user", "tls"],
)
def test_valkey_forgets_nothing_that_it_has_answered(options):
    with Valkey(**options) as valkey:
        assert valkey.cli("SET", "chat:a", "1") == "OK"

        valkey.kill()
        valkey.start()
        kept = valkey.cli("GET", "chat:a")
        valkey.clear()

        assert (kept, valkey.cli("GET", "chat:a")) == ("1", "")


def test_valkeys_rights_are_kept_to():
    with Valkey(user="chip", password="x", acl="~chat:* +@all") as valkey:
        assert valkey.cli("SET", "other", "1").startswith("NOPERM")
        assert valkey.url == f"redis://chip:x@127.0.0.1:{valkey.port}/5"


@pytest.mark.parametrize("stored", [{}, {"appendonly": "yes"}], ids=["nothing", "all"])
def test_a_node_of_a_cluster_has_memory_for_a_disk_unless_it_stores_everything(stored):
    with closing(Node(None, None, settings=stored)) as node:
        assert node.needs_disk == bool(stored)
        assert (process.MEMORY in node.directory.parents) != bool(stored)


def test_a_paused_server_is_stopped_all_the_same():
    with Valkey() as valkey:
        valkey.pause()
        assert valkey.stop() == 0
    assert not valkey.directory.exists()


def test_a_program_that_does_not_end_is_killed_and_reported_with_its_last_words(monkeypatch):
    class Stubborn(ChildProcess):
        def command(self):
            return ["/bin/sh", "-c", "trap '' TERM; echo I stay; exec sleep 600"]

        def ready(self):
            return "I stay" in self.log()

    monkeypatch.setattr(process, "_STOPPING", 0.1)
    stubborn = Stubborn()
    stubborn.start()
    with pytest.raises(NotRunningError, match="did not end:\nI stay"):
        stubborn.stop()
    assert not stubborn.running
    stubborn.close()


def test_a_program_that_ends_at_once_is_reported_with_its_last_words():
    class Broken(ChildProcess):
        def command(self):
            return ["/bin/sh", "-c", "echo out of order; exit 3"]

        def ready(self):
            return False

    broken = Broken()
    with pytest.raises(NotRunningError, match="out of order"):
        broken.start()
    assert broken.stop() == 3
    broken.close()


def test_waiting_in_vain_says_for_what():
    with pytest.raises(TimeoutError, match="pigs fly"):
        eventually(lambda: False, "pigs fly", seconds=0.05)
