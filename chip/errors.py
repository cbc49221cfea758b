"""The exceptions of Chip. The web layer turns them into HTTP answers, a session into ``error``
events.

Their texts may be shown to anybody, so they never hold SQL, secrets, message texts or what another
program has sent.
"""


class ChipError(Exception):
    """The base of all of them. `channel` is the public id of the channel that it is about, for the
    log, where whoever was told of it does not know it."""

    channel = ""


class ConfigError(ChipError):
    """A setting is wrong; the message is one line that names it."""


class Unavailable(ChipError):
    """Something that Chip depends on does not answer now; the same request may succeed later.

    ``retry_after`` is a suggestion in whole seconds.
    """

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AskedInVain(Unavailable):
    """The asker has looked up too many things that do not exist; this lookup was not made."""


class QueueFull(Unavailable):
    """A bounded queue has no room for this; nothing was stored."""


class Refused(ChipError):
    """The request is wrong, and would be refused again. ``status`` is the HTTP status for it."""

    status = 400


class NotFound(Refused):
    """The request names something that does not exist."""

    status = 404


class TooLarge(Refused):
    """The request has a larger body than is read."""

    status = 413


def without_values(error: Exception) -> str:
    """What msgspec has against some JSON. It names types and places; words that it does not know it
    quotes, however long they are, and these are left out."""
    said = str(error)
    if said.startswith(("Invalid enum value ", "Invalid value ")):
        return f"unknown value - at {said.rpartition(' - at ')[2]}"
    if said.startswith("Object contains unknown field "):
        return "Object contains an unknown field"
    return said
