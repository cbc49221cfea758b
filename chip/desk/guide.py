"""The guide: who answers on the front page while nobody is at the desk.

On a website it never speaks. Pure: what it says depends on what was just heard and on what it has
said before. It greets, shows what quick replies and an attachment look like, says that a person can
take over, and does not repeat itself: whoever writes on is writing to a person who will read it
later.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

PICTURE_PATH = "/welcome/postcard.png"

PICTURE = "Show me a picture"
ABOUT_CHIP = "What is Chip?"
PERSON = "Talk to a person"

_HELLOS = {
    "hello": "Hello",
    "hi": "Hi",
    "hey": "Hey",
    "good morning": "Good morning",
    "good afternoon": "Good afternoon",
    "good evening": "Good evening",
    "bonjour": "Bonjour",
    "salut": "Salut",
    "hola": "¡Hola",
    "buenos dias": "¡Buenos días",
    "buenos días": "¡Buenos días",
    "ola": "Olá",
    "olá": "Olá",
    "hallo": "Hallo",
    "muraho": "Muraho",
    "jambo": "Jambo",
    "habari": "Habari",
    "salam": "Salam",
    "مرحبا": "مرحبا",
}
_INTRODUCTION = (
    "I am the guide of this chat, and I answer while nobody is at the desk. Whoever opens the desk"
    " can take over at any moment. Shall I show you something meanwhile?"
)
_PICTURE_TEXT = "Here you are. Pictures, sound, films and files arrive like this."
_ABOUT_TEXT = (
    "Chip puts a chat on a website with one line of HTML. Messages arrive even when the connection"
    " breaks or the page is reloaded: try it, reload this page now."
)
_PERSON_TEXT = (
    "Gladly. Everything you write here is kept, and a person at the desk answers in this very chat."
    " You can close the page meanwhile; the answer waits for you."
)
_NOTED = "Noted. A person will read this at the desk and answer here."


class GuideMessage(NamedTuple):
    """One message of the guide. `picture` says whether the postcard goes with it."""

    text: str
    quick_replies: tuple[str, ...] = ()
    picture: bool = False


def answer(heard: str, earlier: Sequence[str]) -> list[GuideMessage]:
    """What the guide says to `heard`, given the texts of all it has said in this chat.

    Nothing at all when it has nothing new to say.
    """
    wish = _wish(heard)
    if wish is None and not earlier:
        return [
            GuideMessage(_greeting(heard)),
            GuideMessage(_INTRODUCTION, (PICTURE, ABOUT_CHIP, PERSON)),
        ]
    line = {
        PICTURE: GuideMessage(_PICTURE_TEXT, (ABOUT_CHIP, PERSON), picture=True),
        ABOUT_CHIP: GuideMessage(_ABOUT_TEXT, (PICTURE, PERSON)),
        PERSON: GuideMessage(_PERSON_TEXT),
        None: GuideMessage(_NOTED),
    }[wish]
    if wish is None and line.text in earlier:
        return []
    # What was shown already is not offered again.
    done = {
        PICTURE: _PICTURE_TEXT,
        ABOUT_CHIP: _ABOUT_TEXT,
        PERSON: _PERSON_TEXT,
    }
    left = tuple(offer for offer in line.quick_replies if done[offer] not in earlier)
    return [line._replace(quick_replies=left)]


def _wish(heard: str) -> str | None:
    plain = heard.strip().casefold()
    for wish in (PICTURE, ABOUT_CHIP, PERSON):
        if plain == wish.casefold():
            return wish
    return None


def _greeting(heard: str) -> str:
    plain = re.sub(r"[\s!.,?¡¿👋]+", " ", heard).strip().casefold()
    for hello in sorted(_HELLOS, key=len, reverse=True):
        if plain == hello or plain.startswith(f"{hello} "):
            return f"{_HELLOS[hello]}! 👋"
    if heard.rstrip().endswith(("?", "؟")):
        return "Hello, and thank you for your question! 👋 A person will answer it."
    return "Hello, and thank you for your message! 👋"
