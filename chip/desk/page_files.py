"""The files in ``pages/``, and the widget's modules that they import, as answers."""

from importlib.resources import files
from importlib.resources.abc import Traversable
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


def page(name: str, folder: Traversable = PAGES) -> Answer:
    """The answer to a request for a file."""
    return Answer(200, (folder / name).read_bytes(), _TYPES[name.rpartition(".")[2]])


def scripts(folder: Traversable) -> dict[str, Answer]:
    """The answers to requests for all modules of a folder, by their names."""
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".js")]
    return {name: page(name, folder) for name in names}
