"""The table of settings: each one's names, default and way of reading a value.

Made from the fields of `chip.config.schema.Config`. It owns how a value is spelled in the
environment, on the command line and in TOML; where values are looked for is in
`chip.config.sources`.
"""

import math
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

import msgspec

from chip.config.schema import ABOUT_SETTINGS, UNUSED, Config
from chip.errors import ConfigError
from chip.limits import About, Limits

_TRUE = frozenset({"1", "t", "true", "y", "yes", "on"})
_FALSE = frozenset({"0", "f", "false", "n", "no", "off"})


class Setting(msgspec.Struct, frozen=True):
    """One setting. `type` is that of its field, with all that the annotation says."""

    name: str
    type: Any
    default: object
    about: About

    @property
    def kind(self) -> Any:
        """The type alone."""
        return self.type.__origin__

    @property
    def env(self) -> str:
        return f"CHIP_{self.name.upper()}"

    @property
    def flag(self) -> str:
        return self.name.replace("_", "-")

    @property
    def is_switch(self) -> bool:
        return self.kind is bool

    @property
    def default_text(self) -> str:
        """The default as one would write it in the environment, ``""`` for none."""
        if isinstance(self.default, bool):
            return "true" if self.default else "false"
        if isinstance(self.default, tuple):
            return ",".join(self.default)
        return str(self.default)

    def read(self, value: object, source: str) -> object:
        """Return the value as the field's type, from a string or from what TOML made of it.

        Raises ConfigError naming the setting and `source`.
        """
        try:
            return self._checked(self._converted(value))
        except ValueError as error:
            raise ConfigError(f"{self.name} ({source}): {error}") from None

    def _converted(self, value: object) -> Any:
        expected = f"expected {_expected(self.kind, self.type)}"
        try:
            found = msgspec.convert(_plain(value, self.kind), self.type, strict=False)
        except msgspec.ValidationError:
            raise ValueError(expected) from None
        if isinstance(found, float) and not math.isfinite(found):
            raise ValueError(expected)
        if isinstance(found, str) and "\0" in found:
            raise ValueError("expected text without NUL")
        return found

    def _checked(self, value: Any) -> object:
        unset = not value and not self.default
        return value if unset or self.about.check is None else self.about.check(value)


def _plain(value: object, kind: Any) -> object:
    """A value as people write it, in the form that msgspec converts."""
    if kind is bool and isinstance(value, str):
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else value
    if get_origin(kind) is Literal:
        if isinstance(value, bool):  # TOML's `limits = true`
            value = "on" if value else "off"
        return value.strip().lower() if isinstance(value, str) else value
    if get_origin(kind) is tuple and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    # Else msgspec would take true for the number 1, and the number 1 for true.
    if isinstance(value, bool) != (kind is bool) and not isinstance(value, str):
        return None
    return value.strip() if isinstance(value, str) else value


def _expected(kind: Any, bounded: Any) -> str:
    if kind is bool:
        return "true or false"
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if get_origin(kind) is tuple:
        return "a list of strings"
    info = msgspec.inspect.type_info(bounded)
    if isinstance(info, msgspec.inspect.IntType):
        top = f" to {info.le}" if info.le is not None else " or more"
        return f"a whole number, {info.ge}{top}"
    if isinstance(info, msgspec.inspect.FloatType):
        return f"a number greater than 0, up to {info.le}"
    return "text"


def _setting(field: msgspec.structs.FieldInfo) -> Setting:
    return Setting(
        name=field.name,
        type=field.type,
        # A computed default, such as the host's name, is not shown.
        default="" if field.default is msgspec.NODEFAULT else field.default,
        about=ABOUT_SETTINGS[field.name],
    )


def _by_section(settings: Iterable[Setting]) -> dict[str, list[Setting]]:
    sections: dict[str, list[Setting]] = {}
    for setting in settings:
        sections.setdefault(setting.about.section, []).append(setting)
    sections[UNUSED] = sections.pop(UNUSED)  # last
    return sections


_LIMITS = Limits.__struct_fields__

SETTINGS = {
    field.name: _setting(field)
    # A class's fields begin with those that it inherits; here they come last.
    for field in sorted(msgspec.structs.fields(Config), key=lambda field: field.name in _LIMITS)
}
"""Every setting by name: first those of Chip, then the limits."""

SECTIONS = _by_section(SETTINGS.values())
"""The same by the titles of their sections, what is accepted and unused at the end."""
