"""What must never be printed, recognised wherever it turns up.

Owns the patterns of chat ids, e-mail addresses and passwords in URLs, and the values that are
secret because somebody said so. Knows nothing of logs; `chip.logs.observer` and `chip.app.exits`
ask it about every text on its way out.
"""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"

_MIN_LENGTH = 4
_MAX_LEARNED = 20_000

# Not only where a channel follows: a lone chat id is the same credential. A word of exactly 24
# letters loses its end too, which nobody minds.
_CHAT_ID = re.compile(r"(?<![A-Za-z0-9])([A-Za-z0-9]{4})[A-Za-z0-9]{20}(?![A-Za-z0-9])")
_URL_LOGIN = re.compile(r"(?<=://)[^\s/@\"'<>]*:[^\s@\"'<>]*@")
_EMAIL = re.compile(r"[^\s@\"<>()\[\]{},;:=…*]+@[^\s@\"'<>()\[\]{},;:=/…*]+")


class Redactor:
    """Replaces what is secret in a text. `values` are secret for ever, others can be learned.

    Values shorter than four characters are not looked for: they are part of too many words.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        # By their first characters, so that a text is searched in one pass however many there
        # are.
        self._by_start: dict[str, set[str]] = {}
        self._learned: dict[str, None] = {}
        for value in values:
            self._insert(value)

    def keep(self, values: Iterable[str]) -> None:
        """Treat these values as secret for ever."""
        for value in values:
            self._insert(value)

    def learn(self, value: str) -> None:
        """Treat the value as secret from now on, at least until 20,000 others were learned."""
        if value in self._learned:
            return
        self._learned[value] = None
        self._insert(value)
        if len(self._learned) > _MAX_LEARNED:
            oldest = next(iter(self._learned))
            del self._learned[oldest]
            self._remove(oldest)

    def __call__(self, text: str) -> str:
        """Return the text without anything secret."""
        if len(text) < _MIN_LENGTH:
            return text
        if self._by_start:
            text = self._without_values(text)
        if "@" in text:
            text = _URL_LOGIN.sub(f"{MASK}@", text)
            text = _CHAT_ID.sub(r"\1…", text)
            return _EMAIL.sub("<email>", text)
        return _CHAT_ID.sub(r"\1…", text) if len(text) >= 24 else text

    def _without_values(self, text: str) -> str:
        starts = {text[i : i + _MIN_LENGTH] for i in range(len(text) - _MIN_LENGTH + 1)}
        found = [
            value
            for start in starts & self._by_start.keys()
            for value in self._by_start[start]
            if value in text
        ]
        # Longest first: one secret may begin another.
        for value in sorted(found, key=len, reverse=True):
            text = text.replace(value, MASK)
        return text

    def _insert(self, value: str) -> None:
        for spelling in _spellings(value):
            self._by_start.setdefault(spelling[:_MIN_LENGTH], set()).add(spelling)

    def _remove(self, value: str) -> None:
        for spelling in _spellings(value):
            same_start = self._by_start[spelling[:_MIN_LENGTH]]
            same_start.discard(spelling)
            if not same_start:
                del self._by_start[spelling[:_MIN_LENGTH]]


def _spellings(value: str) -> set[str]:
    """The value as itself, in a URL, in JSON and in a Python representation."""
    if len(value) < _MIN_LENGTH:
        return set()
    return {value, quote(value, safe=""), json.dumps(value)[1:-1], repr(value)[1:-1]}


REDACTOR = Redactor()
"""The process's own: there is one log and one standard error."""
