"""What is published is whole, and what is installed of it works."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
from readme_renderer.markdown import render
from twisted.internet.threads import deferToThread

from tests.support.chip_process import ChipProcess
from tests.support.first_chat import serves_a_chat

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
FOLDERS = (
    ".ci",
    ".github",
    "bench",
    "chip",
    "conformance",
    "deploy",
    "docs",
    "faults",
    "requirements",
    "tests",
    "tools",
    "twisted",
)
FILES = ("LICENSE", "MANIFEST.in", "Makefile", "chip.tac")
PAGES = ("README.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md")
SETTINGS = (".editorconfig", ".pre-commit-config.yaml", "pyproject.toml", "ruff.toml", "setup.cfg")
PARTS = (*FOLDERS, *FILES, *PAGES, *SETTINGS)
LITTER = shutil.ignore_patterns("__pycache__", "dropin.cache", "node_modules", "*.egg-info")


def run(*command: str | Path, cwd: Path, **more: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Installation:
    """A fresh virtual environment. What Chip depends on is borrowed from this one, for speed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        run(sys.executable, "-m", "venv", "--without-pip", directory / "venv", cwd=directory)
        self.bin = directory / "venv" / "bin"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = directory / "venv" / "lib" / version / "site-packages"
        # A plain path: the .pth files over there, this project's own among them, stay unread.
        (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def install(self, *what: str | Path) -> None:
        pip = (sys.executable, "-m", "pip", "--python", self.bin / "python", "install")
        run(*pip, "--no-deps", "--ignore-installed", "-q", *what, cwd=self.directory)

    def twistd(self, *arguments: str) -> str:
        script = "from twisted.scripts.twistd import run; run()"
        # Away from the sources, which Python would find in its working directory.
        return run(self.bin / "python", "-c", script, *arguments, cwd=self.directory)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """A copy of the sources, so that building leaves nothing in them."""
    copy = tmp_path_factory.mktemp("sources")
    for part in PARTS:
        found = ROOT / part
        if found.is_dir():
            shutil.copytree(found, copy / part, ignore=LITTER)
        elif found.exists():
            shutil.copy(found, copy / part)
    return copy


@pytest.fixture(scope="module")
def dist(sources, tmp_path_factory) -> Path:
    """What is published: the source distribution, and the wheel that is built of it."""
    built = tmp_path_factory.mktemp("dist")
    run(BIN / "uv", "build", "--quiet", "--out-dir", built, sources, cwd=built, UV_SYSTEM_CERTS="1")
    return built


@pytest.fixture(scope="module")
def wheel(dist) -> Path:
    (found,) = dist.glob("chip_webchat-*.whl")
    return found


@pytest.fixture(scope="module")
def sdist(dist) -> Path:
    (found,) = dist.glob("chip_webchat-*.tar.gz")
    return found


@pytest.fixture(scope="module")
def unpacked(sdist, tmp_path_factory) -> Path:
    """The source distribution, unpacked."""
    directory = tmp_path_factory.mktemp("sdist")
    with tarfile.open(sdist) as packed:
        packed.extractall(directory, filter="data")
    return directory / sdist.name.removesuffix(".tar.gz")


def test_a_source_distribution_is_whole(sources, unpacked):
    def files(tree: Path) -> set[str]:
        return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}

    assert {name for name in files(sources) if ".egg-info/" not in name} - files(unpacked) == set()


def test_a_source_distribution_passes_its_own_tests(unpacked):
    some = (
        "tests/test_command.py",
        "tests/test_architecture.py",
        "tests/test_protocol_document.py",
    )
    run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *some, cwd=unpacked)


def test_a_wheel_holds_every_file_of_the_package_and_leaves_twisted_whole(sources, wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    expected = {
        str(path.relative_to(sources)) for path in (sources / "chip").rglob("*") if path.is_file()
    }
    assert expected - packed == set()
    assert {name for name in packed if name.startswith("twisted")} == {
        "twisted/plugins/chip_plugin.py"
    }


def test_an_index_takes_both_and_shows_the_readme_as_it_is(dist, wheel):
    run(BIN / "twine", "check", "--strict", *dist.glob("chip*"), cwd=dist)
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = email.message_from_bytes(archive.read(metadata))
    shown = render(str(told.get_payload()))
    assert shown
    assert "<picture>" in shown
    links = re.findall(r'(?:href|src)="([^"]+)"', shown)
    home = told["Home-page"]
    ours = [link.removeprefix(f"{home}/") for link in links if link.startswith(f"{home}/")]
    assert [link for link in links if not link.startswith(("https://", "http://local", "#"))] == []
    assert any(link.endswith(".png") for link in ours)
    pages = (re.sub("^(blob|raw)/main/|#.*", "", link) for link in ours)
    assert [page for page in pages if not (ROOT / page).exists()] == []


def test_a_wheel_has_nothing_that_wheels_should_not_have(wheel, sources):
    run(BIN / "check-wheel-contents", "--config", sources / "setup.cfg", wheel, cwd=sources)


def test_the_conformance_kit_is_a_distribution_of_its_own(sources, tmp_path):
    uv = (BIN / "uv", "build", "--wheel", "--quiet", "--out-dir", tmp_path)
    run(*uv, sources / "conformance", cwd=tmp_path, UV_SYSTEM_CERTS="1")
    (built,) = tmp_path.glob("*.whl")
    assert built.name.startswith("chip_conformance-")
    installation = Installation(tmp_path)
    installation.install(built)
    listed = run(installation.bin / "chip-conformance", "--list", cwd=tmp_path)
    assert "handshake.opens" in listed


def test_every_page_names_the_distribution_that_is_ours():
    handed_out = (*(ROOT / "chip" / "samples").rglob("*.*"), *(ROOT / "deploy").rglob("*"))
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *handed_out]
    text = "\n".join(page.read_text() for page in pages if page.is_file() and page.suffix != ".pyc")

    assert "install chip-webchat" in text
    assert re.findall(r"""install ['"]?chip(?![-\w]).*""", text) == []


class InstalledChip(ChipProcess):
    """The command of an installation, in a directory of its own."""

    def __init__(self, chip: Path, directory: Path) -> None:
        super().__init__(directory=directory, ops_listen="off")
        self.chip = chip

    def command(self) -> list[str]:
        return [str(self.chip), "run"]


async def works(chip: Path, directory: Path) -> None:
    """The command does what a first page promises, away from the sources."""
    run(chip, "samples", "samples", cwd=directory)
    assert "ExecStart=" in (directory / "samples" / "systemd" / "chip.service").read_text()
    process = InstalledChip(chip, directory)
    await deferToThread(process.start)
    try:
        await serves_a_chat(process.url)
    finally:
        await deferToThread(process.close)
    process.check_log()


def twistd_knows_chip(installation: Installation) -> bool:
    listed = installation.twistd("--help").splitlines()
    version = installation.twistd("chip", "--version")
    return "    chip                 A webchat server." in listed and version.startswith("Chip ")


async def test_pip_installs_a_wheel_that_works(wheel, tmp_path):
    installation = Installation(tmp_path)
    installation.install(wheel)
    await works(installation.bin / "chip", tmp_path)
    assert twistd_knows_chip(installation)
    chip = installation.bin / "chip"
    made = run(chip, "channels", "--data-dir=data", "add", "Shop", cwd=tmp_path)
    assert "Shop" in run(chip, "channels", "--data-dir", "data", cwd=tmp_path)
    assert "<script" in made


async def test_pip_installs_a_source_distribution_that_works(sdist, tmp_path):
    installation = Installation(tmp_path)
    installation.install(sdist)
    await works(installation.bin / "chip", tmp_path)


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
async def test_uv_installs_a_chip_that_works(kind, request, tmp_path):
    made = request.getfixturevalue(kind)
    run(
        *(BIN / "uv", "tool", "install", "--quiet", "--python", sys.executable, made),
        *("--constraints", ROOT / "requirements" / "run.txt"),
        cwd=tmp_path,
        UV_SYSTEM_CERTS="1",
        UV_TOOL_DIR=str(tmp_path / "tools"),
        UV_TOOL_BIN_DIR=str(tmp_path / "bin"),
    )
    await works(tmp_path / "bin" / "chip", tmp_path)


def test_twistd_knows_chip_from_an_editable_install(sources, tmp_path):
    installation = Installation(tmp_path)
    installation.install("--editable", sources)
    assert twistd_knows_chip(installation)


def test_the_plugin_module_is_a_service_maker_and_nothing_else(sources):
    script = (
        "import sys; import twisted.plugins.chip_plugin as p;"
        "from twisted.application.service import ServiceMaker;"
        "print(sorted(type(v).__name__ for k, v in vars(p).items() if k[0] != '_'));"
        "print('twisted.internet.reactor' in sys.modules, 'chip.tap' in sys.modules)"
    )
    told = run(sys.executable, "-c", script, cwd=sources).splitlines()
    assert told == ["['ServiceMaker', 'type']", "False False"]
