"""The files in ``pages/``, as answers."""

from importlib.resources import files
from typing import Final

from chip.web.http.answers import HTML, Answer

PAGES: Final = files("chip.desk") / "pages"

_TYPES: Final = {
    "css": b"text/css; charset=utf-8",
    "html": HTML,
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
    "png": b"image/png",
}


def page(name: str) -> Answer:
    """The answer to a request for a file."""
    return Answer(200, (PAGES / name).read_bytes(), _TYPES[name.rpartition(".")[2]])
