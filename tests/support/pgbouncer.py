"""PgBouncer in front of a PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence

from .postgres import Postgres
from .process import ChildProcess, NotRunningError, answers, free_port
from .sample import adapted

_SHARED_CONNECTIONS = 3


class Pgbouncer(ChildProcess):
    """Pools by `mode` (session, transaction or statement), with Debian's settings and `settings`.

    Its connections to the server are fewer than Chip's to it where they can be shared.
    """

    name = "pgbouncer"
    # It keeps nothing. From 1.23 on SIGTERM waits for the clients, and releases before ignore
    # SIGQUIT where they were started in the background.
    stop_signal = signal.SIGKILL

    def __init__(self, postgres: Postgres, mode: str, **settings: str) -> None:
        super().__init__()
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        if not program:
            raise NotRunningError("pgbouncer is not installed: see tools/test-packages")
        self._program = program
        self.port = free_port()
        self._settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": mode,
            "default_pool_size": str(20 if mode == "session" else _SHARED_CONNECTIONS),
            **settings,
        }
        self.postgres = postgres
        self._server = f"host=127.0.0.1 port={postgres.port} user=chip"
        # It refuses to run as root, as PostgreSQL does.
        self._user = postgres.spawn_options()

    def spawn(self) -> None:
        (self.directory / "pgbouncer.ini").write_text(self.config())
        self.directory.chmod(0o755)
        super().spawn()

    def config(self) -> str:
        """What it is set up by."""
        lines = [f"{name} = {value}" for name, value in self._settings.items()]
        return "\n".join(["[databases]", f"* = {self._server}", "[pgbouncer]", *lines])

    def command(self) -> Sequence[str]:
        return [self._program, str(self.directory / "pgbouncer.ini")]

    def spawn_options(self) -> dict[str, object]:
        return self._user

    def ready(self) -> bool:
        return answers(self.port)

    def url_of(self, database: str) -> str:
        """The URL, by way of this pooler, of what has that URL at the server."""
        return f"postgresql://chip@127.0.0.1:{self.port}/{database.rsplit('/', 1)[1]}"


class SamplePgbouncer(Pgbouncer):
    """One that is set up by the sample, for this database of the server."""

    def __init__(self, postgres: Postgres, database: str) -> None:
        super().__init__(postgres, "transaction")
        self._database = database.rsplit("/", 1)[1]
        self.url = f"postgresql://chip:secret@127.0.0.1:{self.port}/{self._database}"

    def config(self) -> str:
        users = self.directory / "userlist.txt"
        users.write_text('"chip" "secret"')
        server = f"host=127.0.0.1 port={self.postgres.port} dbname={self._database}"
        return adapted(
            "pgbouncer/pgbouncer.ini",
            {
                "rapidpro = host=db port=5432 dbname=rapidpro": f"{self._database} = {server}",
                "listen_addr = 0.0.0.0": "listen_addr = 127.0.0.1\nunix_socket_dir =",
                "listen_port = 6432": f"listen_port = {self.port}",
                "/etc/pgbouncer/userlist.txt": str(users),
            },
        )
