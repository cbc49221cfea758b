"""The chat widget's modules as one script, and a few that it imports later.

Owns how the ES modules in ``src/`` are joined and made small. Knows nothing of HTTP.

A browser needs one request, and there is no build step: the modules are joined when Chip starts.
They come in the order in which they import each other and share one scope, so ``import`` and
``export`` are taken out; that no two modules declare the same name is checked.
"""

import re
from collections import Counter
from itertools import product
from pathlib import Path
from string import ascii_lowercase
from typing import Final

import rjsmin

SOURCES = Path(__file__).parent / "src"
ENTRY = "embed"
# What few chats need, which the script imports when it does: the folder, and what is exported.
LATER: Final = {
    "availability": (SOURCES / "availability", "Availability"),
    "markdown": (SOURCES, "markdown"),
}

_BANNER = "/*! Chip's chat widget. MIT licence. */\n"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)
_UNKNOWN = re.compile(r"^(?:import|export)\b.*| as \w+[,\n ].*from .*", re.MULTILINE)
_TOP_NAME = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
_CLASS = re.compile(r"^class .*?^\}$", re.MULTILINE | re.DOTALL)
_PRIVATE = re.compile(r"(?:(?<=\.)|(?<=^  )|(?<=^  get )|(?<=^  async ))#([a-z]\w*)", re.MULTILINE)
# Two words or more in one, or capitals alone: no string has them by chance.
_LONG_NAME = re.compile(r"\w*[a-z][A-Z]\w*|[A-Z][A-Z_]+")
_STYLES = re.compile(r"(?<=String\.raw)`[^`]*`")


def join_modules(sources: Path = SOURCES, entry: str = ENTRY) -> str:
    """Return the module `entry` and all that it imports as one classic script.

    Raises ValueError for modules that import each other, for two that have a name in common, and
    for a form of import or export that this does not know.
    """
    joined = _joined(gather_modules(sources, entry))
    return f'{_BANNER}(() => {{\n"use strict";\n{minify(joined)}}})();\n'


def join_later(name: str) -> str:
    """Return one of `LATER` and all that it imports as one module."""
    folder, exported = LATER[name]
    joined = _joined(gather_modules(folder, name))
    return f"{_BANNER}{minify(joined)}export{{{exported}}};\n"


def _joined(modules: dict[str, str]) -> str:
    joined = "".join(modules.values())
    names = Counter(_TOP_NAME.findall(joined))
    if twice := [name for name, times in names.items() if times > 1]:
        raise ValueError(f"widget modules share the names {', '.join(twice)}")
    return joined


def gather_modules(sources: Path = SOURCES, entry: str = ENTRY) -> dict[str, str]:
    """The text of `entry` and of all that it imports, by name, in the order of their imports."""
    done: dict[str, str] = {}
    _add_module(sources, entry, (), done)
    return done


def _add_module(sources: Path, name: str, above: tuple[str, ...], done: dict[str, str]) -> None:
    if name in above:
        raise ValueError(f"widget modules import each other: {' → '.join((*above, name))}")
    text = (sources / f"{name}.js").read_text("utf-8")
    for imported in _IMPORT.findall(text):
        if imported not in done:
            _add_module(sources, imported, (*above, name), done)
    if unknown := _UNKNOWN.search(_EXPORT.sub("", _IMPORT.sub(_plain_import, text))):
        raise ValueError(f"src/{name}.js: cannot join {unknown[0]!r}")
    done[name] = _EXPORT.sub("", _IMPORT.sub("", text))


def _plain_import(match: re.Match[str]) -> str:
    """Empty for an import under the exported name; an import under another name is left, and then
    refused as unknown."""
    return match[0] if " as " in match[0] else ""


def minify(script: str) -> str:
    """The script without what only people need. The widget may have 25,000 bytes when gzipped: it
    had 25.3 KB by rjsmin alone, and 23.2 KB by all this."""
    bare = rjsmin.jsmin(_shorten_private_names(script))
    bare = re.sub(r"\bconst ", "let ", bare.replace(";}", "}"))
    return _STYLES.sub(_squeeze_styles, _shorten_top_names(bare, _TOP_NAME.findall(script)))


def _shorten_private_names(script: str) -> str:
    """In each class for itself: the fewer different names there are, the better they are packed."""
    return _CLASS.sub(_shorten_names_of_class, script)


def _shorten_names_of_class(match: re.Match[str]) -> str:
    names = dict.fromkeys(_PRIVATE.findall(match[0]))
    short = dict(zip(names, _letters(), strict=False))
    return _PRIVATE.sub(lambda match: f"#{short[match[1]]}", match[0])


def _shorten_top_names(script: str, names: list[str]) -> str:
    """Those of them that are distinct, and nowhere look like a property or a word in a string."""
    used = re.compile(r"(?:(?<!\.\.)\.|[\"'`])({0})\b|\b({0}):".format("|".join(names) or "$^"))
    taken = {name for match in used.findall(script) for name in match}
    alone = [name for name in names if _LONG_NAME.fullmatch(name) and name not in taken]
    short = {name: f"${letters}" for name, letters in zip(alone, _letters(), strict=False)}
    return re.sub(r"\b\w{2,}\b", lambda match: short.get(match[0], match[0]), script)


def _letters() -> list[str]:
    return [*ascii_lowercase, *map("".join, product(ascii_lowercase, repeat=2))]


def _squeeze_styles(match: re.Match[str]) -> str:
    """In a style sheet spaces between words matter, those around punctuation and comments not."""
    text = re.sub(r"/\*.*?\*/\s*", "", match[0], flags=re.DOTALL)
    return re.sub(r"(?<=:) +|;(?=\})", "", re.sub(r"\s*([{};,>])\s*", r"\1", text))
