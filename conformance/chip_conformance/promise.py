"""What a promise is: a sentence, a function that tries it, and what it needs."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from chip_conformance.trial import Trial


class Need(Enum):
    """What a promise cannot be tried without; the value says it."""

    COURIER = "the kit as the server's Courier"
    SENDS = "the channel's secret"
    WEBCHAT = "a webchat channel"
    EXTERNAL = "an External channel"
    OWN_STORE = "a server that keeps messages itself"


class Extension(Enum):
    """What a server may offer beside the protocol's core; the value says how it shows."""

    ERRORS = "error events"
    ACCEPTED = "msg_accepted"
    PING = "ping and pong"
    ECHO = "msg_echo"
    REASONS = "an answer to a plain GET of the socket"
    AVAILABILITY = "availability"
    UUIDS = "messages named by a uuid"


Check = Callable[[Trial], Awaitable[str]]


@dataclass(frozen=True)
class Promise:
    """`sentence` is what holds; `check` returns what was seen, or raises Broken. `alone` are those
    that disturb others while they are tried; `slow` those for which a server may take as long as
    Courier may, half a minute."""

    subject: str
    sentence: str
    check: Check
    needs: frozenset[Need]
    extensions: frozenset[Extension]
    alone: bool
    slow: bool

    @property
    def name(self) -> str:
        """How it is called on the command line."""
        return f"{self.check.__module__.rpartition('.')[2]}.{getattr(self.check, '__name__', '')}"

    @property
    def wants(self) -> str:
        """What it needs, and the extensions that it is about."""
        return words(self.needs | self.extensions)


def words(wanted: Iterable[Need | Extension]) -> str:
    """Such needs in words."""
    return ", ".join(sorted(one.value for one in wanted))


class Subject:
    """What promises are about. Its instances decorate their functions, and hold them."""

    def __init__(self, name: str, *always: Need | Extension) -> None:
        self.promises: list[Promise] = []
        self._name = name
        self._always = always

    def __call__(
        self, *needs: Need | Extension, alone: bool = False, slow: bool = False
    ) -> Callable[[Check], Check]:
        """Make a promise of a function, whose docstring is the sentence."""
        wanted = (*self._always, *needs)

        def decorate(check: Check) -> Check:
            promise = Promise(
                self._name,
                " ".join((check.__doc__ or "").split()),
                check,
                frozenset(need for need in wanted if isinstance(need, Need)),
                frozenset(need for need in wanted if isinstance(need, Extension)),
                alone,
                slow,
            )
            self.promises.append(promise)
            return check

        return decorate
