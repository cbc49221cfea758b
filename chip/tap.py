"""What twistd needs to run Chip: its flags, and the service that they describe.

Owns the command line and the order of a start: settings, then the log, then the service. Builds
nothing of the service itself (`chip.app.service` does), and ends the process with one line where a
setting is wrong.

    twistd chip [settings]              serve
    twistd chip [settings] --check      and
    twistd chip [settings] channels …   (or inspect, backup, restore)
                                        do something else and exit: `chip.app.subcommands`
"""

import atexit
import getopt
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

from twisted.application.service import Application, IService
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.components import Componentized
from twisted.scripts.twistd import ServerOptions  # type: ignore[attr-defined]

from chip import __version__
from chip.app import subcommands
from chip.config.schema import Config
from chip.config.settings import SETTINGS
from chip.config.sources import load, unknown_variables
from chip.config.usage import help_page
from chip.errors import ConfigError
from chip.logs.log_observer import LoggedService, LogObserver
from chip.logs.redact import REDACTOR
from chip.logs.sentry import SentryObserver
from chip.logs.targets import target_of

_log = Logger()

_CHANNEL_FLAGS = {
    "add": {"uuid", "external", "max-length"},
    "set": {"hours", "zone", "available", "away"},
}
# Twisted's `--version` asks which version this is, as it does everywhere.
_FLAGS = [setting for setting in SETTINGS.values() if setting.name != "version"]


class _Options(usage.Options):
    """Options whose mistakes are one line on standard error, not a page of help."""

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as error:
            raise SystemExit(f"chip: {error} (see twistd chip --help)") from None


class ChannelsOptions(_Options):
    """The words after ``channels``."""

    synopsis = (
        "[list | add NAME [--uuid UUID] [--external URL [--max-length N]] | remove UUID"
        " | set UUID [--hours HOURS] [--zone ZONE] [--available WORDS] [--away WORDS]]"
    )
    longdesc = (
        "Lists the websites that Chip serves; without RapidPro, adds and removes them, and sets"
        " when they are answered."
    )

    def parseArgs(self, *words: str) -> None:
        """Take what is to be done, for instance ``("add", name)``, and the `flags`."""
        try:
            # Unlike Twisted's own way, with flags behind the words.
            names = [f"{flag}=" for flags in _CHANNEL_FLAGS.values() for flag in flags]
            pairs, given = getopt.gnu_getopt(words, "", names)
        except getopt.GetoptError as error:
            raise usage.UsageError(f"channels: {error}") from None
        flags = {flag.removeprefix("--"): value for flag, value in pairs}
        match given:
            case [("add" | "set") as verb, _] if (
                len(flags) == len(pairs) and set(flags) <= _CHANNEL_FLAGS[verb]
            ):
                pass
            case [] | ["list"] | ["remove", _] if not flags:
                pass
            case _:
                raise usage.UsageError("channels: expected list, add NAME, remove UUID or set UUID")
        if "max-length" in flags and "external" not in flags:
            raise usage.UsageError("channels: --max-length: only with --external")
        self["action"], self["flags"] = tuple(given), flags


class InspectOptions(_Options):
    """What is asked about, after ``inspect``."""

    synopsis = "CHAT-OR-MESSAGE"
    longdesc = "Says what became of a message, or what waits for a chat. Changes nothing."

    def parseArgs(self, *words: str) -> None:
        """Take the word."""
        if len(words) != 1:
            raise usage.UsageError("inspect: expected one CHAT-OR-MESSAGE")
        self["wanted"] = words[0]


class BackupOptions(_Options):
    """The file after ``backup``, or after ``restore``."""

    synopsis = "FILE"

    def parseArgs(self, *words: str) -> None:
        """Take the file."""
        if len(words) != 1:
            raise usage.UsageError("expected one FILE")
        # Before twistd's --rundir changes what it is relative to.
        self["file"] = Path(words[0]).absolute()


class Options(_Options):
    """A flag for every setting; after parsing, `config` has what is in force."""

    config: Config
    read: Callable[[], Config]

    synopsis = "[settings]"

    optFlags: ClassVar = [
        ["check", None, "look whether everything would work, say what would not, and exit"],
        *([s.flag, None, s.about.description] for s in _FLAGS if s.is_switch),
        *([f"no-{s.flag}", None, f"the opposite of --{s.flag}"] for s in _FLAGS if s.is_switch),
    ]
    optParameters: ClassVar = [
        ["config", "c", None, "TOML file to read instead of config.toml"],
        *([s.flag, None, None, s.about.description] for s in _FLAGS if not s.is_switch),
    ]

    subCommands: ClassVar[list[list[Any]]] = [
        ["channels", None, ChannelsOptions, "list, add or remove the websites that are served"],
        ["inspect", None, InspectOptions, "say what became of a message, or what waits for a chat"],
        ["backup", None, BackupOptions, "copy what is in data_dir to a new file"],
        ["restore", None, BackupOptions, "put such a file back, while no Chip runs"],
    ]

    def getUsage(self, width: int | None = None) -> str:
        """The page of --help."""
        commands = [(name, text) for name, _, _, text in self.subCommands]
        options = [(f"--{name}", self.docs[name]) for name in ("check", "version", "help")]
        file = ("-c, --config=", self.docs["config"])
        width = width or int(os.environ.get("COLUMNS", "80"))
        return help_page(commands, [file, *options], width)

    def opt_version(self) -> None:
        """Display Chip's version and exit."""
        print(f"Chip {__version__}")
        raise SystemExit(0)

    def postOptions(self) -> None:
        """Read the settings, from everywhere."""
        file = self["config"]
        twistd = getattr(self, "parent", None) or {"rundir": "."}
        if "rundir" not in twistd:
            raise SystemExit("chip: twist cannot run Chip: twistd -n chip does")
        # Read again on a reload, when twistd has long gone to its --rundir.
        read = partial(load, environ=os.environ, flags=self._given())
        path, directory = Path(file) if file else None, Path(twistd["rundir"])
        self.read = partial(read, file=path and path.absolute(), directory=directory.absolute())
        try:
            self.config = read(file=path, directory=directory)
        except ConfigError as error:
            raise SystemExit(f"chip: {error}") from None
        # Now, because twistd would refuse to go on beside a running Chip's pid file.
        if self["check"]:
            os.chdir(twistd["rundir"])
            subcommands.run_check(self.config)
        if self.subCommand:
            os.chdir(twistd["rundir"])
        match self.subCommand:
            case "channels":
                subcommands.run_channels(
                    self.config, self.subOptions["action"], self.subOptions["flags"]
                )
            case "inspect":
                subcommands.run_inspect(self.config, self.subOptions["wanted"])
            case "backup":
                subcommands.run_backup(self.config, self.subOptions["file"])
            case "restore":
                subcommands.run_restore(self.config, self.subOptions["file"])

    def _given(self) -> dict[str, str | bool]:
        given: dict[str, str | bool] = {}
        for setting in _FLAGS:
            if setting.is_switch:
                if self[setting.flag] or self[f"no-{setting.flag}"]:
                    given[setting.name] = bool(self[setting.flag])
            elif self[setting.flag] is not None:
                given[setting.name] = self[setting.flag]
        return given


def makeService(options: Options) -> IService:
    """Return the service that twistd runs; part of twistd's plugin interface."""
    return _service(options.config, options.read, getattr(options, "parent", None) or {})


def make_application() -> Componentized:
    """Return the application of ``chip.tac``, set by file and environment alone."""
    read = partial(load, environ=os.environ, directory=Path.cwd())
    try:
        config = read()
    except ConfigError as error:
        raise SystemExit(f"chip: {error}") from None
    application: Componentized = Application("chip")
    service: Any = _service(config, read, _twistd_options(sys.argv[1:]))
    service.setServiceParent(application)
    return application


def _service(config: Config, read: Callable[[], Config], twistd: Mapping[str, Any]) -> IService:
    from chip.app import service  # noqa: PLC0415 - a mistaken flag need not wait for all of it

    REDACTOR.keep(config.secret_values())
    observer = LogObserver(
        target_of(twistd), REDACTOR, level=config.log_level, format=config.log_format
    )
    try:
        top = LoggedService(observer, *_sentry(config))
        chip: Any = service.make_service(config, read, observer)
    except ConfigError as error:
        raise SystemExit(f"chip: {REDACTOR(str(error))}") from None
    chip.setServiceParent(top)
    for name in unknown_variables(os.environ):
        _log.warn("no such setting", variable=name)
    return cast(IService, top)


def _sentry(config: Config) -> list[SentryObserver]:
    if not config.sentry_dsn:
        return []
    sentry = SentryObserver(config, REDACTOR, __version__)
    atexit.register(sentry.close, 2.0)
    return [sentry]


def _twistd_options(arguments: Sequence[str]) -> dict[str, Any]:
    """The flags of twistd's own, which a .tac file is not told."""
    known = ServerOptions()
    try:
        pairs, _ = getopt.getopt(arguments, known.shortOpt, known.longOpt)
    except getopt.GetoptError:
        return {"nodaemon": True}  # not started by twistd
    return {known.synonyms[flag.lstrip("-")]: value or True for flag, value in pairs}
