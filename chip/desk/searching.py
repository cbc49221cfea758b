"""How the desk searches: whatever the case and the accents, in any script.

SQLite's LIKE knows capitals of ASCII only. So what is searched for is folded, and so is a text in
which that may make a difference; any other one is left to LIKE, which is ten times as fast.
"""

import re
import unicodedata
from sqlite3 import Connection

_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
"""Accents and vowel points of Latin, Greek, Cyrillic, Hebrew, Arabic; elsewhere they are text."""


def folded(text: str) -> str:
    """`text` without case and accents, for comparison."""
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold()


def has(column: str) -> str:
    """The condition that a column's text has what is searched for in it."""
    return (
        f"({column} LIKE :pattern ESCAPE '\\' OR length({column}) <> length(CAST({column} AS BLOB))"
        f" AND has({column}, :wanted))"
    )


def parameters(search: str) -> dict[str, str]:
    """What `has` compares with. LIKE must find its own signs and not follow them."""
    wanted = folded(search.strip())
    escaped = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"wanted": wanted, "pattern": f"%{escaped}%"}


def teach(db: Connection) -> None:
    """Make `has` known to a connection."""
    db.create_function("has", 2, _has, deterministic=True)


def _has(text: str, wanted: str) -> bool:
    return wanted in folded(text)
