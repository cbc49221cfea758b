"""When a website is answered, set by its owner, and told to its pages."""

from __future__ import annotations

import pytest
import pytest_twisted
from msgspec import to_builtins

from chip.desk.channel_settings import ChannelSettings, set_channel
from chip.desk.channels import add_channel, remove_channel
from chip.errors import ConfigError

UUID = "7d62d551-3030-4100-a260-2d7c4e9693e7"
HOURS = {"hours": "Mon-Fri 09:00-17:00", "zone": "Europe/Paris"}


@pytest.fixture
def shop(tmp_path):
    add_channel(tmp_path, "Shop", UUID)
    return tmp_path


def test_settings_are_kept_and_changed_one_by_one(shop):
    set_channel(shop, UUID, HOURS)
    set_channel(shop, UUID.upper(), {"away": "  We are\n asleep. "})
    assert set_channel(shop, UUID, {}) == ChannelSettings(**HOURS, away="We are asleep.")
    assert set_channel(shop, UUID, {"away": ""}) == ChannelSettings(**HOURS)
    assert set_channel(shop, UUID, {"hours": "", "zone": ""}) == ChannelSettings()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        (HOURS | {"hours": "9 to 5"}, "--hours: expected days and times like Mon-Fri"),
        (HOURS | {"hours": "Mon-Fry 09:00-17:00"}, "--hours: expected days like .* not 'Mon-Fry'"),
        (HOURS | {"zone": "Paris"}, "--zone: expected a time zone like Europe/Paris"),
        ({"hours": HOURS["hours"]}, "--hours: needs --zone, like --zone Europe/Paris"),
        ({"away": "Asleep"}, "--zone, --available and --away say nothing without --hours"),
        (HOURS | {"away": "x" * 201}, "--away: expected at most 200 characters"),
        (HOURS | {"available": "ding\a"}, "--available: expected at most 200 characters"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(shop, changes, refusal):
    with pytest.raises(ConfigError, match=f"channels: {refusal}"):
        set_channel(shop, UUID, changes)
    assert set_channel(shop, UUID, {}) == ChannelSettings()


def test_what_is_no_channel_has_no_settings(shop):
    with pytest.raises(ConfigError, match="there is no channel 00000000"):
        set_channel(shop, UUID.replace("7d62d551", "00000000"), {})
    with pytest.raises(ConfigError, match="expected a UUID like"):
        set_channel(shop, "Shop", {})
    remove_channel(shop, UUID)
    with pytest.raises(ConfigError, match=f"there is no channel {UUID}"):
        set_channel(shop, UUID, HOURS)


@pytest_twisted.ensureDeferred
async def test_a_running_chip_tells_pages_what_is_set_within_a_minute(desk):
    async def asked():
        return to_builtins(await desk.desk.availability.of(desk.channel.uuid))

    assert await asked() == {}
    set_channel(desk.data_dir, desk.channel.uuid, HOURS | {"available": "Here to help"})
    assert await asked() == {}
    desk.clock.advance(60)
    assert await asked() == HOURS | {"available": "Here to help"}
