"""The command chip-conformance.

    chip-conformance URL --channel UUID --secret SECRET --courier 127.0.0.1:8060

Exit status 0 where every promise that was tried is kept, 1 where one is not, or the server is not
there, 2 where the command line is wrong.
"""

import argparse
import asyncio
import fnmatch
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from chip_conformance import __version__
from chip_conformance.broken import Broken
from chip_conformance.courier import Courier
from chip_conformance.http import PATIENCE
from chip_conformance.promise import Extension, Promise
from chip_conformance.promises import PROMISES
from chip_conformance.report import junit, table
from chip_conformance.run import AT_ONCE, Outcome, Run
from chip_conformance.target import External, Target, Webchat


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    promises = _chosen(options.only, quick=options.quick)
    if options.list:
        for promise in promises:
            print(f"{promise.name:<32} {promise.sentence}  [{promise.wants or 'nothing'}]")
        return 0
    if not promises:
        parser.error("--only names no promise; --list has all of them")
    if not options.url or not options.channel:
        parser.error("a URL and --channel are needed")
    if bool(options.external) != bool(options.authorization):
        parser.error("--external and --authorization go together")
    try:
        outcomes = asyncio.run(_run(options, promises))
    except (Broken, OSError, TimeoutError) as trouble:
        print(f"{options.url} cannot be tried: {trouble}", file=sys.stderr)
        return 1
    print(table(outcomes))
    if options.junit:
        options.junit.write_bytes(junit(outcomes))
    return int(any(outcome.result == "broken" for outcome in outcomes))


async def _run(options: argparse.Namespace, promises: Sequence[Promise]) -> list[Outcome]:
    channel: Webchat | External
    if options.external:
        channel = External(
            page=options.channel, uuid=options.external, authorization=options.authorization
        )
    else:
        channel = Webchat(page=options.channel, secret=options.secret)
    knows_secret = bool(options.secret or options.external)
    target = Target(options.url, channel, knows_secret, options.patience)
    courier = Courier(channel, options.upstream, options.patience)
    run = Run(
        target,
        courier,
        plays_courier=bool(options.courier),
        required=frozenset(Extension) if options.whole else frozenset(),
        at_once=options.at_once,
    )
    async with courier.listening(*options.courier) if options.courier else nullcontext():
        await run.find_offers()
        return await run.all(promises)


def _chosen(patterns: Sequence[str], *, quick: bool) -> list[Promise]:
    return [
        promise
        for promise in PROMISES
        if not (quick and promise.slow)
        and any(fnmatch.fnmatch(promise.name, pattern) for pattern in patterns or ["*"])
    ]


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "127.0.0.1", int(port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chip-conformance",
        description="Whether a webchat server keeps the promises of Chip's protocol.",
    )
    add = parser.add_argument
    add("url", nargs="?", help="the server's, such as http://localhost:8070")
    add("--channel", metavar="UUID", help="what web pages call the channel")
    add("--secret", default="", help="the secret of a webchat channel")
    add("--external", default="", metavar="UUID", help="what Courier calls an External channel")
    add("--authorization", default="", metavar="TEXT", help="the authorization of that")
    add(
        "--courier",
        type=_place,
        metavar="HOST:PORT",
        help="where the server has been told that its Courier is: the kit listens there; without"
        " it, what is promised to Courier is not tried",
    )
    add(
        "--upstream",
        default="",
        metavar="URL",
        help="a real Courier, which is asked all that the kit is asked as Courier: for servers that"
        " read RapidPro's database, where it makes the contacts",
    )
    add("--whole", action="store_true", help="an extension that is not offered counts as broken")
    add(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="try these alone, such as history.*; may be given several times",
    )
    add(
        "--quick",
        action="store_true",
        help="leave out those for which a server may take half a minute",
    )
    add(
        "--patience",
        type=float,
        default=PATIENCE,
        metavar="SECONDS",
        help=f"how long to wait for anything that has to come ({PATIENCE:g})",
    )
    add(
        "--at-once",
        type=int,
        default=AT_ONCE,
        metavar="N",
        help=f"promises tried at a time ({AT_ONCE})",
    )
    add("--junit", type=Path, metavar="FILE", help="write JUnit's XML to a file, too")
    add("--list", action="store_true", help="print the promises, and try none")
    add("--version", action="version", version=f"%(prog)s {__version__}")
    return parser
