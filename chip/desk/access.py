"""Who may sit at the desk: whoever has the token.

Owns the token, its comparison and the limit on attempts. A token that was made at this start is
good until the process ends, a configured one for as long as it is configured. What a browser gets
for it is a session: see `chip.desk.sessions`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable

from chip.buckets import Buckets

ATTEMPTS_PER_MINUTE = 10


class Access:
    """`token` is the configured one, or empty; `key` is this installation's own secret.

    `seconds` tells the time.
    """

    def __init__(self, token: str, key: bytes, seconds: Callable[[], float]) -> None:
        self.token = token or secrets.token_urlsafe(24)
        self._seconds = seconds
        self.label = hmac.new(key, b"desk\0" + token.encode(), "sha256").hexdigest()
        """What stands for the configured token in sessions: another one ends them all. A token that
        was made at a start must not, so they all have the same."""
        # Browsers share cookies between the ports of a host: each Chip needs a name of its own.
        self.cookie_name = "chip-desk-" + hashlib.sha256(key).hexdigest()[:12]
        self._attempts = Buckets(ATTEMPTS_PER_MINUTE / 60, ATTEMPTS_PER_MINUTE)

    def is_token(self, candidate: str) -> bool:
        """Whether this is the token. Takes the same time for every wrong one."""
        return hmac.compare_digest(candidate.encode(), self.token.encode())

    def wait(self, address: str) -> float:
        """Note an attempt to come in. Returns 0, or the seconds to wait after too many."""
        return self._attempts.take(address, self._seconds())
