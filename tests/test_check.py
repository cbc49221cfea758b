"""``--check``: every part is asked, and every finding is a line."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock, deferLater

from chip.app.check.courier import ASK_FOR, ask_each, not_asked
from chip.app.check.findings import PART_DEADLINE, Finding, Probe, listed, run
from chip.app.check.named_couriers import judge
from chip.chat.outbound.ports import CourierAnswer
from chip.errors import Unavailable
from chip.models import Channel
from chip.store.sqlite_listing import NamedChannel


async def well() -> list[Finding]:
    return [Finding("ok", "database", "tables of release 26.2")]


async def doubtful() -> list[Finding]:
    return [Finding("ok", "Valkey", "there"), Finding("warning", "Valkey", "appendonly is off")]


async def away() -> list[Finding]:
    raise Unavailable("it does not answer")


async def broken() -> list[Finding]:
    raise OSError(111, "Connection refused by bob@example.com")


async def silent() -> list[Finding]:
    return await Deferred()


@pytest_twisted.ensureDeferred
async def test_where_all_is_well_each_line_says_what_was_found():
    lines: list[str] = []
    assert await run(Clock(), [Probe("database", well)], lines.append)
    assert lines == ["ok      database: tables of release 26.2"]


@pytest_twisted.ensureDeferred
async def test_a_warning_is_told_and_fails_nothing():
    lines: list[str] = []
    assert await run(Clock(), [Probe("Valkey", doubtful)], lines.append)
    assert lines == ["ok      Valkey: there", "warning Valkey: appendonly is off"]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (away, "FAILED  Valkey: it does not answer"),
        (
            broken,
            "FAILED  Valkey: ConnectionRefusedError: [Errno 111] Connection refused by <email>",
        ),
    ],
)
async def test_one_that_fails_says_why_and_does_not_hide_the_others(ask, line):
    lines: list[str] = []
    probes = [Probe("Valkey", ask), Probe("database", well)]
    assert not await run(Clock(), probes, lines.append)
    assert lines == [line, "ok      database: tables of release 26.2"]


def test_one_that_never_answers_is_given_up():
    clock = Clock()
    lines: list[str] = []
    done = Deferred.fromCoroutine(run(clock, [Probe("Courier", silent)], lines.append))
    clock.advance(PART_DEADLINE)
    assert done.result is False
    assert lines == ["FAILED  Courier: no answer within 15 seconds"]


def test_so_is_one_whose_name_is_still_looked_up():
    """Twisted's own word for a look-up that was given up is that there is no such host."""

    async def looked_up() -> list[Finding]:
        return await Deferred(lambda given_up: given_up.errback(DNSLookupError()))

    clock = Clock()
    lines: list[str] = []
    Deferred.fromCoroutine(run(clock, [Probe("Valkey", looked_up)], lines.append))
    clock.advance(PART_DEADLINE)
    assert lines == ["FAILED  Valkey: no answer within 15 seconds"]


def test_of_many_things_ten_are_named():
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(number) for number in range(12)]).endswith("8, 9 and 2 more")


# Channels at Courier.


class Slow:
    """A gateway whose answers take so many seconds."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds

    async def probe(self, channel: Channel) -> CourierAnswer:
        await deferLater(self.clock, self.seconds, lambda: None)
        return CourierAnswer("handled", [channel.uuid])


@pytest.mark.parametrize(("seconds", "told"), [(0, 100), (4, 24)])
def test_as_many_channels_are_asked_about_as_there_is_time_for(seconds, told):
    clock = Clock()
    channels = [Channel(str(number), 1, "s") for number in range(100)]
    asking = ensureDeferred(ask_each(Slow(clock, seconds), channels, clock, until=ASK_FOR))
    clock.pump([max(seconds, 0.001)] * 100)
    answers = asking.result
    assert [answer.heard for answer in answers] == [[str(number)] for number in range(told)]
    left = [f"there was no time to ask about {100 - told} more of 100 channels"]
    assert [one.text for one in not_asked(channels, answers)] == (left if told < 100 else [])


# Couriers that channels name.


def named(courier: str) -> NamedChannel:
    channel = Channel("a5f3c2de-0000-8000-8000-000000000001", 1, "s", "x", courier=courier)
    return NamedChannel("Shop", channel, is_connected=True)


@pytest.mark.parametrize(
    ("courier", "kind", "detail", "verdict", "words"),
    [
        ("https://c.example", "handled", "", "ok", "takes Shop"),
        ("http://127.0.0.1:8080", "handled", "", "ok", "takes Shop"),
        ("http://c.example", "handled", "", "warning", "without TLS"),
        ("https://c.example", "channel_refused", "channel not found", "FAILED", "Is it active"),
        ("https://c.example", "channel_refused", "channel type wrong", "FAILED", "no External API"),
        ("https://c.example", "channel_refused", "status 404: no", "FAILED", "Is this a Courier?"),
        ("https://c.example", "unsent", "no such host", "FAILED", "Is the address right?"),
        ("https://c.example", "unknown", "status 200, and", "FAILED", "Is the address right?"),
    ],
)
def test_what_a_courier_that_a_channel_names_answers_is_told_in_words(
    courier, kind, detail, verdict, words
):
    found = judge(named(courier), CourierAnswer(kind, detail=detail))
    assert found.verdict == verdict
    assert courier in found.text
    assert detail in found.text
    assert words in found.text
