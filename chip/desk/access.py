"""Who may sit at the desk: whoever has the token.

Owns the token, its comparison and the limit on wrong ones. A token that was made at this start is
good until the process ends, a configured one for as long as it is configured. What a browser gets
for it is a session: see `chip.desk.sessions`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Literal

from twisted.logger import Logger

from chip.buckets import Buckets, network_of, per_minute
from chip.limits import Limits
from chip.throttle import LogThrottle

Login = Literal["let_in", "wrong_token", "too_many"]
"""What came of an attempt to come in."""


class Access:
    """`token` is the configured one, or empty; `key` is this installation's own secret.

    `seconds` tells the time; `count_login` is told what came of each attempt.
    """

    _log = Logger()

    def __init__(
        self,
        token: str,
        key: bytes,
        seconds: Callable[[], float],
        limits: Limits,
        count_login: Callable[[Login], None],
    ) -> None:
        self.token = token or secrets.token_urlsafe(24)
        self._seconds = seconds
        self.label = hmac.new(key, b"desk\0" + token.encode(), "sha256").hexdigest()
        """What stands for the configured token in sessions: another one ends them all. A token that
        was made at a start must not, so they all have the same."""
        # Browsers share cookies between the ports of a host: each Chip needs a name of its own.
        self.cookie_name = "chip-desk-" + hashlib.sha256(key).hexdigest()[:12]
        self._throttle = LogThrottle(seconds)
        self._count_login = count_login
        self._wrong = Buckets(*per_minute(limits.desk_logins_per_minute))

    def come_in(self, token: str, address: str) -> tuple[Login, float]:
        """Note an attempt with this token. Returns what came of it, and the seconds to wait after
        too many wrong ones from the network of `address`.

        The right token always gets in: whoever shares an address with those who guess, as behind a
        proxy that names nobody, is not kept out by them. So what guessing is up against is the
        token's length; the limit says 429, and makes the guesses be seen.
        """
        if self.is_token(token):
            outcome: Login = "let_in"
            wait = 0.0
        else:
            wait = self._wrong.take(network_of(address), self._seconds())
            outcome = "too_many" if wait else "wrong_token"
        self._tell(outcome, address)
        return outcome, wait

    def _tell(self, outcome: Login, address: str) -> None:
        self._count_login(outcome)
        if outcome != "let_in" and (times := self._throttle.times("login")):
            self._log.warn(
                "{times} attempts to come in at the desk failed (the last one from {address})",
                times=times,
                address=address or "a proxy",
            )

    def is_token(self, candidate: str) -> bool:
        """Whether this is the token. Takes the same time for every other one, of any length."""
        return hmac.compare_digest(_digest(candidate), _digest(self.token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
