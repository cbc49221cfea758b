"""What was seen: a table for people, and JUnit's XML for machines."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final
from xml.etree import ElementTree as Xml

from chip_conformance.run import Outcome

_WIDTH: Final = 12
_SEEN: Final = 160
# What XML cannot hold, and what would disturb a terminal.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


def table(outcomes: Sequence[Outcome]) -> str:
    """A line for each promise, by subject, and one that counts them."""
    return "\n".join(_lines(outcomes))


def _lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for subject, about in groupby(outcomes, lambda outcome: outcome.promise.subject):
        yield subject
        for promise, result, saw, _ in about:
            seen = _plain(saw)[:_SEEN]
            if result == "broken":
                yield f"  {'BROKEN':<{_WIDTH}} {promise.sentence}"
                yield f"  {'':<{_WIDTH}} {promise.name}: {seen}"
            else:
                yield f"  {result:<{_WIDTH}} {promise.sentence}  [{seen}]"
        yield ""
    counts = Counter(outcome.result for outcome in outcomes)
    yield ", ".join(
        f"{counts[result]} {result}"
        for result in ("kept", "broken", "not offered", "not tried")
        if counts[result]
    )


def junit(outcomes: Sequence[Outcome]) -> bytes:
    """The same as JUnit's XML: what is not kept is a failure, what was not tried is skipped."""
    counts = Counter(outcome.result for outcome in outcomes)
    suite = Xml.Element(
        "testsuite",
        name="chip-conformance",
        tests=str(len(outcomes)),
        failures=str(counts["broken"]),
        errors="0",
        skipped=str(counts["not offered"] + counts["not tried"]),
        time=f"{sum(outcome.seconds for outcome in outcomes):.3f}",
    )
    for promise, result, seen, seconds in outcomes:
        case = Xml.SubElement(
            suite,
            "testcase",
            classname=promise.subject,
            name=promise.sentence,
            time=f"{seconds:.3f}",
        )
        if result == "broken":
            Xml.SubElement(case, "failure", message=_plain(seen)).text = promise.name
        elif result != "kept":
            Xml.SubElement(case, "skipped", message=f"{result}: {_plain(seen)}")
        else:
            Xml.SubElement(case, "system-out").text = _plain(seen)
    written: bytes = Xml.tostring(suite, encoding="utf-8", xml_declaration=True)
    return written


def _plain(text: str) -> str:
    return _CONTROL.sub("·", text)
