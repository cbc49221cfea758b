"""The data directory: what lies in it, whose it is, and that one process at a time has it.

lock                   the process that has the directory
chip.sqlite3           the database; -wal and -shm beside it are SQLite's, and part of it
chip.sqlite3-commits   how many commits there were (`chip.sqlite.commits`)
"""

import contextlib
import fcntl
import os
from pathlib import Path

from chip.errors import ConfigError


def database_path(data_dir: Path) -> Path:
    """Where the database of a data directory lies."""
    return data_dir / "chip.sqlite3"


def commits_path(data_dir: Path) -> Path:
    """Where the number of its commits is: there is one once the database has been in use."""
    return data_dir / "chip.sqlite3-commits"


def make_directory(data_dir: Path) -> None:
    """Make the directory (mode 0700) where there is none. Raises ConfigError."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"data_dir: cannot use {data_dir}: {error.strerror}") from None


def make_database(data_dir: Path) -> None:
    """Make an empty database in the directory, unless there is one, or should be one.

    Raises ConfigError when it was lost: a new one would have new channels, which no website knows.
    """
    path, commits = database_path(data_dir), commits_path(data_dir)
    if commits.exists() and not (path.exists() and path.stat().st_size):
        raise ConfigError(
            f"data_dir: {path} is {'empty' if path.exists() else 'missing'}, and it was in use:"
            " put it back, or restore a backup (twistd chip restore FILE);"
            f" to begin with an empty one, remove {commits}"
        )
    try:
        os.close(create(path))
    except OSError as error:
        raise ConfigError(f"data_dir: cannot use {path}: {error.strerror}") from None


def require_database(data_dir: Path) -> None:
    """Raise ConfigError when there is no database in the directory."""
    if not database_path(data_dir).exists():
        raise ConfigError(f"data_dir: there is no database in {data_dir.absolute()}")


def create(path: Path, flags: int = 0) -> int:
    """Open a file to read and write, made (mode 0600) where there is none; return its descriptor.

    What root makes belongs to the directory's owner, who is to use it. Raises OSError.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)
    return file


def sync_directory(directory: Path) -> None:
    """Return once the directory's entries are on the disk (fsync)."""
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def lock_holder(data_dir: Path) -> str:
    """The process that has the directory, ``""`` for none. Changes nothing."""
    try:
        with (data_dir / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return (data_dir / "lock").read_text("ascii", "replace").strip() or "unknown"
    except OSError:
        return ""
    return ""


class DirectoryLock:
    """A lock that one process has. The kernel releases it when the process ends."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: int | None = None

    def acquire(self) -> None:
        """Lock the directory. Raises ConfigError when another process has it."""
        make_directory(self._data_dir)
        try:
            file = create(self._data_dir / "lock")
        except OSError as error:
            raise ConfigError(f"data_dir: cannot use {self._data_dir}: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode("ascii", "replace").strip()
            os.close(file)
            raise ConfigError(
                f"data_dir: {self._data_dir} is in use by another Chip"
                + (f" (process {holder})" if holder else "")
            ) from None
        self._file = file
        # Whose it is, is but a word for people: on a full disk it is not there.
        with contextlib.suppress(OSError):
            os.truncate(file, 0)
            os.write(file, b"%d\n" % os.getpid())

    def release(self) -> None:
        """Unlock the directory."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
