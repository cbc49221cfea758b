"""Run the benchmark; see the package."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import yardsticks
from bench.measures import FULL, LIMITED, MEASURES, QUICK, Effort
from bench.servers import Servers, allow_many_files, machine
from bench.sizes import at_size, sizes_table
from bench.targets import Figure, Yardstick, table, yardstick_table

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"
SIZES = (1000, 4000, 10_000)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Chip's benchmark.")
    parser.add_argument("measure", nargs="*", choices=[*MEASURES, []], help="only these")
    parser.add_argument("--quick", action="store_true", help="shorter, and rougher")
    parser.add_argument("--processes", type=int, default=1, help="Chips on one socket")
    parser.add_argument(
        "--chats", type=_numbers, default=[], metavar="1000,4000", help="compare these sizes"
    )
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def progress(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


async def run_measures(servers: Servers, names: Sequence[str], effort: Effort) -> dict[str, Figure]:
    """Measure each on a fresh Chip."""
    figures: dict[str, Figure] = {}
    for name in names:
        progress(name)
        async with servers.chip(limits="on" if name in LIMITED else "off") as chip:
            figures |= await MEASURES[name](chip, effort)
    return figures


async def run_sizes(servers: Servers, sizes: Sequence[int], effort: Effort) -> str:
    """Measure with so many chats open, each on a fresh Chip."""
    rows = []
    for count in sizes:
        progress(f"{count} chats")
        async with servers.chip() as chip:
            rows.append(await at_size(chip, count, effort))
    return sizes_table(rows)


def report(options: argparse.Namespace) -> str:
    """Measure what is asked for; everything it found, in Markdown."""
    effort = QUICK if options.quick else FULL
    everything = not (options.measure or options.chats)
    names = list(MEASURES) if everything else options.measure
    parts = [machine()]
    beside: dict[str, Yardstick] = {}
    if names:
        progress("bare parts")
        beside = asyncio.run(yardsticks.measure(effort))
    with Servers.set_up() as servers:
        for processes in (1, 2, 4) if is_full(options) else (options.processes,):
            servers.processes = processes
            parts.append("## One process" if processes == 1 else f"## {processes} processes")
            if names:
                parts.append(table(asyncio.run(run_measures(servers, names, effort)), beside))
            sizes = SIZES if is_full(options) and processes == 1 else options.chats
            if sizes:
                parts.append(asyncio.run(run_sizes(servers, sizes, effort)))
    if beside:
        parts += ["## Bare parts", yardstick_table(beside)]
    return "\n\n".join(parts)


def is_full(options: argparse.Namespace) -> bool:
    """Whether nothing was left out and nothing cut short."""
    return not (options.measure or options.chats or options.quick or options.processes > 1)


def main() -> None:
    """Run, print, and save what a full run has found."""
    options = arguments()
    allow_many_files(1000 + max(options.chats, default=max(SIZES)))
    text = report(options)
    print(text)
    if is_full(options):
        RESULTS.write_text(f"# What Chip's benchmark has measured\n\n{text}\n")


if __name__ == "__main__":
    main()
