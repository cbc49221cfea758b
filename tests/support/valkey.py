"""A Valkey (or Redis) server of our own, which writes every command to disk before it answers.

Owns the server, its users and its certificate; what is stored in it is Chip's.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from .certificates import Certificates
from .process import ChildProcess, NotRunningError, answers, eventually, free_port

COUNTED_AT_ONCE = {"repl-diskless-sync": "no"}
"""Settings of a primary whose `state=online` of a replica is true at once. Where it sends its data
without a file, the replica's first word may come too early, and is repeated after a second: nothing
is sent meanwhile, and WAIT does not count it (seen with Redis 7.0)."""


def binary(tool: str) -> str:
    """Return the path of Valkey's `server` or `cli`, or of Redis's where there is no Valkey."""
    for project in ("valkey", "redis"):
        if path := shutil.which(f"{project}-{tool}"):
            return path
    raise NotRunningError("neither valkey-server nor redis-server is installed")


class Valkey(ChildProcess):
    """A server on a private port, with a password, a user of its own or TLS where asked for.

    `user` without a `password` is refused. `acl` are that user's rights, in the server's words.
    """

    name = "valkey"

    def __init__(
        self,
        directory: Path | None = None,
        *,
        password: str = "",
        user: str = "",
        acl: str = "~* &* +@all",
        tls: bool = False,
        settings: dict[str, str] | None = None,
    ) -> None:
        if user and not password:
            raise ValueError("a user needs a password")
        super().__init__(directory)
        self.port = free_port()
        self.password = password
        self.user = user
        self.acl = acl
        self.certificates = Certificates(self.directory) if tls else None
        self.settings = settings or {}

    def command(self) -> Sequence[str]:
        settings = {
            "bind": "127.0.0.1",
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "databases": "16",
            "port": str(self.port),
        }
        if self.certificates:
            settings |= {
                "port": "0",
                "tls-port": str(self.port),
                "tls-cert-file": str(self.certificates.certificate),
                "tls-key-file": str(self.certificates.key),
                "tls-ca-cert-file": str(self.certificates.authority),
                "tls-auth-clients": "no",
            }
        if self.user:
            settings["user default"] = "off"
            settings[f"user {self.user}"] = f"on {_quoted('>' + self.password)} {self.acl}"
        elif self.password:
            settings["requirepass"] = _quoted(self.password)
        path = self.directory / "valkey.conf"
        merged = settings | self.settings
        lines = [f"{key} {value}" if value else f'{key} ""' for key, value in merged.items()]
        path.write_text("\n".join(lines) + "\n")
        return [binary("server"), str(path)]

    def ready(self) -> bool:
        return answers(self.port) and self.cli("PING") == "PONG"

    @property
    def url(self) -> str:
        """The URL of database 5, with whatever the server asks for."""
        return self.url_of(5)

    def url_of(self, database: int | None, *, port: int | None = None) -> str:
        """Return a URL; `database` None leaves the path out, `port` may be a proxy's."""
        scheme = "rediss" if self.certificates else "redis"
        login = f"{quote(self.user)}:{quote(self.password, safe='')}@" if self.password else ""
        path = "" if database is None else f"/{database}"
        return f"{scheme}://{login}127.0.0.1:{port or self.port}{path}"

    def cli(self, *command: str, database: int = 5) -> str:
        """Run one command with the server's own client and return what it prints."""
        done = subprocess.run(
            [binary("cli"), "-p", str(self.port), "-n", str(database), *self._login(), *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return done.stdout.strip()

    def _login(self) -> list[str]:
        login = ["--no-auth-warning"]
        if self.user:
            login += ["--user", self.user]
        if self.password:
            login += ["-a", self.password]
        if self.certificates:
            own = self.certificates
            login += ["--tls", "--cacert", str(own.authority)]
            login += ["--cert", str(own.certificate), "--key", str(own.key)]
        return login

    def clear(self) -> None:
        """Forget everything, as between two tests."""
        self.cli("FLUSHALL")

    def cannot_save(self) -> None:
        """From now on the disk takes nothing, and the server refuses what would change anything:
        until it is to save no more (``CONFIG SET save ""``)."""
        dump = self.directory / "dump.rdb"
        dump.unlink(missing_ok=True)
        dump.mkdir()
        self.cli("CONFIG", "SET", "save", "3600 1")
        self.cli("BGSAVE")
        eventually(lambda: "rdb_last_bgsave_status:err" in self.cli("INFO"), "the save fails")

    def contents(self) -> dict[str, str]:
        """Everything in database 5, by key, in a form that can be compared."""
        keys = filter(None, self.cli("KEYS", "*").split("\n"))
        return {key: self.cli("--no-raw", "DUMP", key) for key in keys}

    def drop_clients(self) -> None:
        """Cut every client's connection; the server stays."""
        for kind in ("normal", "pubsub"):
            self.cli("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
