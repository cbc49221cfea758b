"""Channels of a Chip that runs alone, from the command line."""

from __future__ import annotations

import sqlite3
import stat

import pytest
import pytest_twisted
from twisted.internet import reactor

from chip.desk.channels import add_channel, list_channels, remove_channel
from chip.errors import ConfigError
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.files import commits_path, database_path
from chip.store.sqlite import SqliteStore
from tests.support.desk_fixture import DeskFixture

UUID = "7d62d551-3030-4100-a260-2d7c4e9693e7"


def test_a_new_directory_is_for_the_owner_alone(tmp_path):
    data_dir = tmp_path / "data"
    add_channel(data_dir, "Shop")
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


@pytest.mark.parametrize("act", [list_channels, lambda data_dir: remove_channel(data_dir, UUID)])
def test_a_directory_without_a_database_is_not_made_into_one(tmp_path, act):
    for wrong in (tmp_path / "wrong", tmp_path):
        with pytest.raises(ConfigError, match=f"there is no database in {wrong}"):
            act(wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_gone_is_not_made_anew(tmp_path):
    commits_path(tmp_path).write_text("7")
    with pytest.raises(ConfigError, match="is missing, and it was in use"):
        add_channel(tmp_path, "Shop")


def test_a_channel_is_made_with_the_uuid_that_pages_have(tmp_path):
    assert add_channel(tmp_path, "Shop", UUID.upper()).uuid == UUID
    assert [channel.uuid for channel in list_channels(tmp_path)] == [UUID]


@pytest.mark.parametrize(
    "wrong",
    ["", "x", UUID[:-1], UUID.replace("-", ""), f"{{{UUID}}}", f"urn:uuid:{UUID}", f"{UUID} "],
)
def test_what_is_no_uuid_is_refused(tmp_path, wrong):
    with pytest.raises(ConfigError, match="expected a UUID like"):
        add_channel(tmp_path, "Shop", wrong)


def test_a_channel_that_was_removed_is_opened_again_with_its_chats_and_its_secret(tmp_path):
    add_channel(tmp_path, "Shop", UUID)
    before = row(tmp_path, UUID)
    remove_channel(tmp_path, UUID)
    assert list_channels(tmp_path) == []
    assert add_channel(tmp_path, "Shop again", UUID).uuid == UUID
    assert row(tmp_path, UUID) == before | {"name": "Shop again"}


def test_a_uuid_or_a_name_that_is_taken_is_refused(tmp_path):
    add_channel(tmp_path, "Shop", UUID)
    with pytest.raises(ConfigError, match=f"{UUID} is Shop's already"):
        add_channel(tmp_path, "Blog", UUID.upper())
    with pytest.raises(ConfigError, match=f"Shop is there already: {UUID}"):
        add_channel(tmp_path, " shop ")
    assert len(list_channels(tmp_path)) == 1


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "bell\a", "x" * 101])
def test_a_channel_needs_a_name_that_can_be_shown(tmp_path, name):
    with pytest.raises(ConfigError, match="expected a name of 1 to 100 characters"):
        add_channel(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def row(data_dir, uuid):
    """Everything about a channel."""
    db = sqlite3.connect(database_path(data_dir))
    db.row_factory = sqlite3.Row
    try:
        return dict(db.execute("SELECT * FROM channel WHERE uuid = ?", (uuid,)).fetchone())
    finally:
        db.close()


def test_channels_are_listed_in_the_order_in_which_they_were_added(tmp_path):
    shop = add_channel(tmp_path, "Shop")
    blog = add_channel(tmp_path, "Blog")
    assert list_channels(tmp_path) == [shop, blog]
    assert (shop.name, shop.chats) == ("Shop", 0)
    assert shop.uuid != blog.uuid


def test_a_removed_channel_is_listed_no_more(tmp_path):
    shop, blog = add_channel(tmp_path, "Shop"), add_channel(tmp_path, "Blog")
    remove_channel(tmp_path, shop.uuid.upper())
    assert list_channels(tmp_path) == [blog]


def test_what_is_no_channel_cannot_be_removed(tmp_path):
    add_channel(tmp_path, "Shop")
    with pytest.raises(ConfigError, match="there is no channel nonsense"):
        remove_channel(tmp_path, "nonsense")


def test_a_directory_that_cannot_be_used_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="data_dir: cannot use"):
        add_channel(tmp_path / "file" / "data", "Shop")


@pytest_twisted.ensureDeferred
async def test_a_running_chip_sees_what_is_added_and_removed(tmp_path):
    database = SqliteDatabase(tmp_path, reactor)
    await database.open()
    store = SqliteStore(database)
    shop, blog = add_channel(tmp_path, "Shop"), add_channel(tmp_path, "Blog")
    one, other = await store.channel(shop.uuid), await store.channel(blog.uuid)
    assert one is not None
    assert other is not None
    assert one.org_id != other.org_id
    assert one.secret != other.secret
    assert len(one.secret) >= 32
    remove_channel(tmp_path, shop.uuid)
    assert await store.channel(shop.uuid) is None
    await database.close()


@pytest_twisted.ensureDeferred
async def test_the_front_pages_own_channel_is_no_websites(tmp_path):
    desk = DeskFixture(tmp_path)
    await desk.open()
    site, front = await desk.desk.channels.site(), await desk.desk.channels.front()
    assert [channel.uuid for channel in list_channels(tmp_path)] == [site.uuid]
    with pytest.raises(ConfigError, match=f"there is no channel {front.uuid}"):
        remove_channel(tmp_path, front.uuid)
    with pytest.raises(ConfigError, match=f"{front.uuid} is the front page's own"):
        add_channel(tmp_path, "Shop", front.uuid)
    await desk.close()
    await desk.open()
    assert await desk.desk.channels.front() == front
    await desk.close()
