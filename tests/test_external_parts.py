"""Messages that Courier sends on External channels, put together again: each of its habits."""

from __future__ import annotations

import random

import pytest

from chip.protocol.external_parts import TRIMMED, joined, may_go_on, parted, position
from tests.support.courier.parts import split, whole_text

WORDS = " ".join(f"word{number}" for number in range(1250))
UNBROKEN = "".join(chr(97 + number % 26) for number in range(10_000))


def heard(parts):
    """The parts as a server keeps them when they come one after the other."""
    known: list[str] = []
    for count, part in enumerate(parts):
        if position(part, known, count, goes_on=count > 0) == len(known):
            known.append(part)
    return known


# Texts in parts.


@pytest.mark.parametrize("limit", [1600, 6400])
def test_words_are_whole_where_no_cut_falls_on_a_space(limit):
    assert joined(heard(split(WORDS, limit)), limit) == WORDS


@pytest.mark.parametrize("limit", [60, 160, 640, 1600, 6400])
@pytest.mark.parametrize(
    "text",
    [
        UNBROKEN,
        "a" * 10_000,
        "😀" * 160,
        "日" * 6400,
        " ".join(["слово"] * 2000),
        "x" + "é" * 3000,
    ],
)
def test_what_was_cut_is_joined_as_it_was(text, limit):
    assert joined(heard(split(text, limit)), limit) == text


def spaces(text):
    """Where they stand: behind how many letters."""
    return {len(text[:at].replace(" ", "")) for at, letter in enumerate(text) if letter == " "}


def test_hardly_a_space_is_lost_right_behind_the_limit_or_comes_into_a_word_and_nothing_else():
    rng = random.Random(7)
    lost = inserted = cuts = 0
    for _ in range(300):
        text = " ".join("w" * rng.randint(1, 14) for _ in range(200))
        parts = split(text, 160)
        assert all(may_go_on(part, [], 160) for part in parts[:-1])
        again = joined(parts, 160)
        assert again.replace(" ", "") == text.replace(" ", "")
        lost += len(spaces(text) - spaces(again))
        inserted += len(spaces(again) - spaces(text))
        cuts += len(parts) - 1
    assert 0 < lost < cuts / 8
    assert 0 < inserted < cuts / 25


def test_160_emoji_of_four_bytes_are_four_parts_which_are_alike():
    parts = split("😀" * 160, 160)
    assert len(parts) == 4
    assert len(set(parts)) == 1
    assert heard(parts) == parts


def test_a_limit_that_no_letter_ends_on_makes_one_part_that_may_go_on():
    (part,) = split("日" * 6400, 6400)
    assert len(part.encode()) == 19_200
    assert may_go_on(part, [], 6400)


@pytest.mark.parametrize(
    ("text", "quick_replies", "may"),
    [
        ("a" * 160, [], True),
        ("a" * (160 - TRIMMED), [], True),
        ("a" * (159 - TRIMMED), [], False),
        ("short", [], False),
        ("", [], False),
        ("é" * 80, [], True),
        ("a" * 160, ["Yes"], False),
    ],
)
def test_only_a_part_about_as_long_as_the_limit_and_without_quick_replies_may_go_on(
    text, quick_replies, may
):
    assert may_go_on(text, quick_replies, 160) is may


# What is sent again.


@pytest.mark.parametrize(
    ("text", "known", "count", "goes_on", "expected"),
    [
        ("a", [], 0, False, 0),
        ("b", ["a"], 1, True, 1),
        ("a", ["a"], 1, True, 1),  # alike
        ("a", ["a"], 1, False, 0),  # again from the first
        ("b", ["a", "b"], 1, True, 1),
        ("c", ["a", "b"], 2, True, 2),  # the one that failed
        ("b", ["a"], 0, False, 1),  # Chip was started between them
        ("c", ["a", "b"], 0, True, 2),
        ("a", ["a", "a", "a"], 1, True, 1),
        ("a", ["a", "a", "a"], 3, True, 3),
        ("z", ["a", "b"], 0, False, 2),  # never lost
    ],
)
def test_a_part_is_known_again_or_comes_behind_the_others(text, known, count, goes_on, expected):
    assert position(text, known, count, goes_on=goes_on) == expected


# What comes beside text.


@pytest.mark.parametrize(
    ("attachment", "shown"),
    [
        ("image/jpeg:https://x.example/a.jpg", None),
        ("image/png:https://x.example/a.PNG", None),
        ("image/webp:https://x.example/a.webp?size=2", None),
        ("audio/mpeg:https://x.example/a.mp3", None),
        ("audio/mp4:https://x.example/a.m4a", None),
        ("video/mp4:https://x.example/a.mp4", None),
        ("geo:-2.9,30.1", None),
        ("audio:http://x.example/a.ogg", "audio/ogg:http://x.example/a.ogg"),
    ],
)
def test_an_attachment_is_known_by_the_ending_of_its_url(attachment, shown):
    assert parted(whole_text("Look", [attachment])) == ("Look", [shown or attachment])


def test_several_attachments_keep_their_order_and_other_urls_stay_links():
    sent = whole_text(
        "Look\nhere",
        ["image/jpeg:https://x/a.jpg", "application/pdf:https://x/b.pdf", "geo:-2.9,30.1"],
    )
    expected = ["image/jpeg:https://x/a.jpg", "geo:-2.9,30.1"]
    assert parted(sent) == ("Look\nhere\nhttps://x/b.pdf", expected)


def test_an_attachment_without_a_text_leaves_no_line():
    assert parted("\nhttps://x/a.jpg") == ("", ["image/jpeg:https://x/a.jpg"])
    assert parted("\nhttps://x/a.pdf") == ("https://x/a.pdf", [])


@pytest.mark.parametrize(
    "text",
    [
        "See https://x/a.jpg",
        "https://x/a.jpg\nis a picture",
        "https://x/a b.jpg",
        "ftp://x/a.jpg",
        "https://",
        "Choose\n1,2",
        "Numbers\n95.1,30.1",
        "Numbers\n-2.9, 30.1",
        "https://[x/a.pdf",
        "",
        "two\n\nlines",
    ],
)
def test_everything_else_stays_as_it_is(text):
    assert parted(text) == (text, [])
