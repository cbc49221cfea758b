"""Removing secrets from a text, wherever in it they are.

Owns the patterns of chat ids, e-mail addresses and passwords in URLs, and the set of secret values.
`chip.logs.log_observer` and `chip.app.exits` pass every text through it before it is written.
"""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"

_MIN_LENGTH = 4
"""Characters that a value must have to be looked for; shorter ones are part of too many words."""
_MAX_LEARNED = 20_000
"""Values learned that are kept; the oldest is dropped for the next."""
_LOOKED_THROUGH = 16
"""How many times of what is left of a text is looked through before the rest is cut off."""

# A chat id is a credential, with or without its channel. Any word of exactly 24 letters and digits
# is cut too, which does no harm. It may stand behind an encoded sign, as in webchat%3A….
_CHAT_ID = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))([A-Za-z0-9]{4})[A-Za-z0-9]{20}(?![A-Za-z0-9])"
)
_URL_LOGIN = re.compile(r"(?<=://)[^\s/@\"'<>]*:[^\s@\"'<>]*@")
_EMAIL = re.compile(r"[^\s@\"<>()\[\]{},;:=…*]+@[^\s@\"'<>()\[\]{},;:=/…*]+")


class Redactor:
    """Replaces what is secret in a text: `values`, and those that are learned.

    Values shorter than four characters are not looked for.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        # By their first four characters, so that a text is searched in one pass however many
        # values there are.
        self._by_start: dict[str, set[str]] = {}
        self._learned: dict[str, None] = {}
        for value in values:
            self._insert(value)

    def keep(self, values: Iterable[str]) -> None:
        """Treat these values as secret, for as long as the process runs."""
        for value in values:
            self._insert(value)

    def learn(self, value: str) -> None:
        """Treat the value as secret until 20,000 others were learned after it."""
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

    def cut(self, text: str, most: int) -> str:
        """Return at most so many characters of it. A secret that was cut first would not be known
        for one; but nobody needs to look through a whole megabyte."""
        return self(text[: most * _LOOKED_THROUGH])[:most]

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
"""The one of this process, which has one log and one standard error."""
