"""The page at the end of a run: what was done to whom, and what was seen. HTML and text.

A page with findings is a bug report: it has the seed, the versions, the plan, and the history of
each message that went wrong.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Final

import twisted
from chip import __version__
from faults.run import Done, Run
from tests.support.checker import KINDS, Finding
from tests.support.postgres import binaries
from tests.support.valkey import binary

MOST_FINDINGS: Final = 200
"""Findings that are told one by one."""
_WIDTH, _ROW, _LEFT = 900, 22, 170
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .1rem 1rem .1rem 0; text-align: left }
td.count { text-align: right } .bad { color: #b00020; font-weight: 600 } .good { color: #1b6e2c }
pre { background: #f5f5f5; overflow-x: auto; padding: .5rem } svg { max-width: 100% }
svg text { font: 12px system-ui, sans-serif } .fault { fill: #c9503a } .line { fill: #e0a030 }
.mended { stroke: #1b6e2c; stroke-dasharray: 4 3 } .grid { stroke: #ddd }
.accepted { stroke: #8ab; fill: none } .arrived { stroke: #246; fill: none }
"""


def versions() -> dict[str, str]:
    """What ran."""
    return {
        "Chip": _commit() or __version__,
        "Python": platform.python_version(),
        "Twisted": twisted.__version__,
        "Valkey": _asked(binary("server"), "--version"),
        "PostgreSQL": _asked(str(binaries() / "postgres"), "--version"),
        "system": f"{platform.system()} {platform.release()}",
    }


def _asked(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    return done.stdout.strip()


def _commit() -> str:
    if not shutil.which("git"):
        return ""
    folder = str(Path(__file__).parent)
    said = _asked("git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=12")
    return f"{__version__}, commit {said}" if said else ""


def verdict(run: Run) -> str:
    """In one line, what was found."""
    if not run.findings:
        return "Nothing was lost, doubled, reordered or falsely reported."
    return f"{len(run.findings)} findings. This seed is a bug report."


def totals(run: Run) -> list[tuple[str, object]]:
    """What there is to count, by name."""
    history = run.history
    counts = Counter(finding.kind for finding in run.findings)
    rested = "not within the time" if run.rested is None else f"{run.rested:.1f} s"
    return [
        ("faults", len(run.done)),
        ("messages from visitors accepted", len(history.accepted("in"))),
        ("messages to visitors accepted", len(history.accepted("out"))),
        ("times that a tab was sent one", len(history.shown)),
        ("reports to Courier", len(history.reports)),
        ("from the last repair until all had arrived", rested),
        *((kind, counts[kind]) for kind in KINDS),
    ]


def as_text(run: Run, seed: str, minutes: float) -> str:
    """The page as text."""
    parts = [
        verdict(run),
        f"seed {seed}, {minutes:g} minutes",
        "\n".join(f"{name:>12}: {value}" for name, value in versions().items()),
        "\n".join(f"{count!s:>12}  {name}" for name, count in totals(run)),
        "What was done (seconds since the start, planned and as it was)",
        "\n".join(_step_line(run, done) for done in _in_order(run)),
        *(_account(run, finding) for finding in run.findings[:MOST_FINDINGS]),
    ]
    return "\n\n".join(parts)


def _in_order(run: Run) -> list[Done]:
    return sorted(run.done, key=lambda done: done.began)


def _step_line(run: Run, done: Done) -> str:
    began, ended = done.began - run.began, done.ended - run.began
    failure = f"  ({done.failure.splitlines()[0]})" if done.failure else ""
    return f"{done.step}  [{began:.1f} to {ended:.1f}]{failure}"


def _account(run: Run, finding: Finding) -> str:
    history = run.history.of(finding.chat, finding.text)
    around = _during(run, finding)
    return "\n  ".join([str(finding), *history, *around])


def _during(run: Run, finding: Finding) -> Iterable[str]:
    """What was done while the message was under way."""
    said = [one for one in run.history.said.values() if one.text == finding.text]
    if not said:
        return
    at = said[0].at
    last = max((one.at for one in run.history.shown if one.text == finding.text), default=at)
    for done in _in_order(run):
        if done.ended >= at - 5 and done.began <= max(last, at + 5):
            yield f"{done.began - at:+9.3f} s  {done.step.whom} {done.step.what}"


def as_html(run: Run, seed: str, minutes: float) -> str:
    """The page as HTML, with a time line."""
    found = "bad" if run.findings else "good"
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        f'<td class="count{" bad" if name in KINDS and count else ""}">{escape(str(count))}</td>'
        for name, count in totals(run)
    )
    about = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td>" for name, value in versions().items()
    )
    steps = "\n".join(escape(_step_line(run, done)) for done in _in_order(run))
    accounts = "".join(
        f"<pre>{escape(_account(run, finding))}</pre>" for finding in run.findings[:MOST_FINDINGS]
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Faults: {escape(seed)}</title><style>{_STYLE}</style><h1>Faults</h1>"
        f'<p class="{found}">{escape(verdict(run))}</p>'
        f"<p>Seed <b>{escape(seed)}</b>, {minutes:g} minutes</p>"
        f"<table>{rows}</table><h2>Time line</h2>{time_line(run)}"
        f"<p>Red: a process. Yellow: a line. Green: everything is mended. Below, for each second,"
        f" the messages that were accepted (light) and that arrived (dark).</p>"
        f"<h2>What was done</h2><pre>{steps}</pre><h2>Versions</h2><table>{about}</table>"
        + (f"<h2>Findings</h2>{accounts}" if accounts else "")
        + "</html>\n"
    )


def time_line(run: Run) -> str:
    """Who was in trouble when, as SVG."""
    whom = list(dict.fromkeys(done.step.whom for done in _in_order(run)))
    end = max([run.mended + (run.rested or 0), *(done.ended for done in run.done)]) - run.began
    scale = (_WIDTH - _LEFT) / max(end, 1)
    height = (len(whom) + 4) * _ROW
    drawn = [
        f'<text x="0" y="{row * _ROW + 15}">{escape(name)}</text>'
        f'<line class="grid" x1="0" x2="{_WIDTH}" y1="{(row + 1) * _ROW}" y2="{(row + 1) * _ROW}"/>'
        for row, name in enumerate(whom)
    ]
    for done in run.done:
        kind = "line" if " to " in done.step.whom else "fault"
        x = _LEFT + (done.began - run.began) * scale
        width = max(2.0, (done.ended - done.began) * scale)
        drawn.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{whom.index(done.step.whom) * _ROW + 4}"'
            f' width="{width:.1f}" height="{_ROW - 8}">'
            f"<title>{escape(str(done.step).strip())}</title></rect>"
        )
    mended = _LEFT + (run.mended - run.began) * scale
    drawn.append(f'<line class="mended" x1="{mended:.1f}" x2="{mended:.1f}" y1="0" y2="{height}"/>')
    history = run.history
    curves = {
        "accepted": [one.accepted for one in history.said.values() if one.accepted],
        "arrived": [one.at for one in history.forwarded] + [one.at for one in history.shown],
    }
    for name, times in curves.items():
        counts = Counter(int(at - run.began) for at in times)
        most = max(counts.values(), default=1)
        points = " ".join(
            f"{_LEFT + second * scale:.1f},{height - 4 - counts[second] / most * (3 * _ROW):.1f}"
            for second in range(int(end) + 1)
        )
        drawn.append(f'<polyline class="{name}" points="{points}"/>')
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{"".join(drawn)}</svg>'
