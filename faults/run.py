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

from chip.tasks import pause
from faults import harm
from faults.checker import Finding, check
from faults.history import Forwarded, History, Reported
from faults.parts import Parts
from faults.people import Crowd
from faults.plan import Step
from faults.truth import Row
from tests.support.fetch import fetch

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
    history = History()
    crowd = Crowd(parts.fronts, parts.channel, parts.office, history)
    await crowd.come(VISITORS, TABS)
    run = Run(began=time.time(), history=history)
    crowd.begin(EVERY)
    try:
        turns = {step.whom: DeferredLock() for step in steps}
        taken = [
            Deferred.fromCoroutine(_take(parts, crowd, step, run, turns[step.whom]))
            for step in steps
        ]
        await gatherResults(taken, consumeErrors=True)
        run.mended = time.time()
        finishing = Deferred.fromCoroutine(crowd.finish())
        await _rest(parts, run, finishing)
    finally:
        await crowd.leave()
    await _look(parts, run)
    run.findings += check(history)
    return run


async def _take(parts: Parts, crowd: Crowd, step: Step, run: Run, turn: DeferredLock) -> None:
    """Take one step in its time, or when its party is done with the one before, whose end may take
    longer than planned. A step that fails is a finding, and ends nothing."""
    await pause(reactor, step.at)
    await turn.acquire()
    done = Done(step, time.time())
    run.done.append(done)
    try:
        if step.whom == "visitors":
            await crowd.vanish()
        else:
            end = await deferToThread(harm.do, parts, step.whom, step.what)
            await pause(reactor, max(0.0, done.began + step.lasts - time.time()))
            await deferToThread(end)
    except Exception as error:
        done.failure = f"{type(error).__name__}: {error}"
        run.findings.append(Finding("failed", "", step.whom, f"{step.what}: {done.failure[:500]}"))
    done.ended = time.time()
    turn.release()


async def _rest(parts: Parts, run: Run, finishing: Deferred[None]) -> None:
    """Wait until what was about to be said is, and all has arrived and is reported."""
    missing: list[str] = []
    while time.time() - run.mended < GOES_ON_WITHIN:
        missing = await deferToThread(_missing, parts, run.history)
        if finishing.called and not missing:
            run.rested = time.time() - run.mended
            return
        await pause(reactor, 0.5)
    if not finishing.called:
        finishing.addErrback(lambda failure: None)
        finishing.cancel()
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
