"""What is installed is what is here: from a wheel, and from an editable install."""

from __future__ import annotations

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

ROOT = Path(__file__).parent.parent
FOLDERS = (".ci", "bench", "chip", "deploy", "docs", "requirements", "tests", "tools", "twisted")
FILES = ("LICENSE", "MANIFEST.in", "Makefile", "chip.tac")
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
SETTINGS = (".editorconfig", "pyproject.toml", "ruff.toml", "setup.cfg")
PARTS = (*FOLDERS, *FILES, *PAGES, *SETTINGS)
LITTER = shutil.ignore_patterns("__pycache__", "dropin.cache", "node_modules", "*.egg-info")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
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
def wheel(sources, tmp_path_factory) -> Path:
    built = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "wheel", "--no-deps", "-q")
    run(*pip, "-w", built, sources, cwd=built)
    (found,) = built.glob("chip_webchat-*.whl")
    return found


@pytest.fixture(scope="module")
def unpacked(sources, tmp_path_factory) -> Path:
    """The source distribution, unpacked."""
    built = tmp_path_factory.mktemp("sdist")
    build = f"from setuptools.build_meta import build_sdist; build_sdist({str(built)!r})"
    run(sys.executable, "-c", build, cwd=sources)
    (archive,) = built.glob("chip?webchat-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(built, filter="data")
    return built / archive.name.removesuffix(".tar.gz")


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


def test_every_page_names_the_distribution_that_is_ours():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*")]
    text = "\n".join(page.read_text() for page in pages if page.is_file())

    assert "install chip-webchat" in text
    assert re.findall(r"""install ['"]?chip(?![-\w]).*""", text) == []


def test_a_wheel_brings_the_command_chip(wheel, tmp_path):
    installation = Installation(tmp_path)
    installation.install(wheel)
    chip = installation.bin / "chip"
    assert run(chip, "--version", cwd=tmp_path).startswith("Chip ")
    made = run(chip, "channels", "--data-dir=data", "add", "Shop", cwd=tmp_path)
    assert "Shop" in run(chip, "channels", "--data-dir", "data", cwd=tmp_path)
    assert "<script" in made


def twistd_knows_chip(installation: Installation) -> bool:
    listed = installation.twistd("--help").splitlines()
    version = installation.twistd("chip", "--version")
    return "    chip                 A webchat server." in listed and version.startswith("Chip ")


def test_twistd_knows_chip_from_a_wheel(wheel, tmp_path):
    installation = Installation(tmp_path)
    installation.install(wheel)
    assert twistd_knows_chip(installation)


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
