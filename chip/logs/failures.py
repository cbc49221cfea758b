"""An exception in one line of a log: its type and message, its causes, and its traceback.

Some exceptions quote a value, which may be what a visitor sent; quotations are left out of those.
The line is bounded.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from twisted.python.failure import Failure

from chip.logs.redact import Redactor

_MAX_MESSAGE = 300
"""Characters of an exception's message."""
_MAX_FRAMES = 12
"""Frames of a traceback, those nearest to the exception."""
_MAX_CAUSES = 4
"""Exceptions in a chain of causes, the outermost first."""
_LOOKED_THROUGH = 16 * _MAX_MESSAGE
"""Characters in which quotations are looked for; of what is left of them the message is made."""
_QUOTED = re.compile(
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<!\w)b?['"].*\Z""",  # or one without an end
    re.DOTALL,
)


def describe(failure: Failure, redact: Redactor) -> tuple[str, str]:
    """Return the exception with its causes, without anything secret, and the frames of its
    traceback, innermost last."""
    chain = list(_chain(failure.value))
    error = " < ".join(_name(one, redact) for one in chain)
    return error, " > ".join(_frames(failure)[-_MAX_FRAMES:])


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < _MAX_CAUSES:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _name(error: BaseException, redact: Redactor) -> str:
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    try:
        message = str(error)[:_LOOKED_THROUGH]
    except Exception:
        return name
    if isinstance(error, (ValueError, LookupError)):
        # int("…") and {}["…"] quote what they were given, which may come from a visitor.
        message = _QUOTED.sub("…", message)
    # The first line only: PostgreSQL's further lines show rows.
    message = redact.cut("".join(message.splitlines()[:1]), _MAX_MESSAGE)
    return f"{name}: {message}" if message else name


def _frames(failure: Failure) -> list[str]:
    frames = []
    traceback = failure.value.__traceback__ if failure.value is not None else None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(_place(code.co_filename, traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    # A failure whose traceback was cleaned up keeps only its own list of frames.
    return frames or [_place(file, line, name) for name, file, line, *_ in failure.frames]


def _place(file: str, line: int, function: str) -> str:
    return f"{'/'.join(Path(file).parts[-2:])}:{line} {function}"
