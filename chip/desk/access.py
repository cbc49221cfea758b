"""Who may sit at the desk: whoever has the token, and then his browser.

Owns the token, the cookie that a browser gets for it, and the comparisons. A token that was made
at this start is good until the process ends, a configured one for as long as it is configured. The
cookie is an expiry time and a MAC over it: nothing about it is kept, so it survives a restart.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable

from chip.limits import Buckets

DAYS = 30
ATTEMPTS_PER_MINUTE = 10


class Access:
    """`token` is the configured one, or empty; `key` is this installation's own secret.

    `seconds` tells the time.
    """

    def __init__(self, token: str, key: bytes, seconds: Callable[[], float]) -> None:
        self.token = token or secrets.token_urlsafe(24)
        self._seconds = seconds
        # Another configured token ends every session; a token made at a start must not.
        self._key = hmac.digest(key, b"desk\0" + token.encode(), "sha256")
        # Browsers share cookies between the ports of a host: each Chip needs a name of its own.
        self.cookie_name = "chip-desk-" + hashlib.sha256(key).hexdigest()[:12]
        self._attempts = Buckets(ATTEMPTS_PER_MINUTE / 60, ATTEMPTS_PER_MINUTE)

    def is_token(self, candidate: str) -> bool:
        """Whether this is the token. Takes the same time for every wrong one."""
        return hmac.compare_digest(candidate.encode(), self.token.encode())

    def wait(self, address: str) -> float:
        """Note an attempt to come in. Returns 0, or the seconds to wait after too many."""
        return self._attempts.take(address, self._seconds())

    def new_cookie(self) -> str:
        """The value of a cookie that lets a browser in for the coming days."""
        until = str(int(self._seconds()) + DAYS * 86_400)
        return f"{until}.{self._mac(until)}"

    def is_cookie(self, candidate: str) -> bool:
        """Whether this is a cookie that was given out here and is still good."""
        until, _, mac = candidate.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(until).encode()):
            return False
        return int(until) > self._seconds()

    def _mac(self, until: str) -> str:
        return hmac.new(self._key, until.encode(), "sha256").hexdigest()
