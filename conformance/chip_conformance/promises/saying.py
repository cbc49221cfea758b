"""What a visitor says, on its way to Courier."""

from chip_conformance.broken import expect
from chip_conformance.courier import HANG_UP
from chip_conformance.http import Answer, json_answer
from chip_conformance.promise import Extension, Need, Subject
from chip_conformance.trial import Trial
from chip_conformance.visitor import Visitor

saying = Subject("What visitors say", Need.COURIER)
MANY = 10
IN_DOUBT = 45.0
"""Seconds: for 30 Courier may still be at work on a request, even where its answer is lost."""
PAGE = Answer(200, b"<html>back soon</html>", {"content-type": "text/html"})


@saying()
async def whole(trial: Trial) -> str:
    """What a visitor says reaches Courier as it was said, to the letter, once."""
    visitor = await trial.visitor()
    text = trial.words('Üñï 😀 "q" \\ a&b=c+d% <b>\n\tline\u2028 {{to}}')
    await visitor.say(text)
    await visitor.say(last := trial.words())
    texts = await trial.courier.hears(visitor.chat, last)
    expect(texts == [text, last], f"Courier has {texts}")
    return repr(text)


@saying()
async def in_order(trial: Trial) -> str:
    """Messages reach Courier in the order in which they were said, each once."""
    visitor = await trial.visitor()
    said = [trial.words(f"{number}") for number in range(MANY)]
    for text in said:
        await visitor.say(text)
    texts = await trial.courier.hears(visitor.chat, said[-1])
    expect(texts == said, f"Courier has {[text.split()[0] for text in texts]}")
    return f"{MANY} in order"


@saying()
async def as_json_or_form(trial: Trial) -> str:
    """Courier is told in the form of its channel: JSON with the secret, or a form without it."""
    visitor = await trial.visitor()
    await trial.said(visitor)
    attempt = next(a for a in trial.courier.attempts if a.heard.chat == visitor.chat)
    wanted = "application/json" if trial.target.channel.kind == "webchat" else "application/x-www"
    expect(attempt.content_type.startswith(wanted), f"it is {attempt.content_type}")
    wrong = attempt.heard.secret != getattr(trial.target.channel, "secret", "")
    expect(not wrong, "the secret is another")
    return attempt.content_type


@saying(Extension.ACCEPTED)
async def accepted(trial: Trial) -> str:
    """A message with a `ref` is answered by `msg_accepted`, one without by nothing."""
    visitor = await trial.visitor()
    await visitor.say(trial.words())
    await visitor.say(text := trial.words(), ref="r1")
    await visitor.expect("msg_accepted", ref="r1")
    await trial.courier.hears(visitor.chat, text)
    return "msg_accepted"


@saying(Extension.ACCEPTED)
async def said_twice(trial: Trial) -> str:
    """The same `ref` again, from another connection too, is accepted again and passed on once."""
    visitor = await trial.visitor()
    text, last = trial.words(), trial.words("last")
    for speaker in (visitor, visitor, await trial.again(visitor.chat)):
        await speaker.say(text, ref="r1")
        await speaker.expect("msg_accepted", ref="r1")
    await visitor.say(last)
    texts = await trial.courier.hears(visitor.chat, last)
    expect(texts.count(text) == 1, f"Courier has it {texts.count(text)} times")
    return "passed on once"


@saying()
async def goodbye(trial: Trial) -> str:
    """What was said right before the visitor left, or vanished, reaches Courier."""
    for leaves in ("leave", "vanish"):
        visitor = await trial.visitor()
        text = trial.words(leaves)
        await visitor.say(text)
        if leaves == "vanish":
            await visitor.history()  # it has been read
        await getattr(visitor, leaves)()
        await trial.courier.hears(visitor.chat, text)
    return "both"


async def is_tried_again(trial: Trial, answer: Answer, visitor: Visitor | None = None) -> str:
    """What Courier answers so is sent again, until it is handled, and before what is said next."""
    visitor = visitor or await trial.visitor()
    trial.courier.will_answer(visitor.chat, answer)
    first, second = trial.words("first"), trial.words("second")
    await visitor.say(first)
    await trial.courier.is_asked(visitor.chat)
    await visitor.say(second)
    texts = await trial.courier.hears(visitor.chat, second, within=IN_DOUBT)
    expect(texts[:1] == [first] and texts.count(second) == 1, f"Courier has {texts}")
    return f"sent again after {answer if answer.status else 'no answer'}"


@saying()
async def tries_again(trial: Trial) -> str:
    """A message that Courier answers with 503 is sent again, before what was said next."""
    return await is_tried_again(trial, json_answer(503, {"message": "Error", "data": []}))


@saying(slow=True)
async def bad_gateway(trial: Trial) -> str:
    """A message that a proxy answers with 502 is sent again."""
    return await is_tried_again(trial, Answer(502, b"bad gateway"))


@saying(slow=True)
async def without_answer(trial: Trial) -> str:
    """A message for which the connection is closed without an answer is sent again."""
    return await is_tried_again(trial, HANG_UP)


@saying(slow=True)
async def somebody_else(trial: Trial) -> str:
    """A 200 that is not Courier's, such as a page of maintenance, confirms nothing."""
    return await is_tried_again(trial, PAGE)


@saying(slow=True)
async def confirms_nothing(trial: Trial) -> str:
    """A 200 of Courier's that names no message confirms none."""
    return await is_tried_again(trial, json_answer(200, {"message": "Ignored", "data": []}))


@saying()
async def redirected(trial: Trial) -> str:
    """A redirect is not followed: the message is sent again where it belongs."""
    visitor = await trial.visitor()
    elsewhere = f"/elsewhere/{visitor.chat}"
    seen = await is_tried_again(trial, Answer(302, b"", {"location": elsewhere}), visitor)
    followed = any(request.path == elsewhere for request in trial.courier.strangers)
    expect(not followed, "the redirect was followed")
    return seen


@saying(Need.WEBCHAT, slow=True, alone=True)
async def channel_refused(trial: Trial) -> str:
    """Where Courier refuses the channel, such as for its secret, the message is sent again."""
    data = [{"type": "error", "error": "secret incorrect"}]
    return await is_tried_again(trial, json_answer(400, {"message": "Error", "data": data}))


@saying(Extension.ERRORS, Extension.ACCEPTED)
async def refused(trial: Trial) -> str:
    """A message that Courier refuses for good is `rejected`, and what was said next goes on."""
    visitor = await trial.visitor()
    trial.courier.will_answer(visitor.chat, trial.target.channel.refused())
    await visitor.say(trial.words("bad"), ref="bad")
    await visitor.expect("msg_accepted", ref="bad")
    await visitor.expect("error", code="rejected", ref="bad")
    await trial.said(visitor)
    return "rejected"


@saying(Extension.ECHO)
async def echo(trial: Trial) -> str:
    """The visitor's other connections are told what he said on one; that one is not."""
    here = await trial.visitor()
    there = await trial.again(here.chat)
    text = trial.words()
    await here.say(text)
    said = (await there.expect("msg_echo"))["msg_in"]
    expect(said["text"] == text and said["time"], f"it is {said}")
    await here.history()
    expect("msg_echo" not in [event["type"] for event in here.seen], "that one was told as well")
    return "msg_echo"
