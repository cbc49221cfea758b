"""The reactor's clock, which goes on evenly whoever sets the machine's.

Twisted counts by the time of day: set back by a day, no timer would fire before that day is over;
set forward, all would at once, and what is stored would expire. Times that people are shown come
from `time.time` instead.
"""

import time
from typing import Any

from chip.tasks import BOOT_CLOCK


def use_even_clock(reactor: Any) -> None:
    """Make `reactor.seconds` even: it begins with the present Unix time, and does not follow when
    the machine's clock is set.

    To be called before anything is scheduled: each part of Twisted asks its reactor's `seconds`.
    """
    began = time.time() - time.clock_gettime(BOOT_CLOCK)
    reactor.seconds = lambda: began + time.clock_gettime(BOOT_CLOCK)
