"""How many files this process may have open, against what it needs."""

import os
import resource
from typing import Final

BESIDES: Final = 100
"""Descriptors beside the visitors': listeners, the database, Valkey, Courier, logs."""


def too_few_descriptors(sockets: int) -> str:
    """A line for operators where `sockets` visitors need more descriptors than there may be."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = sockets + BESIDES
    if most == resource.RLIM_INFINITY or needed <= most:
        return ""
    return (
        f"{sockets} visitors need {needed} open files, and this process may have {most}: raise"
        " LimitNOFILE (systemd) or ulimit -n, or lower sockets"
    )


def is_one_left() -> bool:
    """Whether one more file can be opened now."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True
