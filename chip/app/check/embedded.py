"""Whether the data directory of an embedded store, or of embedded queues, can be used."""

import os
from pathlib import Path

from chip.app.check.findings import Finding
from chip.config.schema import Config
from chip.sqlite.check import examine
from chip.sqlite.files import database_path, lock_holder


def ask_data_directory(config: Config) -> list[Finding]:
    """What is found. Raises ConfigError when the database is damaged or incomplete."""
    directory = Path(config.data_dir)
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if not existing.is_dir():
        return [Finding("FAILED", "data_dir", f"{existing} is no directory")]
    if not os.access(existing, os.W_OK | os.X_OK):
        return [Finding("FAILED", "data_dir", f"this user may not write to {existing}")]
    if not database_path(directory).exists():
        return [Finding("ok", "data_dir", f"{directory} has no database yet; a start makes one")]
    examine(directory)
    holder = lock_holder(directory)
    text = f"{directory} is in use by a Chip (process {holder})" if holder else str(directory)
    return [Finding("ok", "data_dir", text)]
