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
    """The answers to requests for all modules of a folder, by their names. What they import of the
    desk's, they find beside them: a proxy may serve the desk below a path of its own."""
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".js")]
    found = {name: page(name, folder) for name in names}
    return {
        name: script._replace(body=script.body.replace(b' "/desk/', b' "./'))
        for name, script in found.items()
    }
