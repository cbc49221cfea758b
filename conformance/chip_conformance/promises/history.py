"""What was said before."""

import asyncio
from datetime import datetime, timedelta, timezone

from chip_conformance.broken import Broken, expect
from chip_conformance.promise import Need, Subject
from chip_conformance.trial import Trial
from chip_conformance.visitor import Event, Visitor

history = Subject("History", Need.COURIER)
PAGE = 25
WAIT = 0.1
"""Seconds between two looks for what Courier has only just confirmed."""


def said(page: list[Event]) -> list[str]:
    """The texts of the visitor's messages on a page."""
    return [entry["msg_in"]["text"] for entry in page if "msg_in" in entry]


async def a_chat(trial: Trial, number: int) -> tuple[Visitor, list[str]]:
    """A visitor who has said so much, which Courier has and the server knows that it has; the
    newest first. Raises Broken."""
    visitor = await trial.visitor()
    texts = [trial.words(f"{n}") for n in range(number)]
    for text in texts:
        await visitor.say(text)
    await trial.courier.hears(visitor.chat, texts[-1])
    for _ in range(int(trial.target.patience / WAIT)):
        if said(await visitor.history())[:1] == texts[-1:]:
            return visitor, texts[::-1]
        await asyncio.sleep(WAIT)
    raise Broken("the history has nothing of what Courier has")


@history()
async def newest_first(trial: Trial) -> str:
    """What a visitor said is in the history, newest first."""
    visitor, texts = await a_chat(trial, 3)
    page = said(await visitor.history())
    expect(page == texts, f"it has {page}")
    return "three messages"


@history()
async def strictly_before(trial: Trial) -> str:
    """Only what was said strictly before the given time is on the page."""
    visitor, texts = await a_chat(trial, 2)
    newest = (await visitor.history())[0]["msg_in"]["time"]
    page = said(await visitor.history(newest))
    expect(page == texts[1:], f"before {newest} are {len(page)} of one")
    return "the older one"


@history()
async def pages(trial: Trial) -> str:
    """A page has 25 messages, and going on before its oldest time skips and doubles none."""
    visitor, texts = await a_chat(trial, PAGE + 5)
    first = await visitor.history()
    expect(PAGE <= len(first) < len(texts), f"the first page has {len(first)}")
    second = await visitor.history(first[-1]["msg_in"]["time"])
    found = said(first) + said(second)
    expect(found == texts, f"{len(found)} of {len(texts)} were found, {len(set(found))} different")
    return f"{len(first)} and {len(second)}"


@history()
async def any_zone(trial: Trial) -> str:
    """The time may have any offset, and up to nine digits of a second, which count."""
    visitor, texts = await a_chat(trial, 1)
    time = (await visitor.history())[0]["msg_in"]["time"]
    moment = datetime.fromisoformat(time)
    abroad = moment.astimezone(timezone(timedelta(hours=5, minutes=45))).isoformat()
    expect(said(await visitor.history(abroad)) == [], f"before {abroad} is what is at {time}")
    later = f"{moment.strftime('%Y-%m-%dT%H:%M:%S.%f')}001Z"
    expect(said(await visitor.history(later)) == texts, f"before {later} is not what is at {time}")
    return f"{abroad}, {later}"


@history()
async def only_his(trial: Trial) -> str:
    """A visitor's history is his own."""
    await a_chat(trial, 1)
    visitor, texts = await a_chat(trial, 1)
    page = said(await visitor.history())
    expect(page == texts, f"it has {page}")
    return "one message"


@history()
async def survives(trial: Trial) -> str:
    """A visitor who comes back finds what he said."""
    visitor, texts = await a_chat(trial, 1)
    await visitor.leave()
    again = await trial.again(visitor.chat)
    page = said(await again.history())
    expect(page == texts, f"it has {page}")
    return "one message"


@history(Need.OWN_STORE)
async def both_sides(trial: Trial) -> str:
    """What was sent to a visitor is there too, by the name and the time that it was shown with."""
    visitor, (text,) = await a_chat(trial, 1)
    message = await trial.send(visitor.chat)
    (event,) = await visitor.is_shown(message.text)
    page = await visitor.history()
    if len(page) != 2 or "msg_out" not in page[0] or said(page) != [text]:
        raise Broken(f"it has {page}")
    same = all(page[0]["msg_out"][name] == event["msg_out"][name] for name in ("id", "time"))
    expect(same, f"shown was {event['msg_out']}, it has {page[0]['msg_out']}")
    return "both"
