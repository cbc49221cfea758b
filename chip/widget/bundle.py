"""The chat widget's modules as one script.

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

import rjsmin

SOURCES = Path(__file__).parent / "src"
ENTRY = "embed"

_BANNER = "/*! Chip's chat widget. MIT licence. */\n"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)
_UNKNOWN = re.compile(r"^(?:import|export)\b.*| as \w+[,\n ].*from .*", re.MULTILINE)
_TOP_NAME = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
_PRIVATE = re.compile(r"(?:(?<=\.)|(?<=^  )|(?<=^  get )|(?<=^  async ))#([a-z]\w*)", re.MULTILINE)
_STYLES = re.compile(r"(?<=String\.raw)`[^`]*`")


def join_modules(sources: Path = SOURCES, entry: str = ENTRY) -> str:
    """Return the module `entry` and all that it imports as one classic script.

    Raises ValueError for modules that import each other, for two that have a name in common, and
    for a form of import or export that this does not know.
    """
    done: dict[str, str] = {}
    _add_module(sources, entry, (), done)
    joined = _joined(done)
    return f'{_BANNER}(() => {{\n"use strict";\n{minify(joined)}}})();\n'


def join_availability() -> str:
    """Return the modules in ``src/availability`` as one module: few chats need it."""
    done: dict[str, str] = {}
    _add_module(SOURCES / "availability", "availability", (), done)
    return f"{_BANNER}{minify(_joined(done))}export{{Availability}};\n"


def _joined(modules: dict[str, str]) -> str:
    joined = "".join(modules.values())
    names = Counter(_TOP_NAME.findall(joined))
    if twice := [name for name, times in names.items() if times > 1]:
        raise ValueError(f"widget modules share the names {', '.join(twice)}")
    return joined


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
    has 26.6 KB without comments and indentation alone, 25.6 KB by rjsmin, 25.0 KB by all this."""
    return _STYLES.sub(_squeeze_styles, rjsmin.jsmin(_shorten_private_names(script)))


def _shorten_private_names(script: str) -> str:
    names = Counter(_PRIVATE.findall(script))
    letters = [*ascii_lowercase, *map("".join, product(ascii_lowercase, repeat=2))]
    short = {name: letter for (name, _), letter in zip(names.most_common(), letters, strict=False)}
    return _PRIVATE.sub(lambda match: f"#{short[match[1]]}", script)


def _squeeze_styles(match: re.Match[str]) -> str:
    """In a style sheet spaces between words matter, those around punctuation and comments not."""
    text = re.sub(r"/\*.*?\*/\s*", "", match[0], flags=re.DOTALL)
    return re.sub(r"(?<=:) +|;(?=\})", "", re.sub(r"\s*([{};,>])\s*", r"\1", text))
