"""``twistd chip channels`` where RapidPro's database is: what is there, and how to make more.

Channels are RapidPro's: Chip only reads them. An External channel's own UUID, by which anybody
could speak for its visitors, and its authorization are in no line.
"""

from collections.abc import Callable, Iterator
from typing import Any

from chip.app.channels.form import form_lines, new_authorization
from chip.app.channels.line import EXAMPLE_URL, line_to_paste
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
    if channels and not config.public_url:
        say(f"In place of {url}: the address of Chip that browsers know (public_url).")
    if not channels:
        say("No channel of type CHP is active, and no External one with the URN type webchat.")


def channel_lines(channel: JudgedChannel, url: str) -> Iterator[str]:
    """A channel's name, whether it can work, and what its pages need."""
    yield f"{channel.name}: {channel.kind}, {'works' if channel.works else 'cannot work'}"
    for fault in channel.faults:
        yield f"  {fault.text}"
    if channel.channel:
        yield f"  {channel.channel.uuid}"
    if channel.channel and channel.works:
        yield f"  {line_to_paste(url, channel.channel.uuid)}"


def how_to_add(name: str, page_uuid: str = "", public_url: str = "") -> Iterator[str]:
    """How to make a channel in RapidPro. With `page_uuid`, how pages keep that id."""
    yield from form_lines(name, public_url or EXAMPLE_URL, new_authorization())
    if not public_url:
        yield f"In place of {EXAMPLE_URL}: the address at which Courier reaches Chip (public_url)."
    if page_uuid:
        yield "Then in config.toml, with the UUID that RapidPro gives the channel:"
        yield f'  external_ids = ["{page_uuid}=UUID"]'
    yield "Then: twistd chip channels list"
