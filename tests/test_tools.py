"""What make and its tools say to whoever waits for them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def ran(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    usual = {name: value for name, value in os.environ.items() if name not in ("PORT", "MAKEFLAGS")}
    return subprocess.run(
        command, cwd=ROOT, env=usual | env, capture_output=True, text=True, timeout=30, check=False
    )


def step(script: str) -> subprocess.CompletedProcess[str]:
    return ran("tools/step", "Doing it", "sh", "-c", script)


def test_a_step_that_goes_well_says_what_it_does_and_no_more():
    done = step("echo noise; echo noise >&2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Doing it …\n", "")


def test_a_step_that_fails_says_why_and_passes_its_status_on():
    done = step("echo first; echo then >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "Doing it …\n", "first\nthen\n")


@pytest.mark.parametrize(
    "words",
    [
        "NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary failure",
        "npm error code EAI_AGAIN",
        "E: Failed to fetch http://deb.example/  Temporary failure resolving 'deb.example'",
    ],
)
def test_a_step_without_a_network_says_so_in_one_line(words):
    done = step(f'echo "{words}"; exit 1')
    assert (done.returncode, done.stdout) == (1, "Doing it …\n")
    assert done.stderr.startswith("This needs the network, and there is none")
    assert done.stderr.count("\n") == 1


def test_a_step_that_fails_over_versions_is_not_blamed_on_the_network():
    words = "ERESOLVE could not resolve, or accept a (potentially broken) dependency resolution"
    assert step(f'echo "{words}"; exit 1').stderr == f"{words}\n"


def test_the_port_of_make_run_can_be_given_on_either_side():
    for plan in (ran("make", "-n", "run", "PORT=8410"), ran("make", "-n", "run", PORT="8410")):
        assert "twistd -n --pidfile= chip --port='8410' ||" in plan.stdout
    assert "twistd -n --pidfile= chip  ||" in ran("make", "-n", "run").stdout


def test_contributors_are_told_what_make_has():
    told = re.findall(r"^make (\S+)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)

    assert {"run", "test", "lint"} <= set(told)
    for target in told:
        assert ran("make", "-n", target).returncode == 0, target


def test_pages_link_to_what_there_is():
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if not target.startswith(("http:", "https:", "mailto:")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


TOOLS = sorted(path.name for path in (ROOT / "tools").iterdir() if path.is_file())


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_is_a_script_without_mistakes_of_spelling(tool):
    tool = ROOT / "tools" / tool
    if tool.suffix == ".mjs":
        checked = ran("node", "--check", str(tool))
        assert (checked.returncode, checked.stderr) == (0, "")
    elif tool.suffix == ".py":
        compile(tool.read_text(), tool, "exec")
    else:
        checked = ran("sh", "-n", str(tool))
        assert (checked.returncode, checked.stderr) == (0, "")
        assert os.access(tool, os.X_OK), tool
