"""A run, from the first process to what was found.

start ──► visitors and agents talk ──► the plan's steps ──► everything is mended
──► all that was accepted arrives, or time is up ──► count
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredLock, gatherResults
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from chip.tasks import pause
from faults import harm
from faults.parts import Parts
from faults.plan import Step
from faults.truth import Row
from tests.support.checker import Finding, check
from tests.support.fetch import fetch
from tests.support.history import Forwarded, History, Reported
from tests.support.visitors import Visitors

VISITORS: Final = 4
TABS: Final = 2
EVERY: Final = 0.4
"""Seconds between two messages of one visitor, and of his agent."""
GOES_ON_WITHIN: Final = 120.0
"""Seconds after everything is mended in which all that was accepted must have arrived. Most of it
takes 5; a claim of a process that was killed in the middle of an attempt takes 40, after a wait
between two tries of 30."""


@dataclass(slots=True)
class Done:
    """A step that was taken: when it took effect and ended, in seconds since 1970."""

    step: Step
    began: float
    ended: float = 0.0
    failure: str = ""


@dataclass(slots=True)
class Run:
    """What was done and what was seen. `rested` are the seconds from everything being mended to
    everything having arrived, None if it did not."""

    began: float
    done: list[Done] = field(default_factory=list)
    history: History = field(default_factory=History)
    findings: list[Finding] = field(default_factory=list)
    mended: float = 0.0
    rested: float | None = None


async def carry_out(parts: Parts, steps: Sequence[Step]) -> Run:
    """Let everybody talk, take the steps, and count."""
    visitors = Visitors(parts.office, parts.channel, parts.fronts, pipelined=False)
    await visitors.come(VISITORS, TABS)
    run = Run(began=time.time(), history=visitors.history)
    visitors.begin(EVERY)
    try:
        turns = {step.whom: DeferredLock() for step in steps}
        taken = [
            Deferred.fromCoroutine(_take(parts, visitors, step, run, turns[step.whom]))
            for step in steps
        ]
        await gatherResults(taken, consumeErrors=True)
        run.mended = time.time()
        await _rest(parts, visitors, run)
    finally:
        await visitors.leave()
    await _look(parts, run)
    run.findings += check(run.history)
    return run


async def _take(parts: Parts, visitors: Visitors, step: Step, run: Run, turn: DeferredLock) -> None:
    """Take one step in its time, or when its party is done with the one before, whose end may take
    longer than planned. A step that fails is a finding, and ends nothing."""
    await pause(reactor, step.at)
    await turn.acquire()
    done = Done(step, time.time())
    run.done.append(done)
    try:
        if step.whom == "visitors":
            await visitors.vanish()
        else:
            end = await deferToThread(harm.do, parts, step.whom, step.what)
            await pause(reactor, max(0.0, done.began + step.lasts - time.time()))
            await deferToThread(end)
    except Exception as error:
        done.failure = f"{type(error).__name__}: {error}"
        run.findings.append(Finding("failed", "", step.whom, f"{step.what}: {done.failure[:500]}"))
    done.ended = time.time()
    turn.release()


async def _rest(parts: Parts, visitors: Visitors, run: Run) -> None:
    """Wait until what was about to be said is, and all has arrived and is reported."""

    def failed(failure: Failure) -> None:
        run.findings.append(Finding("failed", "", "everybody", failure.getErrorMessage()))

    finishing = Deferred.fromCoroutine(visitors.finish()).addErrback(failed)
    missing: list[str] = []
    has_said_all = False
    while time.time() - run.mended < GOES_ON_WITHIN:
        missing = await deferToThread(_missing, parts, run.history)
        has_said_all = finishing.called and visitors.has_said_all()
        if has_said_all and not missing:
            run.rested = time.time() - run.mended
            return
        await pause(reactor, 0.5)
    finishing.cancel()
    if not has_said_all:
        missing.append("and not everything that was said was accepted")
    why = f"{GOES_ON_WITHIN:g} s after all was mended these had not arrived: {', '.join(missing)}"
    run.findings.append(Finding("failed", "", "everything", why))


def _missing(parts: Parts, history: History) -> list[str]:
    """What was accepted and has not arrived, or not been reported.

    A report counts when Courier has taken it: where Courier itself stood still, it may have written
    its own status over it.
    """
    try:
        rows = parts.truth.rows()
        parts.truth.note()
    except (OSError, psycopg.OperationalError) as error:
        return [str(error)]
    reported = {report.name for report in parts.truth.reports if report.status == "delivered"}
    there = {
        (row.chat, row.text)
        for row in rows
        if row.direction == "I" or row.status == "D" or row.name in reported
    }
    accepted = [(one.chat, one.text) for one in history.said.values() if one.accepted]
    return [text for chat, text in accepted if (chat, text) not in there]


async def _look(parts: Parts, run: Run) -> None:
    """Note what has arrived, and what the Chips have logged."""
    rows: list[Row] = await deferToThread(parts.truth.rows)
    await deferToThread(parts.truth.note)
    history, now = run.history, time.time()
    texts = {row.name: (row.chat, row.text) for row in rows}
    for report in parts.truth.reports:
        if about := texts.get(report.name):
            history.reports.append(Reported(report.at, *about, report.status))
    for row in rows:
        if row.direction == "I":
            history.forwarded.append(Forwarded(row.at, row.chat, row.text))
        elif row.status in "DF":
            status = "delivered" if row.status == "D" else "failed"
            history.reports.append(Reported(now, row.chat, row.text, status))
    for name, process in parts.processes.items():
        if not process.running:
            run.findings.append(Finding("failed", "", name, f"has ended:\n{process.log()[-2000:]}"))
    for chip in filter(lambda chip: chip.running, parts.chips):
        page = (await deferToThread(fetch, f"{chip.ops_url}/metrics")).body.decode()
        for way, count in re.findall(r'chip_balance{state="missing",way="(\w+)"} (\S+)', page):
            if float(count):
                why = f"Chip counts {count} as missing, {way}"
                run.findings.append(Finding("failed", "", str(chip.settings["instance_id"]), why))
    for chip in parts.chips:
        chip.secrets |= {tab_chat for tab_chat, _, _ in history.said}
        try:
            await deferToThread(chip.check_log)
        except AssertionError as error:
            run.findings.append(
                Finding("failed", "", str(chip.settings["instance_id"]), str(error))
            )
