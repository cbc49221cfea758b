"""``twistd chip channels`` where RapidPro's database is: what is there, and how to make more.

Channels are RapidPro's: Chip only reads them. An External channel's own UUID, by which anybody
could speak for its visitors, and its authorization are in no line.
"""

from collections.abc import Callable, Iterator
from typing import Any

from chip.app.channels.form import form_lines, new_authorization
from chip.app.channels.line import EXAMPLE_URL, address_lines, line_to_paste, listed_lines
from chip.config.schema import Config
from chip.store.rapidpro.finder import RapidproFinder
from chip.store.rapidpro.listing import JudgedChannel

_Say = Callable[[str], object]


async def say_channels(config: Config, reactor: Any, say: _Say) -> None:
    """`say` lines for each active channel of both kinds. Raises ChipError."""
    finder = RapidproFinder(config.db, reactor, config.external_uuids)
    await finder.open()
    try:
        channels = await finder.channels()
    finally:
        await finder.close()
    url = config.url or EXAMPLE_URL
    for channel in channels:
        for line in channel_lines(channel, url):
            say(line)
    for line in address_lines(config) if channels else ():
        say(line)
    if not channels:
        say("No channel of type CHP is active, and no External one with the URN type webchat.")


def channel_lines(channel: JudgedChannel, url: str) -> Iterator[str]:
    """A channel's name, whether it can work, and what its pages need."""
    about = f"{channel.kind}, {'works' if channel.works else 'cannot work'}"
    lines = [fault.text for fault in channel.faults]
    if channel.channel:
        lines.append(channel.channel.uuid)
    if channel.channel and channel.works:
        lines.append(line_to_paste(url, channel.channel.uuid))
    yield from listed_lines(channel.name, about, *lines)


def how_to_add(name: str, page_uuid: str = "", public_url: str = "") -> Iterator[str]:
    """How to make a channel in RapidPro. With `page_uuid`, how pages keep that id."""
    yield from form_lines(name, public_url or EXAMPLE_URL, new_authorization())
    if not public_url:
        yield f"In place of {EXAMPLE_URL}: the address at which Courier reaches Chip (public_url)."
    if page_uuid:
        yield "Then in config.toml, with the UUID that RapidPro gives the channel:"
        yield f'  external_ids = ["{page_uuid}=UUID"]'
    yield "Then: twistd chip channels list"
