"""RFC 3339, read and written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from chip.protocol.times import format_time, parse_time, time_of_timestamp


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01T17:15:30Z", datetime(2024, 5, 1, 17, 15, 30, tzinfo=UTC)),
        ("2024-05-01t17:15:30z", datetime(2024, 5, 1, 17, 15, 30, tzinfo=UTC)),
        ("2024-05-01T17:15:30.5Z", datetime(2024, 5, 1, 17, 15, 30, 500000, tzinfo=UTC)),
        ("2024-05-01T19:15:30+02:00", datetime(2024, 5, 1, 17, 15, 30, tzinfo=UTC)),
        ("2024-05-01T11:45:30-05:30", datetime(2024, 5, 1, 17, 15, 30, tzinfo=UTC)),
        ("2024-05-01T17:15:30-00:00", datetime(2024, 5, 1, 17, 15, 30, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_are_read_with_any_zone(text, moment):
    assert parse_time(text) == moment


def test_nanoseconds_are_rounded_up_so_that_before_stays_before():
    moment = datetime(2024, 5, 1, 17, 15, 30, 123456, tzinfo=UTC)
    assert parse_time("2024-05-01T17:15:30.123456Z") == moment
    assert parse_time("2024-05-01T17:15:30.123456001Z") == moment + timedelta(microseconds=1)
    assert parse_time("2024-05-01T17:15:30.999999999Z") == datetime(
        2024, 5, 1, 17, 15, 31, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-05-01",
        "2024-05-01T17:15:30",
        "2024-05-01 17:15:30Z",
        "2024-13-01T17:15:30Z",
        "2024-02-30T17:15:30Z",
        "2024-05-01T24:15:30Z",
        "2024-05-01T17:15:61Z",
        "2024-05-01T17:15:30.Z",
        "2024-05-01T17:15:30.1234567890Z",
        "2024-05-01T17:15:30+24:00",
        "2024-05-01T17:15:30+02:60",
        "2024-05-01T17:15:30Z\n",
        "٢٠٢٤-05-01T17:15:30Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_time_with_a_zone_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


def test_times_are_written_in_utc_with_no_more_digits_than_needed():
    assert format_time(datetime(2024, 5, 1, 17, 15, 30, tzinfo=UTC)) == "2024-05-01T17:15:30Z"
    assert (
        format_time(datetime(2024, 5, 1, 17, 15, 30, 123400, tzinfo=UTC))
        == "2024-05-01T17:15:30.1234Z"
    )
    berlin = timezone(timedelta(hours=2))
    assert format_time(datetime(2024, 5, 1, 19, 0, 0, 1, tzinfo=berlin)) == (
        "2024-05-01T17:00:00.000001Z"
    )
    assert time_of_timestamp(1_714_564_800.25) == "2024-05-01T12:00:00.25Z"
