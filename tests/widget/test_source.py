"""The widget's modules by themselves: their logic, their types, and what is built of them."""

import gzip
import re

import pytest

from chip.widget.serving import BUILT, SOURCES
from tests.widget.tools import HERE, installed, run_node

LIMIT = 25_000
BUILD = HERE.parent.parent / "tools" / "build-widget.mjs"
UNITS = sorted((HERE / "unit").glob("*.test.js"))
MODULES = sorted(SOURCES.rglob("*.js"))


def names(directory):
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_logic_holds(unit):
    result = run_node("--test", "--test-reporter=spec", unit)

    assert result.returncode == 0, result.stdout
    assert not re.search(r"tests 0$", result.stdout, re.MULTILINE)


def test_the_types_hold():
    compiler = installed("typescript") / "bin" / "tsc"

    result = run_node(compiler, "--project", HERE)

    assert result.returncode == 0, result.stdout


def test_what_is_served_is_built_of_the_sources(tmp_path):
    installed("esbuild")
    result = run_node(BUILD, tmp_path)

    assert result.returncode == 0, result.stderr
    assert names(tmp_path) == names(BUILT)
    for path in tmp_path.iterdir():
        assert path.read_text() == (BUILT / path.name).read_text(), "run `make widget`"


def test_the_first_load_stays_small():
    packed = gzip.compress((BUILT / "widget.js").read_bytes(), 9)

    assert len(packed) <= LIMIT


def test_the_first_load_is_one_classic_script(tmp_path):
    script = tmp_path / "widget.cjs"
    script.write_bytes((BUILT / "widget.js").read_bytes())

    result = run_node("--check", script)

    assert result.returncode == 0, result.stderr
    assert not re.search(r"^(import|export)\b", script.read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("file", "exported"),
    [
        ("attention", ["notify", "tease"]),
        ("availability", ["Availability"]),
        ("lightbox", ["enlarge"]),
        ("markdown", ["css", "markdown"]),
    ],
)
def test_what_is_fetched_later_is_one_module_that_exports_its_names(tmp_path, file, exported):
    (tmp_path / "later.mjs").write_bytes((BUILT / f"{file}.js").read_bytes())
    asking = tmp_path / "asking.mjs"
    asking.write_text(
        'import * as later from "./later.mjs"; console.log(Object.keys(later).join());'
    )

    assert run_node(asking).stdout.strip().split(",") == exported


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_no_module_uses_what_a_strict_page_forbids(module):
    text = module.read_text()

    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", text)
    assert not re.search(r"""new Function|["'`]style["'`]|cssText|document\.cookie""", text)
    assert len(text.splitlines()) <= 300
