"""What Courier is told of the messages that it has sent."""

import asyncio

from chip_conformance.broken import Broken, expect
from chip_conformance.promise import Need, Subject
from chip_conformance.trial import Trial

reports = Subject("Reports", Need.COURIER, Need.SENDS)
TOO_SOON = 0.5
"""Seconds after its answer within which Courier loses a report."""
TRIES = 3
"""For a server, or a machine, that is only slow."""


@reports()
async def delivered(trial: Trial) -> str:
    """An acknowledged message is reported as delivered, by its name, once Courier can keep that."""
    visitor = await trial.visitor()
    message = await trial.send(visitor.chat)
    answered = asyncio.get_running_loop().time()
    (event,) = await visitor.is_shown(message.text)
    await visitor.ack(event)
    attempt = await trial.courier.hears_of(message)
    after = attempt.at - answered
    expect(after >= TOO_SOON, f"it came {after:.2f} s after the answer to the send")
    return f"after {after:.1f} s"


@reports()
async def only_acked(trial: Trial) -> str:
    """What was shown and not acknowledged is not reported."""
    visitor = await trial.visitor()
    silent, acked = [await trial.send(visitor.chat) for _ in range(2)]
    events = await visitor.is_shown(silent.text, acked.text)
    await visitor.ack(events[1])
    await trial.courier.hears_of(acked)
    told = [a.heard.kind for a in trial.courier.attempts if a.heard.names & silent.names]
    expect(not told, f"the other one is {told}")
    return "one of two"


@reports()
async def once(trial: Trial) -> str:
    """A message that is acknowledged on two connections is reported once."""
    here = await trial.visitor()
    there = await trial.again(here.chat)
    one = await trial.send(here.chat)
    for visitor in (here, there):
        (event,) = await visitor.is_shown(one.text)
        await visitor.ack(event)
        await visitor.history()
    two = await trial.send(here.chat)
    (event,) = await here.is_shown(two.text)
    await here.ack(event)
    await trial.courier.hears_of(two)
    told = [a for a in trial.courier.attempts if a.heard.names & one.names]
    expect(len(told) == 1, f"it was reported {len(told)} times")
    return "once"


@reports()
async def by_a_stranger(trial: Trial) -> str:
    """What another visitor acknowledges is not reported."""
    visitor, other = await trial.visitor(), await trial.visitor()
    his, own = await trial.send(visitor.chat), await trial.send(other.chat)
    (event,) = await visitor.is_shown(his.text)
    await other.ack(event)
    (event,) = await other.is_shown(own.text)
    await other.ack(event)
    await trial.courier.hears_of(own)
    told = [a for a in trial.courier.attempts if a.heard.names & his.names]
    expect(not told, "it was reported")
    return "nothing"


@reports()
async def reported_again(trial: Trial) -> str:
    """A message that Courier sends again after its report is reported again."""
    visitor = await trial.visitor()
    message = await trial.send(visitor.chat)
    (event,) = await visitor.is_shown(message.text)
    await visitor.ack(event)
    await trial.courier.hears_of(message)
    await trial.resend(message)
    await trial.courier.hears_of(message, times=2)
    return "twice"


@reports()
async def holds_nothing_up(trial: Trial) -> str:
    """A report that has to wait holds up nothing that the visitor says meanwhile."""
    for _ in range(TRIES):
        visitor = await trial.visitor()
        message = await trial.send(visitor.chat)
        (event,) = await visitor.is_shown(message.text)
        await visitor.ack(event)
        text = await trial.said(visitor)
        if not any(each.heard.names & message.names for each in trial.courier.attempts):
            return f"{text!r} came before it"
    raise Broken("what was said came after it")
