"""The lock files hold what setup.cfg asks for, for everybody and from anywhere."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCKS = ("run", "test", "node")
TOUCHED = {"twisted", "autobahn", "txredisapi", "prometheus-client"}
"""The libraries whose private parts Chip touches."""


def lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def pins(name: str) -> dict[str, set[Version]]:
    """What a lock holds, by project. Another interpreter than CPython may get another version."""
    found: dict[str, set[Version]] = {}
    for line in re.findall(r"^(\S+==[^\\\n]+)", lock(name), re.MULTILINE):
        project, _, version = line.partition(";")[0].partition("==")
        found.setdefault(project, set()).add(Version(version.strip()))
    return found


def wanted(extra: str = "") -> list[Requirement]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"]
    if extra:
        lines += setup["options.extras_require"][extra]
    return [Requirement(line) for line in lines.splitlines() if line.strip()]


@pytest.mark.parametrize(("name", "extra"), [("run", ""), ("test", "test")])
def test_a_lock_satisfies_what_setup_cfg_asks_for(name, extra):
    held = pins(name)
    for requirement in wanted(extra):
        versions = held.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement} is not in the lock"
        assert all(version in requirement.specifier for version in versions), requirement


def test_the_tests_run_with_the_very_releases_that_chip_runs_with():
    tests = pins("test")
    assert pins("run") == {project: tests.get(project) for project in pins("run")}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_every_file_by_its_hash_and_no_place_to_get_it_from(name):
    parts = re.split(r"^(?=\S+==)", lock(name), flags=re.MULTILINE)[1:]
    assert len(parts) > 1
    assert [part.split()[0] for part in parts if "--hash=sha256:" not in part] == []
    assert "://" not in lock(name)
    others = re.sub("--hash=sha256:[0-9a-f]{64}", "", lock(name))
    assert re.findall(r"^ *-.*", others, re.MULTILINE) == []


def test_a_library_whose_private_parts_are_touched_may_not_be_newer_than_was_tried():
    bounded = {
        canonicalize_name(requirement.name)
        for requirement in wanted()
        if any(part.operator == "<" for part in requirement.specifier)
    }
    assert bounded >= TOUCHED


def test_what_chip_imports_is_asked_for_by_name():
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "chip").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
    }
    asked = {canonicalize_name(one.name) for one in (*wanted(), *wanted("sentry"))}
    projects = packages_distributions()
    assert {
        name
        for name in imported - sys.stdlib_module_names - {"chip"}
        if asked.isdisjoint(map(canonicalize_name, projects[name]))
    } == set()


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
    return []
