"""RFC 3339 times: read with any offset and up to nanoseconds, written in UTC with ``Z``.

PostgreSQL keeps microseconds. A time with nanoseconds is rounded *up* to the next microsecond, so
that a page of history "strictly before" a time loses no message.
"""

import re
from datetime import UTC, datetime, timedelta

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_LEAP_SECOND = 60


def parse_time(text: str) -> datetime:
    """The moment that `text` names, in UTC.

    Raises ValueError when it is not an RFC 3339 time with a zone, or beyond the years 1 to 9999.
    A leap second counts as the first moment of the next minute.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 time with a zone")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, zone_hours, zone_minutes = match.groups()[6:]
    extra = timedelta(0)
    if second == _LEAP_SECOND:
        second, extra = 59, timedelta(seconds=1)
    elif fraction:
        extra = timedelta(microseconds=-(-int(fraction.ljust(9, "0")) // 1000))
    if sign:
        if int(zone_hours) > 23 or int(zone_minutes) > 59:
            raise ValueError("no such zone")
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
        extra += -offset if sign == "+" else offset
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC) + extra
    except OverflowError:
        raise ValueError("beyond the years 1 to 9999") from None


def format_time(moment: datetime) -> str:
    """`moment` in UTC, with a fraction only when there is one, trailing zeros trimmed.

    >>> format_time(datetime(2024, 5, 1, 17, 15, 30, 123400, tzinfo=UTC))
    '2024-05-01T17:15:30.1234Z'
    """
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def time_of_timestamp(seconds: float) -> str:
    """A Unix timestamp (seconds) as RFC 3339, to the microsecond."""
    return format_time(datetime.fromtimestamp(seconds, UTC))
