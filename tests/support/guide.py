"""What the operator's guide has to be typed in, as it is written there."""

from __future__ import annotations

import re
from pathlib import Path

_GUIDE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()


def database_rights(user: str) -> str:
    """The statements that make a user of PostgreSQL with the rights that Chip needs."""
    (statements,) = re.findall(r"```sql\n(CREATE ROLE .*?)```", _GUIDE, re.DOTALL)
    # The tests' own server has a chip already, who may do anything.
    return re.sub(r"\bchip\b", user, statements)


def cluster_creation(places: list[str]) -> list[str]:
    """The arguments of ``valkey-cli`` that make a Cluster, with these places for the guide's own,
    which are as many."""
    (command,) = re.findall(r"valkey-cli -a secret (--cluster create .*?)```", _GUIDE, re.DOTALL)
    words = command.replace("\\\n", " ").split()
    of_guide = [word for word in words if re.fullmatch(r"[\d.]+:\d+", word)]
    others = dict(zip(of_guide, places, strict=True))
    return [others.get(word, word) for word in words]


def valkey_rights() -> str:
    """The rights that Chip needs in Valkey, as ``ACL SETUSER`` takes them."""
    (rights,) = re.findall(r"ACL SETUSER chip on >secret ([^`]+)`", _GUIDE)
    return rights
