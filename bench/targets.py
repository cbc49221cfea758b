"""What is to be reached, in which order it is shown, and the table itself.

The "original" is the server that Chip takes over from, on a machine of the same kind.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Target(NamedTuple):
    """What one figure means. `must` and `aim` are bounds, upper ones unless `more` is better."""

    label: str
    unit: str
    must: float | None = None
    aim: float | None = None
    original: str = "-"
    more: bool = False
    beside: str = ""
    """The yardstick that the figure is divided by."""


class Figure(NamedTuple):
    """What was measured; `cpu` is Chip's microseconds of CPU for each operation."""

    value: float
    cpu: float | None = None


class Yardstick(NamedTuple):
    """The same on bare parts."""

    label: str
    unit: str
    value: float
    cpu: float | None = None


TARGETS: Mapping[str, Target] = {
    "delivery p50": Target(
        "delivery at 200/s to 1,000 chats, p50", "ms", 3, 2, "57", beside="post p50"
    ),
    "delivery p99": Target(
        "delivery at 200/s to 1,000 chats, p99", "ms", 20, 10, "113", beside="post p99"
    ),
    "twenty": Target(
        "20 messages posted to one chat, all shown", "ms", 100, 30, "1,960", beside="twenty posts"
    ),
    "memory": Target(
        "memory per idle started chat at 4,000", "KB", 14, 10, "32.5", beside="echo memory"
    ),
    "idle": Target("idle CPU at 4,000 chats, pings included", "%", 1.5, 0.8, "1.9"),
    "outgoing": Target(
        "outgoing messages shown, 500 chats", "/s", 500, 650, "612", True, "post rate"
    ),
    "reports": Target("… their delivered reports", "/s", more=True, beside="treq rate"),
    "bursts": Target(
        "incoming forwarded, 50 chats, bursts of 200", "/s", 4000, 6000, "3,680", True, "echo rate"
    ),
    "forwarded": Target(
        "incoming forwarded, 2,000 chats, one each", "/s", 900, 1300, "3,980", True, "treq rate"
    ),
    "accepted": Target("… the same, accepted", "/s", 2500, 4000, "-", True, "echo rate"),
    "starts": Target("chat starts", "/s", 350, 500, "390-494", True, "treq rate"),
    "history": Target("history pages", "/s", 1000, 1600, "1,600-2,060", True, "echo rate"),
    "greedy bytes": Target("history that one greedy address gets", "MB/s", 2, 1.6),
    "greedy p99": Target("… delivery to others meanwhile, p99", "ms", 40, 20, beside="post p99"),
}


def table(figures: Mapping[str, Figure], yardsticks: Mapping[str, Yardstick]) -> str:
    """All figures in Markdown, in the order of the targets."""
    rows = []
    for key, target in TARGETS.items():
        if key not in figures:
            continue
        figure, beside = figures[key], yardsticks.get(target.beside)
        bound = "≥" if target.more else "≤"
        rows.append(
            [
                target.label,
                f"{_number(figure.value)} {target.unit}",
                _verdict(figure.value, target),
                f"{bound} {_number(target.must)}" if target.must else "",
                _number(target.aim) if target.aim else "",
                target.original,
                f"{figure.cpu:,.0f}" if figure.cpu is not None else "",
                f"{beside.label}: {_number(beside.value)} {beside.unit}" if beside else "",
                f"{figure.value / beside.value:.2f}" if beside else "",
            ]
        )
    titles = ["", "Chip", "", "must", "aim", "original", "CPU µs/op", "bare part", "ratio"]
    return markdown(titles, rows)


def yardstick_table(yardsticks: Mapping[str, Yardstick]) -> str:
    """What the bare parts did."""
    rows = [
        [
            yardstick.label,
            f"{_number(yardstick.value)} {yardstick.unit}",
            f"{yardstick.cpu:,.0f}" if yardstick.cpu is not None else "",
        ]
        for yardstick in yardsticks.values()
    ]
    return markdown(["bare part", "", "CPU µs/op"], rows)


def markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns line up where it is read as plain text, too."""
    lines = [titles, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]

    def spell(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return " | ".join(
            ["| " + first[0].ljust(first[1])] + [cell.rjust(width) for cell, width in others]
        )

    rule = "|" + "|".join(
        "-" * (width + 2 - (column > 0)) + (":" if column else "")
        for column, width in enumerate(widths)
    )
    return "\n".join([spell(titles) + " |", rule + "|", *(spell(row) + " |" for row in rows)])


def _verdict(value: float, target: Target) -> str:
    def reached(bound: float | None) -> bool:
        return bound is not None and (value >= bound if target.more else value <= bound)

    if target.must is None:
        return ""
    if not reached(target.must):
        return "MISSED"
    return "aim" if reached(target.aim) else "must"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"
