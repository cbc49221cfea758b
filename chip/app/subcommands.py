"""What ``twistd chip`` does besides serving: it prints lines and ends.

    twistd chip [settings] --check                  ask every part whether it answers
    twistd chip [settings] channels list            the websites that it serves
    twistd chip [settings] channels add NAME [--uuid UUID]
    twistd chip [settings] channels add NAME --external URL [--uuid UUID] [--max-length BYTES]
    twistd chip [settings] channels remove UUID
    twistd chip [settings] channels set UUID [--hours HOURS] [--zone ZONE] [--available WORDS] …
    twistd chip [settings] inspect CHAT-OR-MESSAGE  what became of it
    twistd chip [settings] backup FILE              what is in data_dir, beside a running Chip
    twistd chip [settings] restore FILE

Owns what is printed. Each function ends the process: with 0 when all is well, else with 1;
`run_inspect` with 2 when nothing is known of what is asked about.
"""

import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, NoReturn

from twisted.internet import task
from twisted.logger import globalLogBeginner

from chip.config.schema import Config
from chip.errors import ChipError, ConfigError
from chip.logs.log_observer import LogObserver
from chip.logs.redact import REDACTOR
from chip.logs.targets import Descriptor

EXIT_NOTHING_KNOWN = 2
"""The exit status when everything has answered, and nothing is known."""
_STANDARD_ERROR = 2


def run_check(config: Config) -> NoReturn:
    """Have every part asked, print what is found, and exit."""
    from chip.app.check import everything  # noqa: PLC0415 - nobody else needs it

    async def ask(reactor: Any) -> None:
        well = await everything.check_everything(config, reactor, print, os.environ)
        raise SystemExit(0 if well else 1)

    _run(config, ask)


def run_inspect(config: Config, wanted: str) -> NoReturn:
    """Print what is known of a chat or a message, and exit."""
    from chip.app.inspect import inspection  # noqa: PLC0415 - nobody else needs it

    async def ask(reactor: Any) -> None:
        try:
            found = await inspection.inspect_wanted(config, reactor, wanted, _say)
        except ChipError as error:
            raise SystemExit(f"chip: {REDACTOR(str(error))}") from None
        if not found:
            print("chip: nothing is known of it", file=sys.stderr)
        raise SystemExit(0 if found else EXIT_NOTHING_KNOWN)

    _run(config, ask)


def _run(config: Config, ask: Callable[[Any], Coroutine[Any, Any, None]]) -> NoReturn:
    """Run what uses the reactor and exits. Only errors are logged meanwhile."""
    REDACTOR.keep(config.secret_values())
    errors: Any = LogObserver(Descriptor(_STANDARD_ERROR), REDACTOR, level="error", format="text")
    globalLogBeginner.beginLoggingTo([errors], redirectStandardIO=False)
    task.react(ask, ())
    raise SystemExit(1)


def run_channels(config: Config, action: tuple[str, ...], flags: Mapping[str, str]) -> NoReturn:
    """List, add, remove or set channels, and exit. With `db` they are RapidPro's: it says how."""
    if config.db:
        _rapidpro_channels(config, action, flags)
    from chip.app.channels import alone  # noqa: PLC0415 - a check needs none of it
    from chip.desk.channel_settings import set_channel  # noqa: PLC0415 - as above
    from chip.desk.channels import add_channel, remove_channel  # noqa: PLC0415 - as above

    directory = Path(config.data_dir)
    try:
        match action:
            case ("add", name):
                is_new = not directory.exists()
                if "external" in flags:
                    lines = list(alone.add(directory, name, flags, config))
                else:
                    channel = add_channel(directory, name, flags.get("uuid"))
                    lines = [*alone.for_pages(channel.name, config, channel.uuid)]
                if is_new:
                    print(f"{directory.absolute()} is new")
                print("\n".join(lines))
            case ("remove", uuid):
                remove_channel(directory, uuid)
            case ("set", uuid):
                print("\n".join(alone.settings_lines(set_channel(directory, uuid, flags))))
            case _:
                for line in alone.list_lines(directory, config):
                    print(line)
    except ConfigError as error:
        raise SystemExit(f"chip: {error}") from None
    raise SystemExit(0)


def _rapidpro_channels(
    config: Config, action: tuple[str, ...], flags: Mapping[str, str]
) -> NoReturn:
    from chip.app.channels import rapidpro  # noqa: PLC0415 - nobody else needs it

    async def ask(reactor: Any) -> None:
        try:
            await rapidpro.say_channels(config, reactor, _say)
        except ChipError as error:
            raise SystemExit(f"chip: {REDACTOR(str(error))}") from None
        raise SystemExit(0)

    match action:
        case ("add", name):
            for line in rapidpro.how_to_add(name, flags.get("uuid", ""), config.public_url):
                print(line)
            raise SystemExit("chip: channels: with db set, channels are made in RapidPro, as above")
        case ("set", *_):
            raise SystemExit("chip: channels: with db set, hours are attributes of the page's line")
        case ("remove", *_):
            raise SystemExit("chip: channels: with db set, channels are removed in RapidPro")
    _run(config, ask)


def _say(line: str) -> None:
    print(REDACTOR(line))


def run_backup(config: Config, file: Path) -> NoReturn:
    """Copy the database to a new file, and exit."""
    from chip.sqlite import backup as backups  # noqa: PLC0415 - as above

    try:
        size = backups.backup(_data_dir(config, "backup"), file)
    except ConfigError as error:
        raise SystemExit(f"chip: {error}") from None
    print(f"{file}: {size:,} bytes")
    raise SystemExit(0)


def run_restore(config: Config, file: Path) -> NoReturn:
    """Put a backup in the database's place, and exit."""
    from chip.sqlite import backup as backups  # noqa: PLC0415 - as above

    try:
        aside = backups.restore(_data_dir(config, "restore"), file)
    except ConfigError as error:
        raise SystemExit(f"chip: {error}") from None
    print(f"{config.data_dir} holds what is in {file}")
    if aside is not None:
        print(f"What it held before is in {aside}")
    raise SystemExit(0)


def _data_dir(config: Config, command: str) -> Path:
    """Where the database is. Raises ConfigError when there is to be none."""
    if config.db and config.valkey:
        raise ConfigError(f"{command}: with db and valkey set, nothing is kept in data_dir")
    return Path(config.data_dir)
