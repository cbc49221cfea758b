"""An exception in one line: what it was, and through which functions it came.

Knows which exceptions quote what a stranger sent; their quotations are left out. Everything is
bounded, because a line of a log is.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from twisted.python.failure import Failure

_MAX_MESSAGE = 300
_MAX_FRAMES = 12
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def describe(failure: Failure) -> tuple[str, str]:
    """Return the failure's exception with its causes, and its frames, innermost last."""
    chain = list(_chain(failure.value))
    error = " < ".join(_name(one) for one in chain)
    return error, " > ".join(_frames(failure)[-_MAX_FRAMES:])


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < 4:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _name(error: BaseException) -> str:
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    try:
        # The first line only: PostgreSQL shows rows in the others.
        lines = str(error).splitlines()
    except Exception:
        return name
    message = lines[0][:_MAX_MESSAGE] if lines else ""
    if isinstance(error, (ValueError, LookupError)):
        # int("…"), {}["…"]: these quote what they were given, which may be a visitor's words.
        message = _QUOTED.sub("…", message)
    return f"{name}: {message}" if message else name


def _frames(failure: Failure) -> list[str]:
    frames = []
    traceback = failure.value.__traceback__ if failure.value is not None else None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(_place(code.co_filename, traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    # A failure that has travelled keeps only what it noted on the way.
    return frames or [_place(file, line, name) for name, file, line, *_ in failure.frames]


def _place(file: str, line: int, function: str) -> str:
    return f"{'/'.join(Path(file).parts[-2:])}:{line} {function}"
