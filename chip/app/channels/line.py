"""The line that a website's pages need."""

from typing import Final

EXAMPLE_URL: Final = "https://chat.example.org"
"""In place of a URL that is not known."""


def line_to_paste(url: str, uuid: str) -> str:
    """The widget of the Chip at `url`, for the channel that pages call `uuid`."""
    return f'<script async src="{url}/wc/widget.js" data-channel="{uuid}"></script>'
