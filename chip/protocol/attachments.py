"""How an attachment is written: the type that its address suggests, a colon, the address."""

import mimetypes
from urllib.parse import urlsplit


def is_url(text: str) -> bool:
    """Whether `text` is a URL with a host."""
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False


def typed(url: str) -> str:
    """`url` as an attachment. What cannot be told by its name is a file of some kind.

    >>> typed("https://example.org/cat.jpg")
    'image/jpeg:https://example.org/cat.jpg'
    """
    # A table of one's own: the machine's would make the same address mean different things.
    kind, _ = mimetypes.MimeTypes().guess_type(urlsplit(url).path)
    return f"{kind or _MORE.get(urlsplit(url).path.rpartition('.')[2].lower(), _FILE)}:{url}"


_FILE = "application/octet-stream"
_MORE = {
    "webp": "image/webp",
    "avif": "image/avif",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "m4a": "audio/mp4",
    "ogv": "video/ogg",
}
