"""Numbers and times as the tables of channels, contacts and messages keep them."""

from datetime import UTC, datetime, timedelta

from chip.protocol.times import format_time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def stored_number(number: int | None) -> int | None:
    """`number` if it fits into 64 bits, else None: no row has such a number."""
    return number if number is None or -(2**63) <= number < 2**63 else None


def microseconds(moment: datetime) -> int:
    """A time in microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def time_text(stored: int) -> str:
    """A stored time as RFC 3339."""
    return format_time(_EPOCH + stored * _MICROSECOND)
