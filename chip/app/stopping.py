"""The steps of a stop, one after the other, within a time that no step prolongs.

Owns how the time is shared out. Does not know what the steps do.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from twisted.logger import Logger

from chip.errors import Unavailable
from chip.tasks import Clock, within

_KEPT: Final = 0.5
"""Seconds that every step has at least, whatever those before it have taken."""

Step = Callable[[], Coroutine[Any, Any, None]]

_log = Logger()


async def stop_by_steps(clock: Clock, deadline: float, steps: Sequence[Step]) -> None:
    """Take the steps, each even if one before it failed or hung: what takes too long is left
    behind. Returns after at most `deadline` seconds."""
    ends = clock.seconds() + deadline
    # Half of a very short deadline is shared out, too.
    kept = min(_KEPT, deadline / 2 / len(steps))
    for behind, step in zip(reversed(range(len(steps))), steps, strict=True):
        try:
            await within(clock, ends - clock.seconds() - kept * behind, step())
        except Unavailable as error:
            name = getattr(step, "__name__", "").strip("_").replace("_", " ")
            _log.warn("the stop goes on without: {step}", step=name, reason=str(error))
        except Exception:
            _log.failure("a step of the stop failed")
