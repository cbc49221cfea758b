"""Two versions of Chip beside each other: the same measurements, in turns, on the same servers.

    git worktree add ../without && edit ../without
    python -m bench.compare ../without delivery idle --turns 10

What else runs on the machine comes and goes. Since the versions take many short turns, it harms
both alike; since it only ever adds, the least of all turns says more than their middle. The figure
is CPU for each operation, where there is one: it is the steadiest.
"""

import argparse
import asyncio
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.measures import LIMITED, MEASURES, Effort
from bench.servers import Servers, allow_many_files, machine
from bench.targets import TARGETS, markdown

_HERE = Path(__file__).parents[1]
_TITLES = (
    "",
    "here, least",
    "there, least",
    "there is",
    "here, middle",
    "there, middle",
    "there is",
)
_TURN = Effort(rounds=1, idle_seconds=10, delivery_seconds=3, outgoing_each=2, pages_each=20)


async def _figures(servers: Servers, tree: Path, names: Sequence[str]) -> dict[str, float]:
    """One turn of one version: CPU for an operation in microseconds, else the plain figure."""
    found: dict[str, float] = {}
    for name in names:
        async with servers.chip(tree, limits="on" if name in LIMITED else "off") as chip:
            for key, figure in (await MEASURES[name](chip, _TURN)).items():
                if figure.cpu is not None or not TARGETS[key].more:
                    found[key] = figure.value if figure.cpu is None else figure.cpu
    return found


def _row(key: str, here: Sequence[float], there: Sequence[float]) -> list[str]:
    cells = [TARGETS[key].label]
    for pick in (min, statistics.median):
        one, other = pick(here), pick(there)
        cells += [f"{one:,.4g}", f"{other:,.4g}", f"{100 * (other / one - 1):+.1f} %"]
    return cells


def main() -> None:
    """Measure both in turns, and print how they differ."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("there", type=Path, help="the other version's folder")
    parser.add_argument("measure", nargs="+", choices=MEASURES)
    parser.add_argument("--turns", type=int, default=10)
    options = parser.parse_args()
    allow_many_files()
    found: dict[str, dict[Path, list[float]]] = defaultdict(lambda: defaultdict(list))
    trees = (_HERE, options.there.resolve())
    with Servers.set_up() as servers:
        for turn in range(options.turns):
            # Who is second finds warmer caches and a fuller database: the order alternates too.
            for tree in trees if turn % 2 else reversed(trees):
                figures = asyncio.run(_figures(servers, tree, options.measure))
                for key, figure in figures.items():
                    found[key][tree].append(figure)
    rows = [_row(key, *(by_tree[tree] for tree in trees)) for key, by_tree in found.items()]
    print(f"{machine()}\n\n{markdown(_TITLES, rows)}")


if __name__ == "__main__":
    main()
