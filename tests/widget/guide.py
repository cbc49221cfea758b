"""The examples in `docs/embedding.md`, as the tests run them."""

import re
from pathlib import Path

GUIDE = (Path(__file__).parents[2] / "docs" / "embedding.md").read_text()


def examples(language):
    """Return the guide's examples in that language, by the heading that they stand under."""
    found = {}
    for section in re.split(r"^#+ ", GUIDE, flags=re.MULTILINE):
        heading, _, text = section.partition("\n")
        for example in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL):
            found.setdefault(heading, []).append(example)
    return found


HTML, JS, CSS = examples("html"), examples("js"), examples("css")


def tells_email(widget, site):
    """Check that the visitor's e-mail address of the examples reaches the server."""
    widget.open()
    widget.online()
    widget.until(lambda: site.chip.commands("set_email"), "the e-mail is told")
    assert site.chip.commands("set_email") == [{"type": "set_email", "email": "bob@example.com"}]
