"""The documentation's site: it can be made of the pages, and nothing in them leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder that the site was made in."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    made = subprocess.run(
        [*command, "-d", folder / "trees", DOCS, folder / "html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return folder / "html"


def test_every_page_is_in_the_site_and_its_menu(site):
    assert PAGES
    menu = (site / "index.html").read_text()
    for page in PAGES:
        assert (site / page.with_suffix(".html").name).is_file()
        assert page.stem == "index" or f'href="{page.stem}.html"' in menu


def test_every_picture_and_specification_that_a_page_names_comes_along(site):
    for page in PAGES:
        made = (site / page.with_suffix(".html").name).read_text()
        wanted = re.findall(r"\]\(((?:images|spec)/[^)]+)\)", page.read_text())
        for name in wanted:
            (found,) = {*re.findall(rf'(?:src|href)="([^"]*/{re.escape(Path(name).name)})"', made)}
            assert (site / found).stat().st_size == (DOCS / name).stat().st_size


ARCHITECTURE = (DOCS / "architecture.md").read_text()
CHIP = ROOT / "chip"


def test_the_map_of_the_house_has_all_of_it():
    (house,) = re.findall(r"```\nchip/\n(.*?)```", ARCHITECTURE, re.DOTALL)
    modules = re.findall(r"\b\w+\.py\b", "".join(re.findall(r"^  \w+\.py.*", house, re.MULTILINE)))
    assert sorted(modules) == sorted(
        path.name for path in CHIP.glob("*.py") if path.stem != "__init__"
    )
    rooms = re.findall(r"^  (\w+)/", house, re.MULTILINE)
    assert sorted(rooms) == sorted(path.parent.name for path in CHIP.glob("*/__init__.py"))
    inner = re.findall(r"^    (\w+)/", house, re.MULTILINE)
    assert inner
    assert [name for name in inner if not list(CHIP.glob(f"*/{name}"))] == []


def test_what_the_table_of_places_names_is_there():
    table = re.search(r"Where is …\?\n\n(.*?)\n\n", ARCHITECTURE, re.DOTALL)
    missing, named = [], re.findall(r"`([\w/]+(?:\.\w+|/))`", table[1])
    beside = CHIP
    for name in named:
        # A name alone is beside the one before it, or is a page.
        found = [path for path in (CHIP / name, beside / name, DOCS / name) if path.exists()]
        if found:
            beside = found[0].parent
        else:
            missing.append(name)
    assert len(named) > 40
    assert missing == []


def test_a_link_that_leads_nowhere_fails_the_site(tmp_path):
    (tmp_path / "conf.py").write_text((DOCS / "conf.py").read_text())
    (tmp_path / "index.md").write_text("# Here\n\n[there](#no-such-heading)\n")
    made = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "-q", tmp_path, tmp_path / "html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode != 0
    assert "no-such-heading" in made.stderr
