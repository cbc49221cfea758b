"""Which websites may open a chat: the ``allowed_origins`` setting.

Pure functions over the setting's entries and a browser's ``Origin`` header. Browsers cannot forge
that header, everybody else can: this keeps other *sites* from using a channel, and is no
authentication.

An entry is one of::

    https://shop.example.org          exactly this origin
    https://shop.example.org:8443     a port that is not the scheme's own is part of the origin
    https://*.example.org             every name under example.org, at any depth, not itself
    null                              pages without an origin (files, sandboxed frames)
    *                                 every website, and pages without an origin

Chip's own pages need no entry: see `chip.web.http.own_origin`.
"""

import re
from collections.abc import Iterable, Sequence

ANY = "*"

_NAMES = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*"
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://"
    rf"(?P<wild>\*\.)?(?P<host>{_NAMES}|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def parse_allowed_origins(entries: Iterable[str]) -> tuple[str, ...]:
    """Return the entries in the form that browsers use.

    Lower case, without the scheme's own port, without a slash at the end. Nothing given means any
    website. Raises ValueError naming the first entry that is not one of the forms above.
    """
    parsed = []
    for entry in entries:
        plain = entry.strip().lower().removesuffix("/")
        if plain in (ANY, "null"):
            parsed.append(plain)
        elif match := _ORIGIN.fullmatch(plain):
            own = match["port"] == _DEFAULT_PORTS[match["scheme"]]
            parsed.append(plain.removesuffix(f":{match['port']}") if own else plain)
        else:
            raise ValueError(
                f"not an origin: {entry!r} (expected something like https://shop.example.org)"
            )
    return tuple(parsed) or (ANY,)


def origin_allowed(origin: str | None, allowed: Sequence[str]) -> bool:
    """Whether a page from `origin` may chat, by the entries that `parse_allowed_origins` made.

    A client that sends no Origin is no browser, and could send any origin: it is allowed.
    """
    if origin is None:
        return True
    plain = origin.lower()
    return any(entry == ANY or _matches(plain, entry) for entry in allowed)


def _matches(origin: str, entry: str) -> bool:
    scheme, wild, rest = entry.partition("://*.")
    if not wild:
        return origin == entry
    prefix, suffix = f"{scheme}://", f".{rest}"
    if not (origin.startswith(prefix) and origin.endswith(suffix)):
        return False
    return re.fullmatch(_NAMES, origin[len(prefix) : -len(suffix)]) is not None
