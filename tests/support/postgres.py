"""A PostgreSQL server of our own, and databases in it that look like RapidPro's.

Owns the server and loading the tables of a release; what stands in the tables is rapidpro.py's.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg

from .certificates import Certificates
from .process import ChildProcess, NotRunningError, eventually, free_port

GENERATIONS = ("10.2", "26.0", "26.2")
_TABLES = Path(__file__).with_name("rapidpro")
_SCRIPTS = {"10.2": ("10.2",), "26.0": ("26.2", "26.0"), "26.2": ("26.2",)}
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # The machine does not lose power in a test; the server may be killed, and then what was
    # committed must have reached the kernel.
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}
_CUT_WITHIN = 30_000
"""Milliseconds in which a connection that is cut is gone."""


def binaries() -> Path:
    """Return the folder with the newest PostgreSQL server of this machine."""
    found = [
        path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()
    ]
    if not found:
        raise NotRunningError("no PostgreSQL server is installed under /usr/lib/postgresql")
    return max(found, key=lambda path: int(path.parent.name))


class Postgres(ChildProcess):
    """A server on a private port, with `tls` if wanted. It trusts everybody but `guarded`, who
    needs a password."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": roll open transactions back, then go
    password_user = "guarded"
    password = "s3cr3t/&?x"

    def __init__(self, directory: Path | None = None, *, tls: bool = False) -> None:
        super().__init__(directory)
        self.bin = binaries()
        self.port = free_port()
        self.data = self.directory / "data"
        self.certificates = Certificates(self.directory) if tls else None
        self._numbers = itertools.count(1)
        self._templates: set[str] = set()
        # PostgreSQL refuses to run as root.
        self._user: dict[str, object] = (
            {"user": "postgres", "group": "postgres", "extra_groups": []}
            if os.geteuid() == 0
            else {}
        )

    def command(self) -> Sequence[str]:
        settings = _SETTINGS | {"port": str(self.port), "unix_socket_directories": ""}
        if self.certificates:
            settings |= {
                "ssl": "on",
                "ssl_cert_file": str(self.certificates.certificate),
                "ssl_key_file": str(self.certificates.key),
            }
        return [
            str(self.bin / "postgres"),
            "-D",
            str(self.data),
            *itertools.chain.from_iterable(("-c", f"{k}={v}") for k, v in settings.items()),
        ]

    def spawn_options(self) -> dict[str, object]:
        return self._user

    def spawn(self) -> None:
        if not self.data.exists():
            self._initialise()
        super().spawn()

    def start(self) -> None:
        fresh = not self.data.exists()
        super().start()
        if fresh:
            self.execute(
                psycopg.sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(
                    psycopg.sql.Identifier(self.password_user), self.password
                )
            )

    def ready(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """End the server and all its backends at once."""
        backends = self.backends()
        super().kill()
        for pid in backends:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        # The next start would find their shared memory still in use.
        eventually(lambda: not any(map(_exists, backends)), "backends are gone")

    def backends(self) -> list[int]:
        if not self.running:
            return []
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def _initialise(self) -> None:
        if self.certificates:
            self.certificates.key.chmod(0o600)
        if self._user:
            subprocess.run(["/bin/chown", "-R", "postgres:", str(self.directory)], check=True)
        done = subprocess.run(
            [
                *(self.bin / "initdb", "-D", self.data, "-U", "chip", "-A", "trust"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            cwd=self.directory,
            capture_output=True,
            check=False,
            **self._user,  # type: ignore[call-overload]
        )
        if done.returncode:
            raise NotRunningError(done.stderr.decode())
        rules = self.data / "pg_hba.conf"
        rules.write_text(
            f"host all {self.password_user} 127.0.0.1/32 scram-sha-256\n"
            "host all all 127.0.0.1/32 trust\n"
        )

    # Databases.

    @property
    def url(self) -> str:
        """The URL of the server's own, empty database."""
        return self.url_of("postgres")

    def url_of(self, database: str, *, guarded: bool = False, port: int | None = None) -> str:
        """Return a database's URL, by way of a proxy's `port`, for the `guarded` user if wanted."""
        login = f"{self.password_user}:{quote(self.password, safe='')}" if guarded else "chip"
        return f"postgresql://{login}@127.0.0.1:{port or self.port}/{database}"

    def connect(self, url: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection that commits every statement."""
        return psycopg.connect(url or self.url, autocommit=True, connect_timeout=5)

    def execute(self, statement: str | psycopg.sql.Composable, url: str | None = None) -> None:
        """Run statements on a connection of their own."""
        with self.connect(url) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def create_database(self, generation: str = "26.2") -> str:
        """Make a database with the tables of RapidPro 10.2, 26.0 or 26.2; return its URL."""
        template = f"rapidpro_{generation.replace('.', '_')}"
        if template not in self._templates:
            self.execute(f"CREATE DATABASE {template}")
            for script in _SCRIPTS[generation]:
                self.execute((_TABLES / f"{script}.sql").read_text(), self.url_of(template))
            self._templates.add(template)
        database = f"rapidpro_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
        return self.url_of(database)

    def drop_database(self, url: str) -> None:
        """Remove a database, throwing out whoever still uses it."""
        self.execute(f"DROP DATABASE IF EXISTS {url.rsplit('/', 1)[1]} WITH (FORCE)")

    def disconnect_all(self) -> None:
        """Cut every client's connection, as an administrator would. When this returns, they are
        cut: whoever asks now needs a new one."""
        self.execute(
            f"SELECT pg_terminate_backend(pid, {_CUT_WITHIN}) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
