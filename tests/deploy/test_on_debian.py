"""The container's image and the Debian package, made and used on a Debian as people have it.

That is this machine, in an overlay that is gone afterwards; or a fresh Debian, of the release that
CHIP_TEST_DEBIAN names (`make test-debian`). It takes root, and a kernel that lets it mount.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from twisted.internet.threads import deferToThread

from tests.support.dockerfile import Stage, build
from tests.support.first_chat import serves_a_chat
from tests.support.handed_over import ListeningSocket
from tests.support.process import ChildProcess
from tests.support.root import Network, Root

ROOT = Path(__file__).parents[2]
RELEASE = os.environ.get("CHIP_TEST_DEBIAN", "")
BUILDING = ("build-essential", "debhelper", "dh-virtualenv", "python3-venv")
SOURCES = ("chip", "deploy", "docs", "requirements", "tools", "twisted")
FILES = ("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "setup.cfg")
UNIT = "/lib/systemd/system/chip.service"

pytestmark = pytest.mark.patience(1800 if RELEASE else 600)


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    """The root file system of a Debian."""
    if not RELEASE and not Path("/etc/debian_version").exists():
        pytest.skip("this machine is no Debian")
    try:
        with Root():
            pass
    except OSError as error:
        pytest.skip(f"needs root, and an overlay of its own: {error}")
    if not RELEASE:
        yield Path("/")
        return
    made = tmp_path_factory.mktemp(RELEASE) / "root"
    subprocess.run(["debootstrap", "--variant=minbase", RELEASE, made], check=True)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def stages(debian):
    """Every stage of the Dockerfile, carried out; the image is the last."""
    with contextlib.ExitStack() as opened:

        def base() -> Root:
            root = opened.enter_context(Root(debian))
            if not RELEASE:
                apt = root.path("/usr/local/sbin/apt-get")
                apt.write_text(NOTHING_TO_FETCH)
                apt.chmod(0o755)
            return root

        yield build(ROOT / "deploy" / "container" / "Dockerfile", ROOT, base)


NOTHING_TO_FETCH = """#!/bin/sh
# In place of apt-get, for speed: this machine has what is asked for, or says what it lacks.
[ "$1" = install ] || exit 0
for package; do
    case $package in
    install | -*) ;;
    *) dpkg --status "$package" >/dev/null ;;
    esac || exit
done
"""


def succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0


def who_runs(process: ChildProcess) -> tuple[int, int]:
    owner = Path(f"/proc/{process.pid}").stat()
    return owner.st_uid, owner.st_gid


def assert_quiet(process: ChildProcess) -> None:
    """It has stopped in order, and had nothing to complain of."""
    assert "Chip has finished what was in hand" in process.log()
    assert re.findall(r".* (?:warn|error|critical) .*|.*Unable.*|Trace.*", process.log()) == []


# The container.


class Container(ChildProcess):
    """A container of an image, with a network of its own. It is ready when it is healthy."""

    name = "chip"

    def __init__(self, image: Stage, network: Network) -> None:
        super().__init__()
        self.image = image
        self.network = network

    def inside(self, *words: str) -> list[str]:
        """The command line that runs something beside it."""
        return self.image.command(*words, env={}, network=self.network)

    def command(self) -> list[str]:
        return self.inside(*self.image.entrypoint, *self.image.arguments)

    def ready(self) -> bool:
        return succeeds(self.inside(*self.image.healthcheck))


@contextlib.contextmanager
def published(port: int, network: Network):
    """A port out here that leads to one in there, as a container's engine has it."""
    listening = ListeningSocket()
    relay = ["/usr/lib/systemd/systemd-socket-proxyd", f"127.0.0.1:{port}"]
    enter = ["nsenter", f"--net=/proc/{network.pid}/ns/net"]
    process = subprocess.Popen(listening.handed_to([*enter, *relay]), **listening.options)
    try:
        yield f"http://127.0.0.1:{listening.port}"
    finally:
        process.terminate()
        process.wait()
        listening.close()


IMPORT_ALL = """
import importlib, pkgutil, chip
for module in pkgutil.walk_packages(chip.__path__, "chip."):
    importlib.import_module(module.name)
"""
"""What is left of the packages is what Chip needs."""


async def test_the_image_serves_a_chat_and_writes_nothing_but_its_volume(stages):
    image = stages[-1]
    image.root.make_read_only(*image.volumes)
    with Network() as network:
        chip = Container(image, network)
        await deferToThread(chip.start)
        try:
            with published(image.ports[0], network) as url:
                await serves_a_chat(url)
            assert who_runs(chip) == image.user
            assert succeeds(chip.inside("chip", "channels", "add", "Shop"))
            assert succeeds(chip.inside("python", "-c", IMPORT_ALL))
            for folder in ("/etc/chip", "/opt/chip", "/tmp"):
                assert not succeeds(chip.inside("touch", f"{folder}/file"))
            await deferToThread(chip.stop)
            assert not chip.ready()
            assert_quiet(chip)
        finally:
            await deferToThread(chip.close)


# The Debian package.


@pytest.fixture(scope="module")
def package(debian, request, tmp_path_factory):
    """What `make deb` makes. On this machine the image's Python packages will do, for speed."""
    dist = tmp_path_factory.mktemp("dist")
    with Root(debian) as root:
        root.copy_in([ROOT / name for name in (*SOURCES, *FILES)], "/src")
        if RELEASE:
            root.run("apt-get", "update")
            root.run("apt-get", "install", "--yes", "--no-install-recommends", *BUILDING)
        else:
            image = request.getfixturevalue("stages")[-1]
            image.root.copy_out("/opt/chip", root.path("/opt/chip"))
            root.path("/src/deploy/debian/make-venv").write_text(BORROWED)
        root.run("tools/build-deb", "/dist", cwd="/src", env=UNPACKED)
        (built,) = root.path("/dist").iterdir()
        shutil.copy(built, dist)
    return dist / built.name


BORROWED = """#!/bin/sh
set -e
venv=$1/usr/lib/chip-webchat
mkdir -p "$1/usr/lib"
mv /opt/chip "$venv"
sed -i 's:/opt/chip/:/usr/lib/chip-webchat/:' "$venv"/bin/chip "$venv"/bin/twistd
"""
UNPACKED = {"DPKG_DEB_COMPRESSOR_TYPE": "none"}
"""For dpkg-deb: nobody downloads it."""


class Service(ChildProcess):
    """Chip as its installed unit starts it, by what the unit says to systemd."""

    name = "chip"

    def __init__(self, root: Root, network: Network) -> None:
        super().__init__()
        self.root = root
        self.network = network
        self.listening = ListeningSocket()
        self.url = f"http://127.0.0.1:{self.listening.port}"

    def command(self) -> list[str]:
        unit = self.root.path(UNIT).read_text()
        said = dict(re.findall(r"^(\w+)=(.+)$", unit, re.MULTILINE))
        credentials = f"/run/credentials/{self.name}"
        places = {"%d": credentials, "%S": "/var/lib"}
        user, group = (int(self.root.run("id", flag, said["User"])) for flag in ("-u", "-g"))
        name, _, file = said["LoadCredential"].partition(":")
        owned = ("--owner", said["User"], "--mode", "0400")
        self.root.run("install", "-D", *owned, file, f"{credentials}/{name}")
        given = re.findall(r"^Environment=(.+?)=(.+)$", unit, re.MULTILINE)
        words = _filled_in(said["ExecStart"], places).split()
        return self.root.command(
            *self.listening.handed_to(words),
            user=user,
            group=group,
            cwd=_filled_in(said["WorkingDirectory"], places),
            env={name: _filled_in(value, places) for name, value in given},
            network=self.network,
        )

    def spawn_options(self) -> dict[str, object]:
        return self.listening.options

    def ready(self) -> bool:
        return "is ready" in self.log()

    def close(self) -> None:
        super().close()
        self.listening.close()


def _filled_in(text: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        text = text.replace(name, place)
    return text


@contextlib.asynccontextmanager
async def started(root: Root):
    """The installed Chip, serving."""
    with Network() as network:
        service = Service(root, network)
        await deferToThread(service.start)
        try:
            yield service
            await deferToThread(service.stop)
            assert_quiet(service)
        finally:
            await deferToThread(service.close)


def make_newer(root: Root, package: str) -> str:
    """The package again, of a higher version and with another config.toml."""
    root.run("dpkg-deb", "-R", package, "/tmp/newer")
    control = root.path("/tmp/newer/DEBIAN/control")
    control.write_text(re.sub("(?m)^Version: .*", "Version: 999-1", control.read_text()))
    with root.path("/tmp/newer/etc/chip/config.toml").open("a") as config:
        config.write("# Something new.\n")
    root.run("dpkg-deb", "-b", "/tmp/newer", "/tmp/newer.deb", env=UNPACKED)
    return "/tmp/newer.deb"


def check_of(root: Root, environment: str) -> str:
    """What `chip check` says of the Chip whose unit reads this."""
    root.path("/etc/chip/environment").write_text(environment)
    with Network() as network:
        return root.run("chip", "check", check=False, network=network)


def assert_the_check_judges_the_chip_that_the_unit_runs(root: Root) -> None:
    bare = check_of(root, "")
    assert "ok      listen: systemd:domain=INET:name=chip: systemd has it" in bare
    assert "ok      data_dir: /var/lib/chip" in bare
    assert re.findall("^warning (public_url|desk_token): ", bare, re.M) == [
        "public_url",
        "desk_token",
    ]
    whole = check_of(root, AS_SYSTEMD_READS_IT)
    assert "ok      public_url: links say https://a.example\n" in whole
    assert re.findall("^(warning|FAILED) (?!sockets)(.*)$", whole, re.M) == []


AS_SYSTEMD_READS_IT = """\
# CHIP_PUBLIC_URL=https://b.example
; CHIP_DESK_TOKEN=short
  CHIP_PUBLIC_URL = 'https://a.example'\t
not a setting
\tCHIP_DESK_TOKEN="s3cret of the desk\""""
"""Blanks, quotes of both kinds, and a last line without an end."""


async def test_the_package_is_installed_serves_is_upgraded_and_purged(debian, package):
    with Root(debian) as root:
        root.copy_in([package], "/tmp")
        if RELEASE:
            # What it depends on stays when it is purged.
            depends = root.run("dpkg-deb", "--field", f"/tmp/{package.name}", "Depends")
            others = re.findall(r"([a-z][\w.+-]*)(?: \([^)]*\))?(?:,|$)", depends.strip())
            root.run("apt-get", "update")
            root.run("apt-get", "install", "--yes", "--no-install-recommends", "systemd", *others)
        before = root.changes()
        root.run("apt-get", "install", "--yes", "--no-install-recommends", f"/tmp/{package.name}")
        assert root.run("stat", "-c", "%U:%G %a", "/etc/chip/config.toml") == "root:chip 640\n"
        assert root.run("stat", "-c", "%U:%G %a", "/var/lib/chip") == "chip:chip 700\n"
        for unit in ("chip.service", "chip.socket"):
            assert root.run("systemctl", "is-enabled", unit) == "enabled\n"
        assert root.run("systemctl", "is-enabled", "chip@1.service", check=False) == "disabled\n"
        units = ("chip.service", "chip.socket", "chip-shared.socket", "chip@1.service")
        assert root.run("systemd-analyze", "verify", "--man=no", *units) == ""

        async with started(root) as service:
            chat = await serves_a_chat(service.url)
            assert who_runs(service)[0] == int(root.run("id", "-u", "chip"))
        assert_the_check_judges_the_chip_that_the_unit_runs(root)
        assert "https://a.example/wc/widget.js" in root.run("chip", "channels", "add", "Shop")
        config = root.path("/etc/chip/config.toml")
        config.write_text('instance_id = "mine"\n')

        root.run("dpkg", "--install", "--force-confold", make_newer(root, f"/tmp/{package.name}"))
        assert config.read_text() == 'instance_id = "mine"\n'
        assert root.run("stat", "-c", "%U:%G %a", "/etc/chip/config.toml") == "root:chip 640\n"
        assert "Shop" in root.run("chip", "channels")
        async with started(root) as service:
            assert await serves_a_chat(service.url, chat=chat) == chat
            assert "process=mine" in service.log()

        root.run("dpkg", "--remove", "chip-webchat")
        assert config.read_text() == 'instance_id = "mine"\n'
        assert root.run("ls", "/var/lib/chip")
        root.run("dpkg", "--purge", "chip-webchat")
        assert {name for name in root.changes() - before if not BOOKS.match(name)} == set()
        assert "chip:" not in root.path("/etc/passwd").read_text()


BOOKS = re.compile(
    r"/var/(lib/(dpkg|apt)|cache|log)(/|$)|/etc/((passwd|group|g?shadow|sub[ug]id)-?|\.pwd\.lock)$"
)
"""Where dpkg, apt and adduser write down what they did."""
