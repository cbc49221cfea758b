"""Channels of a Chip that runs alone, from the command line."""

from __future__ import annotations

import stat

import pytest
import pytest_twisted
from twisted.internet import reactor

from chip.desk.channels import add_channel, list_channels, remove_channel
from chip.errors import ConfigError
from chip.sqlite.database import SqliteDatabase
from chip.store.sqlite import SqliteStore


def test_a_new_directory_has_no_channels_and_is_for_the_owner_alone(tmp_path):
    data_dir = tmp_path / "data"
    assert list_channels(data_dir) == []
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


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
    with pytest.raises(ConfigError, match="there is no channel nonsense"):
        remove_channel(tmp_path, "nonsense")


def test_a_directory_that_cannot_be_used_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="data_dir: cannot use"):
        list_channels(tmp_path / "file" / "data")


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
