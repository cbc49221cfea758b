"""The files that containers are made and run by, as those who know them see them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from chip.config.schema import Config
from chip.config.sources import load, unknown_variables

CONTAINER = Path(__file__).parents[2] / "deploy" / "container"
COMPOSE = sorted(CONTAINER.glob("compose*.yaml"))
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def filled_in(text: str) -> str:
    """As compose does it for somebody who gives each variable its example."""
    text = re.sub(r"\$\{\w+:\?.*such as (\S+)\}", r"\1", text)
    text = re.sub(r"\$\{\w+:\?what opens .*\}", "x" * 32, text)
    text = re.sub(r"\$\{\w+:\?.*host.*\}", "courier.example.org", text)
    return re.sub(r"\$\{\w+:-(.*)\}", r"\1", text)


def composed(file: Path) -> dict[str, Any]:
    told = yaml.safe_load(filled_in(file.read_text()))
    assert isinstance(told, dict)
    return told


def test_hadolint_finds_nothing_in_the_dockerfile():
    run(BIN / "hadolint", "--config", CONTAINER / ".hadolint.yaml", CONTAINER / "Dockerfile")


def test_the_compose_files_are_of_their_schema():
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", *COMPOSE)


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_chip_takes_the_settings_of_a_compose_file(file):
    given = composed(file)["services"]["chip"]["environment"]
    environ = {name: str(value or "") for name, value in given.items()}
    assert unknown_variables(environ) == []
    config = load(environ=environ)
    assert config.public_url
    assert bool(config.db) == bool(config.valkey) == ("rapidpro" in file.name)


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_chip_in_a_container_may_write_its_volume_only_and_has_time_to_stop(file):
    chip = composed(file)["services"]["chip"]
    assert (chip["read_only"], chip["cap_drop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in chip["security_opt"]
    assert float(chip["stop_grace_period"].removesuffix("s")) > Config().stop_deadline
    # Who is served is the proxy's to say: nobody else reaches the port.
    assert chip["ports"] == ["127.0.0.1:8070:8070"]


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_chip_believes_the_proxy_on_the_machine_and_nobody_else(file):
    told = composed(file)
    (network,) = told["networks"]["default"]["ipam"]["config"]
    trusted = told["services"]["chip"]["environment"]["CHIP_TRUSTED_PROXIES"]
    assert trusted == network["gateway"]


def test_every_image_of_others_is_of_a_release_that_is_named():
    services = [one for file in COMPOSE for one in composed(file)["services"].values()]
    others = [service["image"] for service in services if "build" not in service]
    assert others
    assert [image for image in others if not re.fullmatch(r"[\w/.-]+:\d[\w.-]*", image)] == []
