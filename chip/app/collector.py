"""How often Python looks for objects that hold one another and nobody else does.

Chip cuts such cycles itself: while it serves, none is found. What exceptions and libraries leave
behind is found among the young objects. Looking through all that is alive takes tens of
milliseconds with some thousand chats, and the more there are, the longer.
"""

import gc
from typing import Final

YOUNG: Final = 20_000
"""New objects at which these are looked through. At Python's 700 most of them belong to messages
that are under way: they are looked through in vain, kept, and looked through again with all others.
That takes a twelfth of the CPU for a message to a visitor, and a quarter where thousands of them
say something at one moment (`bench`: "delivery", "incoming forwarded")."""
PROMOTED: Final = 10
"""Times that the young are looked through until those that outlived it are, and so on, as by
default."""


def collect_seldom() -> None:
    """To be called when all is started: what is alive now stays alive, and is never looked at."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, PROMOTED, PROMOTED)
