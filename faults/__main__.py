"""Run the fault suite; see the package."""

import argparse
import secrets
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from faults.page import as_html, as_text
from faults.parts import alone, together
from faults.plan import ALONE, TOGETHER, draw
from faults.run import carry_out

THREADS = 40
"""As many agents, and steps, may wait at a time."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description="Chip's fault suite.")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (1)")
    parser.add_argument("--seed", default="", help="draws the plan; any words")
    parser.add_argument("--embedded", action="store_true", help="one Chip on SQLite, and its desk")
    parser.add_argument("--page", type=Path, default=Path("faults.html"), help="(faults.html)")
    parser.add_argument("--plan", action="store_true", help="print the plan, and do nothing")
    return parser.parse_args()


async def main(options: argparse.Namespace) -> None:
    """Run, write the page, print it as text, and exit."""
    seed = options.seed or secrets.token_hex(4)
    catalogue = ALONE if options.embedded else TOGETHER
    steps = draw(seed, options.minutes * 60, catalogue)
    if options.plan:
        print(*steps, sep="\n")
        return
    print(f"seed {seed}, {len(steps)} faults", file=sys.stderr, flush=True)
    with alone() if options.embedded else together() as parts:
        run = await carry_out(parts, steps)
    options.page.write_text(as_html(run, seed, options.minutes))
    print(as_text(run, seed, options.minutes))
    if run.findings:
        raise SystemExit(1)


def start(_: Any) -> "Deferred[None]":
    """Have the reactor run it."""
    reactor.suggestThreadPoolSize(THREADS)
    return Deferred.fromCoroutine(main(arguments()))


if __name__ == "__main__":
    react(start)
