"""Backing up the database to one file, and restoring it.

backup    while Chip runs, which goes on meanwhile
restore   while no Chip runs; the database that was there is moved to a directory beside it
"""

import contextlib
import os
import sqlite3
import tempfile
from datetime import date
from pathlib import Path

from chip.errors import ConfigError
from chip.sqlite.connection import connect_to_read
from chip.sqlite.files import (
    DirectoryLock,
    commits_path,
    create,
    database_path,
    require_database,
    sync_directory,
)
from chip.sqlite.schema import UPGRADES
from chip.sqlite.trouble import UNREADABLE, one_line, sqlite_reason


def backup(data_dir: Path, file: Path) -> int:
    """Copy the database, as it is at one moment, to a new file; return its size in bytes.

    Raises ConfigError when there is no database, or it is damaged, or there is such a file.
    """
    require_database(data_dir)
    if file.exists():
        raise ConfigError(f"{file} exists already")
    _copy(database_path(data_dir), file)
    return file.stat().st_size


def restore(data_dir: Path, file: Path) -> Path | None:
    """Put a backup in the database's place; return the directory of what was there, if any.

    Raises ConfigError when a Chip has the directory, or the file is no sound backup of Chip's.
    """
    if not file.is_file():
        raise ConfigError(f"there is no file {file}")
    lock = DirectoryLock(data_dir)
    lock.acquire()
    path = database_path(data_dir)
    new = path.with_name(f"{path.name}-restored")
    try:
        new.unlink(missing_ok=True)
        _copy(file, new)
        _note_the_loss(new)
        return _replace(data_dir, new)
    except OSError as error:
        raise ConfigError(f"data_dir: cannot use {data_dir}: {error.strerror}") from None
    finally:
        lock.release()


def _note_the_loss(path: Path) -> None:
    """What was taken since the backup is not in it: each chat's outbox may lack something."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "UPDATE setting"
                " SET value = CAST(max(value + 1, strftime('%s', 'now') * 1000) AS TEXT)"
                " WHERE name = 'made'"
            )
    except sqlite3.Error as error:
        raise ConfigError(f"cannot write {path}: {sqlite_reason(error)}") from None


def _replace(data_dir: Path, new: Path) -> Path | None:
    path, commits = database_path(data_dir), commits_path(data_dir)
    parts = [path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "")]
    old = [part for part in parts if part.exists()]
    aside = None
    if old or commits.exists():
        aside = Path(tempfile.mkdtemp(prefix=f"replaced-{date.today()}-", dir=data_dir))
        for part in old:
            part.rename(aside / part.name)
    new.rename(path)
    sync_directory(data_dir)
    # Last: with it, a Chip that is started before all is in place refuses the database.
    if commits.exists() and aside is not None:
        commits.rename(aside / commits.name)
        sync_directory(data_dir)
    return aside


def _copy(source: Path, target: Path) -> None:
    """Make `target` a sound copy of the database `source`, or not at all."""
    part = target.with_name(f"{target.name}.part")
    try:
        os.close(create(part, os.O_EXCL))
        try:
            _fill(part, source)
            file = os.open(part, os.O_RDONLY)
            os.fsync(file)
            os.close(file)
            part.rename(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_directory(target.parent)
    except OSError as error:
        raise ConfigError(f"cannot write {part}: {error.strerror}") from None


def _fill(part: Path, source: Path) -> None:
    try:
        with (
            contextlib.closing(connect_to_read(source)) as original,
            contextlib.closing(sqlite3.connect(part, isolation_level=None)) as copy,
        ):
            # All pages in one step: they are of one moment, though others go on writing.
            original.backup(copy)
            # Without a -wal file, so that one file is all of it.
            copy.execute("PRAGMA journal_mode = DELETE")
            found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            version = copy.execute("PRAGMA user_version").fetchone()[0]
    except (sqlite3.Error, *UNREADABLE) as error:
        raise ConfigError(f"cannot copy {source}: {sqlite_reason(error)}") from None
    if found != "ok":
        raise ConfigError(f"{source} is damaged ({one_line(found)})")
    if not 0 < version <= len(UPGRADES):
        raise ConfigError(f"{source} was not made by Chip, or by a newer one")
