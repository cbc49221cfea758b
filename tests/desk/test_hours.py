"""Opening hours: what may be written, and when that is. The widget's own reading of the same
examples is in tests/widget/unit/hours.test.js."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from chip.desk.hours import opening, read_hours, read_zone

EXAMPLES = json.loads((Path(__file__).parents[1] / "support" / "hours.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "example", EXAMPLES["good"], ids=lambda one: f"{one['hours']} at {one['at']}"
)
def test_a_moment_is_within_the_hours_or_not(example):
    is_open = opening(example["hours"], example["zone"])
    assert is_open(datetime.fromisoformat(example["at"])) == ("until" in example)


@pytest.mark.parametrize("hours", EXAMPLES["bad"])
def test_what_are_no_hours_is_refused_with_an_example(hours):
    with pytest.raises(ValueError, match=r"expected (hours|days|days and times|times) like"):
        read_hours(hours)


@pytest.mark.parametrize(
    "zone", ["", "Paris", "CET", "Mars/Base", "../UTC", "/etc/localtime", "Europe/", "Factory"]
)
def test_what_is_no_time_zone_is_refused_with_an_example(zone):
    with pytest.raises(ValueError, match="expected a time zone like Europe/Paris"):
        read_zone(zone)
