"""Opening hours of a website: what its owner writes, and whether a moment is within them.

    Mon-Fri 09:00-12:30, 13:30-17:00; Sat 10:00-13:00; Fri,Sat 22:00-02:00

Days of the week, and times of the zone that goes with them. A time that ends no later than it
begins ends on the next day. The widget reads the same (``widget/src/hours.js``).
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXAMPLE_HOURS: Final = "Mon-Fri 09:00-17:00; Sat 10:00-13:00"
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_DASH: Final = r"\s*[-\u2013]\s*"
_DAYS: Final = re.compile(rf"([a-z]+)(?:{_DASH}([a-z]+))?", re.IGNORECASE)
_TIMES: Final = re.compile(rf"(\d?\d):([0-5]\d){_DASH}(\d?\d):([0-5]\d)")
_ENTRY: Final = re.compile(r"([^\d]+?)\s+(\d.*)", re.DOTALL)


class Span(NamedTuple):
    """A time of every week: minutes from Monday 00:00, and how many it lasts."""

    begins: int
    lasts: int


def read_hours(text: str) -> list[Span]:
    """The spans that a text names. Raises ValueError, naming what is wrong."""
    entries = [entry.strip() for entry in text.split(";")]
    spans = [span for entry in entries if entry for span in _entry(entry)]
    if not spans:
        raise ValueError(f"expected hours like {EXAMPLE_HOURS}")
    return spans


def read_zone(name: str) -> ZoneInfo:
    """The time zone. Raises ValueError for what is none, or is not known to browsers."""
    if name != "UTC" and ("/" not in name or name not in available_timezones()):
        raise ValueError("expected a time zone like Europe/Paris or Africa/Kigali")
    return ZoneInfo(name)


def opening(hours: str, zone: str) -> Callable[[datetime], bool]:
    """Tells whether a moment is within the hours. Raises ValueError."""
    spans, its_zone = read_hours(hours), read_zone(zone)

    def is_open(moment: datetime) -> bool:
        there = moment.astimezone(its_zone)
        minute = there.weekday() * _DAY + there.hour * 60 + there.minute
        return any((minute - span.begins) % _WEEK < span.lasts for span in spans)

    return is_open


def _entry(entry: str) -> Iterator[Span]:
    parts = _ENTRY.fullmatch(entry)
    if not parts:
        raise ValueError(f"expected days and times like {EXAMPLE_HOURS}, not {entry!r}")
    times = [_times(one.strip()) for one in parts[2].split(",")]
    for days in parts[1].split(","):
        for day in _days(days.strip()):
            yield from (Span(day * _DAY + begins, lasts) for begins, lasts in times)


def _days(text: str) -> Iterator[int]:
    named = _DAYS.fullmatch(text)
    names = [name.lower() for name in named.groups() if name] if named else []
    if not names or not set(names) <= set(WEEKDAYS):
        raise ValueError(f"expected days like Mon-Fri or Sat,Sun, not {text!r}")
    first, last = WEEKDAYS.index(names[0]), WEEKDAYS.index(names[-1])
    yield from ((first + more) % 7 for more in range((last - first) % 7 + 1))


def _times(text: str) -> tuple[int, int]:
    """When a span of a day begins, in minutes, and how long it lasts."""
    named = _TIMES.fullmatch(text)
    numbers = [int(number) for number in named.groups()] if named else []
    if numbers:
        begins, ends = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
        if begins < _DAY and ends <= _DAY and begins != ends:
            return begins, (ends - begins) % _DAY or _DAY
    raise ValueError(f"expected times like 09:00-17:00, not {text!r}")
