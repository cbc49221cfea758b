"""The command ``chip``: what ``twistd chip`` does, by words of its own.

    chip run [settings]        twistd -n chip [settings]
    chip check [settings]      twistd chip [settings] --check
    chip VERB [settings] …     twistd chip [settings] VERB …
    chip samples DIRECTORY     nothing of twistd's: copies `chip.samples`

Owns nothing but the order of the words. Under systemd, and to run as a daemon, it is twistd itself.
"""

import getopt
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.scripts import twistd

from chip.samples import copy
from chip.tap import Options

_FOREGROUND = ["--nodaemon", "--pidfile="]
_VERBS = {
    "run": "serve, in the foreground",
    "check": "look whether everything would work, and say what would not",
    **{verb: text for verb, _, _, text in Options.subCommands},
    "samples": "copy units, set-ups of proxies, alerts and a dashboard to a directory",
}


def main() -> None:
    """Do what the command line says."""
    match sys.argv[1:]:
        case [] | ["--help" | "-h" | "help"]:
            print(_usage())
        case ["--version" | "version"]:
            _twistd("chip", "--version")
        case ["samples", *words]:
            _samples(words)
        case [verb, *words] if verb in _VERBS:
            _twistd(*_in_order(verb, words))
        case [word, *_]:
            raise SystemExit(f"chip: there is no command {word!r} (see chip --help)")


def _twistd(*words: str) -> None:
    sys.argv[1:] = words
    twistd.run()


def _in_order(verb: str, words: Sequence[str]) -> list[str]:
    """The command line of twistd's: it wants the settings before the verb."""
    chip = [*_FOREGROUND, "chip"]
    if verb == "run":
        return [*chip, *words]
    if verb == "check":
        return [*chip, *words, "--check"]
    # Where the settings end: some take the next word, as in "--data-dir /d".
    known = Options()  # type: ignore[no-untyped-call]  # Twisted's constructor
    try:
        _, rest = getopt.getopt(words, known.shortOpt, known.longOpt)
    except getopt.GetoptError:
        # Twistd names it, with what there is instead.
        rest = []
    settings = words[: len(words) - len(rest)]
    return [*chip, *settings, verb, *rest]


def _samples(words: Sequence[str]) -> None:
    try:
        flags, directories = getopt.gnu_getopt(words, "", ["replace"])
        [directory] = directories
    except (getopt.GetoptError, ValueError):
        raise SystemExit("chip: expected samples DIRECTORY [--replace]") from None
    try:
        for path in copy(Path(directory), replace=bool(flags)):
            print(path)
    except FileExistsError as error:
        raise SystemExit(f"chip: samples: {error} (--replace takes their place)") from None
    except OSError as error:
        raise SystemExit(f"chip: samples: {error}") from None


def _usage() -> str:
    verbs = "\n".join(f"  {verb:<10}{text}" for verb, text in _VERBS.items())
    return (
        "Usage: chip COMMAND [settings] …\n\n"
        f"{verbs}\n\n"
        "chip run --help lists all settings; config.toml and the environment have them, too."
    )
