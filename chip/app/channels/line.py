"""How a list shows a channel, and the line that a website's pages need."""

from collections.abc import Iterator
from typing import Final

from chip.config.schema import Config

EXAMPLE_URL: Final = "https://chat.example.org"
"""In place of a URL that is not known."""


def line_to_paste(url: str, uuid: str) -> str:
    """The widget of the Chip at `url`, for the channel that pages call `uuid`."""
    return f'<script async src="{url}/wc/widget.js" data-channel="{uuid}"></script>'


def listed_lines(name: str, about: str, *lines: str) -> Iterator[str]:
    """A channel in a list: what it is and whether it can work, what is wrong, what pages need."""
    yield f"{name}: {about}"
    yield from (f"  {line}" for line in lines)


def address_lines(config: Config) -> Iterator[str]:
    """What is to be said of the address in a list's lines for pages."""
    if not config.public_url:
        url = config.url or EXAMPLE_URL
        yield f"In place of {url}: the address of Chip that browsers know (public_url)."
