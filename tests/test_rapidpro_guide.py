"""The guide to RapidPro says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from chip.app.channels.form import form_fields, new_authorization

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "rapidpro.md").read_text()


def test_the_form_is_filled_in_as_the_command_line_says():
    rows = dict(re.findall(r"^\| (\w[^|]*?) +\| (.*?) \| .+ \|$", GUIDE, re.MULTILINE))
    fields = form_fields("the website's name", "https://chat.example.org", "Bearer x")
    fields |= {"Authorization header value": "Bearer` and 40 random characters"}
    assert {name: rows[name].strip("`") for name in fields} == fields
    assert re.fullmatch(r"Bearer \w{40}", new_authorization())


def test_every_file_and_heading_that_it_leads_to_exists():
    for name in re.findall(r"`((?:samples|docs)/[\w./@-]+)`", GUIDE):
        assert (ROOT / name).exists() or (ROOT / "chip" / name).exists(), name
    pages = {page.name: page.read_text() for page in (ROOT / "docs").glob("*.md")}
    links = [("rapidpro.md", link) for link in re.findall(r"\]\((\S+?)\)", GUIDE)]
    links += [
        ("operating.md", one) for one in re.findall(r"\((rapidpro\S+?)\)", pages["operating.md"])
    ]
    assert len(links) > 10
    for page, link in links:
        target, _, anchor = link.partition("#")
        titles = re.findall(r"^#+ (.*)$", pages[target or page], re.MULTILINE)
        assert not anchor or anchor in {
            re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles
        }, link
