"""What libraries log by the standard library: it comes out as lines, and never in their way."""

from __future__ import annotations

import logging

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from chip.logs.log_observer import StandardLibraryHandler, origin


@pytest.fixture
def library():
    """A library's logger, whose records Chip handles."""
    logger = logging.Logger("some.library", 1)
    logger.addHandler(StandardLibraryHandler())
    return logger


@pytest.fixture
def lines():
    """What came of them, with its level."""
    heard: list[tuple[str, str]] = []

    def hear(event: LogEvent) -> None:
        level, name = event["log_level"].name, origin(event)[1]
        if name == "some.library":
            heard.append((level, formatEvent(event)))

    globalLogPublisher.addObserver(hear)
    yield heard
    globalLogPublisher.removeObserver(hear)


class Broken:
    """What cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("broken")


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (1, "debug"),
        (10, "debug"),
        (15, "debug"),
        (20, "info"),
        (25, "info"),
        (30, "warn"),
        (39, "warn"),
        (40, "error"),
        (50, "critical"),
        (60, "critical"),
    ],
)
def test_a_level_that_only_a_library_knows_counts_as_the_one_below(
    library, lines, expected_failures, number, level
):
    library.log(number, "a word")
    assert lines == [(level, "a word")]
    expected_failures.forgive("a word")


@pytest.mark.parametrize(
    ("said", "given"),
    [("%d lines", ("many",)), ("%s", (Broken(),)), ("%s and %s", ("one",)), (Broken(), ())],
)
def test_a_record_that_cannot_be_shown_is_a_line_and_raises_nothing(library, lines, said, given):
    library.warning(said, *given)
    ((level, line),) = lines
    assert level == "warn"
    assert line.startswith("what test_logs_of_libraries.py:")
    assert "cannot be shown" in line
