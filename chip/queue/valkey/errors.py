"""What went wrong with Valkey, in our own words.

Owns the translation of the library's and the server's errors. Nothing of the server's text, which
may quote what it was sent, goes any further.
"""

import re
from typing import Final

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.error import ConnectError, ConnectionRefusedError, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.python.failure import Failure
from txredisapi import ConnectionError as ConnectionLost
from txredisapi import ResponseError

from chip.errors import Unavailable

LOST: Final = "the connection to Valkey was lost"
AWAY: Final = "there is no connection to Valkey"

_REASONS: Final = {
    "LOADING": "is still loading its data",
    "READONLY": "is a read-only replica",
    "OOM": "is out of memory",
    "MISCONF": "cannot write to its disk",
    "NOREPLICAS": "has too few replicas",
    "MASTERDOWN": "has lost its primary",
    "NOAUTH": "wants a password",
    "WRONGPASS": "refuses the user or the password",
    "NOPERM": "does not let this user do what Chip needs",
    "BUSY": "is busy with a script",
    "DENIED": "runs in protected mode and wants a password",
    "AUTH": "refuses the user or the password",
    "DB index": "has no database of this number",
}
_KNOWN = re.compile("|".join(_REASONS))

_STALE: Final = frozenset({"READONLY", "MASTERDOWN", "NOAUTH"})


class AnswerLost(Unavailable):
    """The connection was lost while an answer was awaited: what was asked for may have happened."""


class OutboxDamaged(Exception):
    """An outbox holds something that cannot be read."""


class ScriptMissing(Exception):
    """The server does not have the script: it was restarted, or told to forget."""


def _kind(error: ResponseError) -> str:
    # Older servers put the place in the script before the kind.
    found = _KNOWN.search(str(error)[:200])
    return found.group() if found else ""


def is_stale(error: ResponseError) -> bool:
    """Whether another connection may lead to a server that does better."""
    return _kind(error) in _STALE


def refused(error: ResponseError) -> Unavailable | ScriptMissing | OutboxDamaged:
    """What a refusal of the server, or of a script, means."""
    if str(error).startswith("NOSCRIPT"):
        return ScriptMissing()
    if "DAMAGED" in str(error)[:200]:
        return OutboxDamaged()
    return Unavailable(f"Valkey {_REASONS.get(_kind(error), 'refused a command')}")


def is_known(error: ResponseError) -> bool:
    """Whether this is an outage that operators know, and not a fault of ours."""
    return bool(_kind(error))


def why_not_connected(error: Exception, reason: Failure | None) -> str:
    """Why an attempt to connect failed; `reason` is why the connection, once made, was lost."""
    if isinstance(error, ConnectionLost) and reason is not None:
        if reason.check(TLSError, VerificationError):
            return "its certificate was not accepted"
        return "it closed the connection (does one side want TLS and the other not?)"
    match error:
        case Unavailable():
            return str(error)
        case ResponseError():
            return str(refused(error))
        case DNSLookupError():
            return "the host is not known"
        case ConnectionRefusedError():
            return "the connection was refused"
        case ConnectTimeout():
            return "it did not answer in time"
        case ConnectError():
            return "the network does not lead there"
        case _:
            return type(error).__name__
