"""What went wrong with Valkey, in our own words.

Owns the translation of the library's and the server's errors. Nothing of the server's text, which
may quote what it was sent, goes any further.
"""

import re
from typing import Final

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.python.failure import Failure
from txredisapi import ConnectionError as ConnectionLost
from txredisapi import ResponseError

from chip.errors import ConfigError, Unavailable
from chip.logs.network import in_words

LOST: Final = "the connection to Valkey was lost"
AWAY: Final = "there is no connection to Valkey"
UNSURE: Final = "Valkey went or moved away before its replicas were heard of"
TOO_FEW: Final = "NOREPLICAS"
"""As the server puts it where it counts them itself, by `min-replicas-to-write`."""

FORBIDDEN: Final = "does not let this user do what Chip needs"

_CLUSTER: Final = "is a Cluster: add ?cluster=true to the URL, in place of a database"

_REASONS: Final = {
    "LOADING": "is still loading its data",
    "READONLY": "is a read-only replica",
    "replica instances": "is a read-only replica",  # of which no WAIT is asked
    "OOM": "is out of memory",
    "MISCONF": "cannot write to its disk",
    "NOREPLICAS": "has too few replicas",
    "MASTERDOWN": "has lost its primary",
    "NOAUTH": "wants a password",
    "WRONGPASS": "refuses the user or the password",
    "NOPERM": FORBIDDEN,
    "ACL failure": FORBIDDEN,
    "The user executing the script": FORBIDDEN,  # so before 7.2
    "BUSY": "is busy with a script",
    "DENIED": "runs in protected mode and wants a password",
    "AUTH": "refuses the user or the password",
    "DB index": "has no database of this number",
    "cluster mode": _CLUSTER,
    "CLUSTERDOWN": _CLUSTER,
    "CROSSSLOT": _CLUSTER,
    "MOVED": _CLUSTER,
    "cluster support disabled": "is no Cluster: leave out ?cluster=true",
}
_KNOWN = re.compile("|".join(_REASONS))

_FOR_ALL: Final = frozenset(
    {
        "LOADING",
        "READONLY",
        "replica instances",
        "OOM",
        "MISCONF",
        "NOREPLICAS",
        "MASTERDOWN",
        "BUSY",
    }
)
"""What holds for every command that writes, until it is over."""
_STALE: Final = frozenset({"READONLY", "replica instances", "MASTERDOWN", "NOAUTH"})


class AnswerLost(Unavailable):
    """The connection was lost while an answer was awaited: what was asked for may have happened."""


class NotReplicated(AnswerLost):
    """Stored, and too few replicas had it in time: it is there unless the primary is lost now."""

    def __init__(self) -> None:
        super().__init__(f"Valkey {reason_of(TOO_FEW)}")


class OutboxDamaged(Exception):
    """An outbox holds something that cannot be read."""


class ScriptMissing(Exception):
    """The server does not have the script: it was restarted, or told to forget."""


def _kind(said: str) -> str:
    # Older servers put the place in the script before the kind.
    found = _KNOWN.search(said[:200])
    return found.group() if found else ""


def reason_of(said: str) -> str:
    """What an error that operators know says of the server; ``""`` for any other."""
    return _REASONS.get(_kind(said), "")


def holds_for_all(said: str) -> bool:
    """Whether every write is refused with this error, and not only some commands or keys."""
    return _kind(said) in _FOR_ALL


def is_stale(error: ResponseError) -> bool:
    """Whether another connection may lead to a server that does better."""
    return _kind(str(error)) in _STALE


def refused(error: ResponseError) -> Unavailable | ScriptMissing | OutboxDamaged:
    """What a refusal of the server, or of a script, means."""
    if str(error).startswith("NOSCRIPT"):
        return ScriptMissing()
    if "DAMAGED" in str(error)[:200]:
        return OutboxDamaged()
    return Unavailable(f"Valkey {reason_of(str(error)) or 'refused a command'}")


def why_not_connected(error: Exception, reason: Failure | None) -> str:
    """Why an attempt to connect failed; `reason` is why the connection, once made, was lost."""
    if isinstance(error, ConnectionLost) and reason is not None:
        if isinstance(reason.value, (TLSError, VerificationError)):
            return in_words(reason.value)
        return "it closed the connection (does one side want TLS and the other not?)"
    match error:
        case Unavailable() | ConfigError():
            return str(error)
        case ResponseError():
            return str(refused(error))
        case _:
            return in_words(error)
