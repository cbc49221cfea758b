"""What Chip is operated with: units, set-ups of the servers beside it, alerts and a dashboard.

Owns these files, which lie beside this module, and copying them. They need no settings: the copies
are for an operator to edit.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent


def samples() -> list[Path]:
    """Their names, below this directory and below that of the copies."""
    return sorted(path.relative_to(HERE) for path in HERE.glob("[!_]*/*"))


def copy(directory: Path, *, replace: bool) -> Iterator[Path]:
    """Copy all of them below the directory, which is made; yield each copy's path.

    Unless told to `replace`, raises FileExistsError where one is there already; none is written.
    """
    copies = {HERE / name: directory / name for name in samples()}
    there = [str(path) for path in copies.values() if path.exists()]
    if there and not replace:
        raise FileExistsError(f"already there: {', '.join(there)}")
    for sample, path in copies.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sample, path)
        yield path
