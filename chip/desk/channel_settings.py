"""What the owner of a website sets for its channel: when it is answered, and what it says.

Functions on a data directory, for a command line, as in `chip.desk.channels`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from chip.desk.channels import checked_uuid, open_database
from chip.desk.hours import read_hours, read_zone
from chip.errors import ConfigError

MOST_WORDS: Final = 200
"""Characters of a setting."""


class ChannelSettings(NamedTuple):
    """What is set; ``""`` where nothing is. `zone` is that of the `hours`."""

    hours: str = ""
    zone: str = ""
    available: str = ""
    away: str = ""


def set_channel(data_dir: Path, channel: str, changes: Mapping[str, str]) -> ChannelSettings:
    """Change some settings of an active channel; ``""`` takes one back. Returns what is set then.

    Raises ConfigError when there is no such channel, or the settings would make no sense.
    """
    channel = checked_uuid(channel)
    with open_database(data_dir) as db:
        row = db.execute(
            "SELECT hours, zone, available, away FROM channel"
            " WHERE uuid = ? AND is_active AND NOT is_front",
            (channel,),
        ).fetchone()
        if row is None:
            raise ConfigError(f"channels: there is no channel {channel}")
        plain = {name: re.sub(r"\s+", " ", value).strip() for name, value in changes.items()}
        settings = ChannelSettings(*row)._replace(**plain)
        _check(settings)
        db.execute(
            "UPDATE channel SET hours = ?, zone = ?, available = ?, away = ? WHERE uuid = ?",
            (*settings, channel),
        )
        return settings


def _check(settings: ChannelSettings) -> None:
    for name, value in settings._asdict().items():
        if len(value) > MOST_WORDS or not value.isprintable():
            raise ConfigError(f"channels: --{name}: expected at most {MOST_WORDS} characters")
    for name, read in (("hours", read_hours), ("zone", read_zone)):
        value = getattr(settings, name)
        try:
            if value:
                read(value)
        except ValueError as error:
            raise ConfigError(f"channels: --{name}: {error}") from None
    if settings.hours and not settings.zone:
        raise ConfigError("channels: --hours: needs --zone, like --zone Europe/Paris")
    if any(settings) and not settings.hours:
        raise ConfigError("channels: --zone, --available and --away say nothing without --hours")
