"""The pages' modules by themselves: their logic, their types, and how long they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chip.desk.page_files import PAGES
from tests.widget.tools import installed, run_node

UNITS = sorted((Path(__file__).parent / "unit").glob("*.test.js"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_logic_holds(unit):
    result = run_node("--test", "--test-reporter=spec", unit)
    assert result.returncode == 0, result.stdout
    assert not re.search(r"tests 0$", result.stdout, re.MULTILINE)


def test_the_types_hold():
    compiler = installed("typescript") / "bin" / "tsc"
    result = run_node(compiler, "--project", Path(__file__).parent)
    assert result.returncode == 0, result.stdout


def test_no_module_is_too_long_to_be_read_at_once():
    lines = {path.name: len(path.read_text().splitlines()) for path in PAGES.glob("*.js")}
    assert {name: count for name, count in lines.items() if count > 300} == {}
