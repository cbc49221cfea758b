"""The guide greets, shows what there is, and does not go on about it."""

from __future__ import annotations

import pytest

from chip.desk.guide import ABOUT_CHIP, PERSON, PICTURE, answer


def texts(heard: str, *earlier: str) -> list[str]:
    return [line.text for line in answer(heard, earlier)]


@pytest.mark.parametrize(
    ("heard", "greeting"),
    [
        ("hello", "Hello! 👋"),
        ("Good morning, is anybody there?", "Good morning! 👋"),
        ("Hi!!!", "Hi! 👋"),
        ("Bonjour 👋", "Bonjour! 👋"),
        ("¡Hola!", "¡Hola! 👋"),
        ("Muraho", "Muraho! 👋"),
        ("hiking boots", "Hello, and thank you for your message! 👋"),
        (
            "Do you sell boots?",
            "Hello, and thank you for your question! 👋 A person will answer it.",
        ),
    ],
)
def test_the_first_message_is_greeted_in_kind(heard, greeting):
    assert texts(heard)[0] == greeting


def test_the_first_answer_says_who_speaks_and_offers_what_there_is():
    introduction = answer("hello", [])[1]
    assert "nobody is at the desk" in introduction.text
    assert introduction.quick_replies == (PICTURE, ABOUT_CHIP, PERSON)


def test_a_picture_comes_when_asked_for_however_it_is_written():
    [line] = answer(f"  {PICTURE.upper()} ", texts("hello"))
    assert line.picture
    assert line.quick_replies == (ABOUT_CHIP, PERSON)


def test_what_was_shown_already_is_not_offered_again():
    shown = texts("hello") + texts(PICTURE, "x")
    [line] = answer(ABOUT_CHIP, shown)
    assert line.quick_replies == (PERSON,)


def test_other_messages_are_noted_once_and_then_met_with_silence():
    said = texts("hello")
    [noted] = answer("I have a question about boots", said)
    assert "A person will read this" in noted.text
    assert answer("Size 43", [*said, noted.text]) == []


def test_a_quick_reply_still_works_after_the_silence():
    said = [*texts("hello"), *texts("boots", "x")]
    assert answer("size 43", said) == []
    assert len(answer(PERSON, said)) == 1
