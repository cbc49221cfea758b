"""``twistd chip channels`` without RapidPro's database: what is there, and External ones made.

Of one that is made, first RapidPro's form is told, field by field; once the channel is connected,
the line for the pages, and the lock that belongs before Courier.
"""

import sys
from collections.abc import Iterator, Mapping
from getpass import getpass
from ipaddress import ip_address
from pathlib import Path
from shlex import quote
from typing import Final
from urllib.parse import urlsplit

from chip.app.channels.form import form_lines, new_authorization
from chip.app.channels.line import EXAMPLE_URL, address_lines, line_to_paste, listed_lines
from chip.config.schema import Config
from chip.desk.channel_settings import ChannelSettings
from chip.desk.channels import list_channels, list_waiting
from chip.desk.external_channels import ExternalChannel, add_external_channel, read_address
from chip.errors import ConfigError
from chip.store.public_ids import public_id

HOW_TO_CONNECT: Final = (
    "waits to be connected: twistd chip channels add NAME --external URL, with the receive URL that"
    " RapidPro shows"
)
"""What is wrong with a channel that waits."""


def list_lines(data_dir: Path, config: Config) -> Iterator[str]:
    """Each channel: what it is, whether it can work, and what its pages need. Raises
    ConfigError."""
    url = config.url or EXAMPLE_URL
    channels = list_channels(data_dir)
    for one in channels:
        kind = f"External at {one.courier}" if one.courier else "desk"
        about = f"{kind}, works, {one.chats} chat{'' if one.chats == 1 else 's'}"
        yield from listed_lines(one.name, about, one.uuid, line_to_paste(url, one.uuid))
    for name, courier in list_waiting(data_dir):
        about = f"External at {courier}, cannot work"
        yield from listed_lines(name, about, f"it {HOW_TO_CONNECT}")
    yield from address_lines(config) if channels else ()


def add(data_dir: Path, name: str, flags: Mapping[str, str], config: Config) -> Iterator[str]:
    """Make or connect a channel, and yield the lines to print. Raises ConfigError."""
    length = flags.get("max-length")
    if length is not None and not (length.isascii() and length.isdigit() and len(length) < 6):
        raise ConfigError("channels: --max-length: expected a number")
    channel = add_external_channel(
        data_dir,
        name,
        read_address(flags["external"]),
        public_id,
        lambda is_new: new_authorization() if is_new else _ask_authorization(),
        uuid=flags.get("uuid"),
        max_length=None if length is None else int(length),
    )
    if channel.uuid:
        yield from for_pages(channel.name, config, channel.uuid)
        yield from _lock(channel)
    else:
        yield from _form(channel, config.url or EXAMPLE_URL)


def for_pages(name: str, config: Config, uuid: str) -> Iterator[str]:
    """What the pages of a website need."""
    url = config.url or EXAMPLE_URL
    if config.public_url:
        yield f"For the pages of {name}:"
    else:
        yield (
            f"For the pages of {name}, with the address of Chip that browsers know in place of"
            f" {url} (public_url):"
        )
    yield line_to_paste(url, uuid)


def settings_lines(settings: ChannelSettings) -> Iterator[str]:
    """What is set for a channel, one setting a line."""
    for name, value in settings._asdict().items():
        yield f"{name:<9}  {value or 'not set'}"


def _form(channel: ExternalChannel, chip_url: str) -> Iterator[str]:
    yield from form_lines(channel.name, chip_url, channel.authorization, channel.max_length)
    if is_local(chip_url) or chip_url == EXAMPLE_URL:
        yield (
            f"With the address of Chip that the Internet knows in place of {chip_url}: RapidPro"
            " refuses others."
        )
    yield "RapidPro then shows the channel's URLs. Connect it with the one to receive messages:"
    command = f"twistd chip channels add {quote(channel.name)} --external"
    yield f"  {command} {channel.courier}/c/ex/…/receive"


def _lock(channel: ExternalChannel) -> Iterator[str]:
    yield (
        "Whoever knows the URL that RapidPro shows can speak to it as any visitor whose chat id he"
        f" knows. So let the proxy before {channel.courier} pass it from Chip's addresses only; in"
        " nginx, with Chip's address in place of 192.0.2.1:"
    )
    # In capital letters it is the same channel.
    yield f"  location ~* ^/c/ex/{channel.external_uuid}/ {{"
    yield "      allow 192.0.2.1;"
    yield "      deny all;"
    yield "      proxy_pass …;    # as for the rest of /c/"
    yield "  }"


def _ask_authorization() -> str:
    """What the channel has in RapidPro; not from the command line, where others would see it."""
    prompt = "The channel's authorization header value, as in RapidPro's form: "
    return getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()


def is_local(url: str) -> bool:
    """Whether a URL is of this machine, or of a private network."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost"
