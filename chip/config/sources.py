"""Where settings come from: a TOML file, the environment, the command line; the later wins.

Owns that order, and the checks that concern several settings at once. The settings and the checks
of single values are in `chip.config.schema`; how a value is spelled, in `chip.config.settings`.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chip.config.schema import Config
from chip.config.settings import SETTINGS
from chip.errors import ConfigError
from chip.hosts import ascii_host

DEFAULT_FILE = "config.toml"
_PREFIX = "CHIP_"


def load(
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, str | bool] | None = None,
    file: Path | None = None,
    directory: Path | None = None,
) -> Config:
    """Return the settings in force.

    `flags` are those given, by setting name. `file` must exist; without it ``config.toml`` in
    `directory` (default: the working directory) is read when there is one. Raises ConfigError,
    whose one line names the setting and where its value came from.
    """
    values: dict[str, Any] = {}
    values |= _from_file(file, directory or Path())
    values |= _from_environment(environ)
    values |= _from_flags(flags or {})
    _refuse_contradictions(values)
    if not values.get("instance_id"):
        values.pop("instance_id", None)
    return Config(**values)


def unknown_variables(environ: Iterable[str]) -> list[str]:
    """Names in the environment that look like settings and are none. Each is logged as a warning.

    They are not refused: other programs share the environment, and may use the same prefix.
    """
    known = {setting.env for setting in SETTINGS.values()}
    return sorted(name for name in environ if name.startswith(_PREFIX) and name not in known)


def _from_file(file: Path | None, directory: Path) -> dict[str, object]:
    path = file or directory / DEFAULT_FILE
    try:
        table = msgspec.toml.decode(path.read_bytes())
    except FileNotFoundError:
        if file is None:
            return {}
        raise ConfigError(f"{file}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, ValueError) as error:
        # Of the parser's message only the line number: the rest may quote a password.
        place = re.search(r"line \d+", str(error))
        where = f" ({place[0]})" if place else ""
        raise ConfigError(f"{path}: is not valid TOML{where}") from None
    for name in table:
        if name not in SETTINGS:
            raise ConfigError(f"{path}: unknown setting {name!r}")
    return {name: SETTINGS[name].read(value, str(path)) for name, value in table.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    given = ((setting, environ.get(setting.env, "")) for setting in SETTINGS.values())
    return {
        setting.name: setting.read(text, setting.env) for setting, text in given if text.strip()
    }


def _from_flags(flags: Mapping[str, str | bool]) -> dict[str, object]:
    return {
        name: SETTINGS[name].read(value, f"--{SETTINGS[name].flag}")
        for name, value in flags.items()
    }


def _refuse_contradictions(values: Mapping[str, object]) -> None:
    if "domain" in values and not values.get("db"):
        raise ConfigError(
            "domain: names a Courier, but db is not set (set db, or drop domain for the"
            " embedded mode)"
        )
    if values.get("ssl") and "domain" in values:
        try:
            ascii_host(urlsplit(f"//{values['domain']}").hostname or "", tls=True)
        except ValueError as error:
            raise ConfigError(f"domain: {error}, or ssl off") from None
    if bool(values.get("valkey_cert_file")) != bool(values.get("valkey_key_file")):
        raise ConfigError("valkey_cert_file and valkey_key_file: each needs the other")
