"""What the project's home does by itself: valid files, which do what make does."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from chip import __version__

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".github"
WORKFLOWS = sorted((HOME / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (HOME / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
# What a machine of theirs needs before it has make, and what only they can do.
BESIDES = ("apt-get update && apt-get install", "mv dist/", "gh release create")

SCHEMAS = {
    "github-workflows": WORKFLOWS,
    "github-issue-forms": FORMS,
    "github-issue-config": [HOME / "ISSUE_TEMPLATE" / "config.yml"],
    "dependabot": [HOME / "dependabot.yml"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_file_of_the_projects_home_is_what_its_schema_says(schema):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    checked = subprocess.run(
        [*command, *SCHEMAS[schema]], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def steps_of(workflow: Path) -> list[dict[str, object]]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step for job in jobs for step in job.get("steps", ())]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_does_what_make_does(workflow):
    commands = [str(step["run"]) for step in steps_of(workflow) if "run" in step]
    made = [one for one in commands if not one.startswith(BESIDES)]
    assert made
    for command in made:
        program, target, *_ = shlex.split(command)
        assert program == "make"
        assert target in TARGETS


def test_a_commit_is_checked_by_what_make_does():
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repo["hooks"]:
        program, target = hook["entry"].split()
        assert program == "make"
        assert target in TARGETS


def test_every_python_and_debian_that_chip_is_for_is_tested():
    jobs = yaml.safe_load((HOME / "workflows" / "test.yml").read_text())["jobs"]
    images = set(jobs["test"]["strategy"]["matrix"]["image"])
    promised = re.findall(r"Python :: (3\.\d+)", (ROOT / "setup.cfg").read_text())
    assert {image.split("-")[0] for image in images if image.startswith("python:")} == {
        f"python:{version}" for version in promised
    }
    assert {"debian:12", "debian:13"} <= images


@pytest.mark.parametrize(("version", "status"), [("", 0), ("0.0.1", 2)])
def test_a_tag_that_is_not_the_version_is_no_release(version, status):
    command = ["make", "version-is", f"VERSION={version or __version__}"]
    asked = subprocess.run(
        [*command, f"BIN={Path(sys.executable).parent}", "-o", ".venv/installed"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == status, asked.stderr
    assert version == "" or f"this is {__version__}" in asked.stderr
