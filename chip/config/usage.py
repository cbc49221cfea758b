"""The page that ``twistd chip --help`` shows: flags by section, not by first letter."""

from collections.abc import Iterable
from textwrap import fill

from chip.config.settings import SECTIONS, Setting

UsageRow = tuple[str, str]
"""A command or flag, and its description."""

_COLUMN = 32
_INTRODUCTION = (
    "Settings are also read from config.toml in the working directory and from the environment:"
    " --log-level is log_level there and CHIP_LOG_LEVEL here."
)


def help_page(commands: Iterable[UsageRow], options: Iterable[UsageRow], width: int) -> str:
    """Return the page; `options` are the flags that are no settings.

    Settings that are accepted and unused are named in its last paragraph.
    """
    *used, (unused, ignored) = SECTIONS.items()
    parts = [
        fill(_INTRODUCTION, width, break_on_hyphens=False),
        _block("Commands", commands, width),
        _block("Options", options, width),
        *(_block(title, map(_row, settings), width) for title, settings in used),
        fill(f"{unused}: {', '.join(setting.name for setting in ignored)}.", width),
    ]
    return "\n" + "\n\n".join(parts) + "\n"


def _row(setting: Setting) -> UsageRow:
    flag = f"--[no-]{setting.flag}" if setting.is_switch else f"--{setting.flag}="
    default, text = setting.default_text, setting.about.description
    return flag, f"{text} (default: {default})" if default else text


def _block(title: str, rows: Iterable[UsageRow], width: int) -> str:
    return "\n".join([f"{title}:", *(_line(*row, width) for row in rows)])


def _line(name: str, text: str, width: int) -> str:
    indents = f"  {name}".ljust(_COLUMN - 1) + " ", " " * _COLUMN
    return fill(text.strip(), width, initial_indent=indents[0], subsequent_indent=indents[1])
