"""The libraries' private parts that Chip touches are those that the documentation lists, and exist.

What they are there for is held by the tests that the list names.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from chip.web.websocket.autobahn_base import AutobahnBase

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "chip").rglob("*.py"))
LIBRARIES = ("twisted", "autobahn", "txaio", "treq", "txredisapi", "psycopg", "prometheus_client")

DOCUMENTED = {"_replace", "_asdict", "_exit"}

pytestmark = pytest.mark.private_parts


class Row(NamedTuple):
    """A row of the table "Private parts"."""

    module: str
    owner: str
    names: list[str]
    tests: list[str]


def rows() -> list[Row]:
    text = (ROOT / "docs" / "architecture.md").read_text().partition("### Private parts")[2]
    found: list[Row] = []
    for line in text.splitlines():
        if line.startswith(("| `", "| |")):
            cells = [re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:-1]]
            module = cells[0][0] if cells[0] else found[-1].module
            owner = cells[1][0] if cells[1] else found[-1].owner
            found.append(Row(module, owner, cells[2], cells[4]))
    return found


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED


def source(owner: type) -> str:
    """What the libraries say of a class, and of all that it inherits from them."""
    bases = [base for base in owner.__mro__ if base.__module__.partition(".")[0] in LIBRARIES]
    return "".join(map(inspect.getsource, bases))


def names(tree: ast.AST) -> Iterator[str]:
    """Every private name that a module imports, uses or defines."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module, names=imported):
                found = [*(module or "").split("."), *(alias.name for alias in imported)]
            case ast.Attribute(attr=name) | ast.FunctionDef(name=name):
                found = [name]
            case ast.ClassDef(body=body):
                assigned = [node for node in body if isinstance(node, ast.Assign)]
                found = [
                    target.id
                    for target in ast.walk(ast.Module(assigned, []))
                    if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
                ]
            case _:
                continue
        yield from filter(is_private, found)


@cache
def ours() -> set[str]:
    """The private names that Chip defines itself."""
    code = "".join((ROOT / path).read_text() for path in MODULES)
    defined = r'\b(_\w+)(?:: [^\n=]+)? = |\b(?:def|class) (_\w+)|"(_\w+)"'
    return {name for match in re.findall(defined, code) for name in match if name}


def touched(path: Path) -> set[str]:
    """The private names that a module has from libraries: those of its classes' bases, and those
    that nothing in Chip defines."""
    module = importlib.import_module(".".join(path.with_suffix("").parts))
    classes = [one for one in vars(module).values() if inspect.isclass(one)]
    theirs = "".join(source(one) for one in classes if one.__module__ == module.__name__)
    return {
        name
        for name in names(ast.parse((ROOT / path).read_text()))
        if re.search(rf"(self\.|def ){name}\b", theirs) or name not in ours()
    }


def test_what_a_module_touches_is_listed():
    listed = {(row.module, name) for row in rows() for name in row.names}
    assert {(str(path), name) for path in MODULES for name in touched(path)} <= listed


def test_what_stands_in_the_place_of_autobahns_options_and_state_is_listed():
    module = AutobahnBase.__module__.replace(".", "/") + ".py"
    listed = {name for row in rows() if row.module == module for name in row.names}
    autobahns = source(AutobahnBase)
    replaced = {
        name
        for name, value in vars(AutobahnBase).items()
        if not name.startswith("__") and not callable(value)
        if re.search(rf"\b{name}\b", autobahns)
    }
    assert replaced
    assert replaced - listed == set()


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.module} {row.owner}")
def test_what_is_listed_is_touched_and_still_there(row):
    module, _, owner = row.owner.rpartition(".")
    text = source(getattr(importlib.import_module(module), owner))
    missing = [name for name in row.names if not re.search(rf"\b{name}\b", text)]
    assert missing == []
    code = (ROOT / row.module).read_text()
    assert [name for name in row.names if not re.search(rf"\b{name}\b", code)] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.module} {row.owner}")
def test_what_is_listed_is_held_by_tests_that_run_with_the_newest_releases(row):
    assert row.tests
    for name in row.tests:
        (path,) = (ROOT / "tests").rglob(name)
        assert "private_parts" in path.read_text(), path
