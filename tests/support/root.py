"""A root file system to change at will: what is written goes to memory, and is gone at the end.

    with Root() as root:                       # this machine's own
        root.run("apt-get", "install", "--yes", "hello")
    with Root(Path("/srv/trixie")) as root:    # that of debootstrap

Owns the mounts, which only its processes see. The network is the machine's, unless a process is
given a `Network` of its own. What was started in there must have ended before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from .process import eventually

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# By what a machine reaches package registries.
_REACHING = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE")
_AUTHORITIES = {"PIP_CERT": "/run/authorities.pem", "SSL_CERT_FILE": "/run/authorities.pem"}

_MOUNT = """
set -e
mount -t tmpfs -o mode=755 chip-test "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" chip-test "$2/root"
cd "$2/root"
mount --rbind /proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs run
# The network's names and authorities, for those who install something.
[ "$1" = / ] || {
    cp --remove-destination /etc/resolv.conf etc/resolv.conf
    cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" run/authorities.pem
}
# No service starts by being installed.
printf '#!/bin/sh\\nexit 101\\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
exec chroot . sleep infinity
"""


# However the tests are ended.
_UNTIL_WE_END = ("setpriv", "--pdeathsig", "KILL")


class _Held:
    """A namespace, for as long as one process lives in it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._holder: subprocess.Popen[str] | None = None

    def hold(self, script: str, *arguments: str | Path) -> None:
        """Run the script in a new one; it ends in ``exec sleep``. Raises OSError with its words."""
        self._holder = subprocess.Popen(
            [*_UNTIL_WE_END, "unshare", self._kind, "sh", "-c", script, "sh", *map(str, arguments)],
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually(self._sleeps_or_ended, "a namespace of its own")
        if self._holder.poll() is not None:
            ended, self._holder = self._holder, None
            raise OSError(ended.communicate()[1].strip())

    def _sleeps_or_ended(self) -> bool:
        assert self._holder
        name = Path(f"/proc/{self.pid}/comm").read_text().strip()
        return name == "sleep" or self._holder.poll() is not None

    @property
    def pid(self) -> int:
        """The process that holds it."""
        assert self._holder
        return self._holder.pid

    def close(self) -> None:
        if self._holder is not None:
            self._holder.kill()
            self._holder.communicate()
            self._holder = None

    def __exit__(self, *_: object) -> None:
        self.close()


class Network(_Held):
    """A network with nothing but loopback, where every port is free."""

    def __init__(self) -> None:
        super().__init__("--net")

    def __enter__(self) -> Self:
        self.hold("ip link set lo up && exec sleep infinity")
        return self


class Root(_Held):
    """The root file system `lower`, with changes of its own."""

    def __init__(self, lower: Path = Path("/")) -> None:
        super().__init__("--mount")
        self.lower = lower

    def __enter__(self) -> Self:
        self._base = Path(tempfile.mkdtemp(prefix="chip-root-"))
        try:
            self.hold(_MOUNT, self.lower, self._base)
        except OSError:
            self.close()
            raise
        return self

    def close(self) -> None:
        super().close()
        self._base.rmdir()

    def path(self, inside: str) -> Path:
        """Where a file of it is found from out here."""
        return Path(f"/proc/{self.pid}/root/{inside.lstrip('/')}")

    def command(
        self,
        *words: str | Path,
        user: int = 0,
        group: int = 0,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        network: Network | None = None,
    ) -> list[str]:
        """The command line that runs another one in there, with this environment and no other."""
        usual = {"PATH": _PATH, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
        reaching = {name: os.environ[name] for name in _REACHING if name in os.environ}
        if self.lower != Path("/"):
            reaching |= _AUTHORITIES
        given = usual | reaching | dict(env or {})
        return [
            *("nsenter", f"--target={self.pid}", "--mount", "--root", f"--wdns={cwd}"),
            *([f"--net=/proc/{network.pid}/ns/net"] if network else []),
            *(f"--setgid={group}", f"--setuid={user}"),
            *("env", "-i", *(f"{name}={value}" for name, value in given.items())),
            *map(str, words),
        ]

    def run(self, *words: str | Path, check: bool = True, **how: Any) -> str:
        """Run a command in there to its end; return what it printed, all of it."""
        done = subprocess.run(
            self.command(*words, **how),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=900,
        )
        assert not check or done.returncode == 0, f"{words}:\n{done.stdout}"
        return done.stdout

    def copy_in(self, sources: Sequence[Path], to: str) -> None:
        """Copy files and folders, as they are, into a folder of it."""
        target = self.path(to)
        target.mkdir(parents=True, exist_ok=True)
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, target / source.name, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(source, target / source.name)

    def copy_out(self, source: str, target: Path) -> None:
        """Copy a file or folder of it to a place that is not there yet, as it is."""
        subprocess.run(["cp", "-a", self.path(source), target], check=True)

    def changes(self) -> set[str]:
        """The files and folders that are new or changed, and those that are gone."""
        upper = f"{self._base}/upper"
        found = self._outside("find", upper, "-mindepth", "1", "-printf", "%y /%P\\n").splitlines()
        pairs = (line.split(" ", 1) for line in found)
        return {
            name
            for kind, name in pairs
            if kind != "d" or not (self.lower / name.lstrip("/")).exists()
        }

    def make_read_only(self, *but: str) -> None:
        """Let nothing be written from here on, but below these folders."""
        for folder in but:
            self.run("mount", "--bind", folder, folder)
        for folder in ("/", "/tmp", "/run"):
            self.run("mount", "-o", "remount,bind,ro", folder)

    def _outside(self, *words: str) -> str:
        """Run a command of the machine's own, where the mounts are seen."""
        command = ["nsenter", f"--target={self.pid}", "--mount", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
