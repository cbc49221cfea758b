"""Calls that block, made in a thread, so that the reactor of a test turns meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class InThread:
    """The methods of `owner`, each run in a thread and returning a Deferred."""

    def __init__(self, owner: object) -> None:
        self._owner = owner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        # Who only blocks, as a process of its own does, can do without Twisted.
        from twisted.internet.threads import deferToThread  # noqa: PLC0415

        method = getattr(self._owner, name)
        return lambda *args, **kwargs: deferToThread(method, *args, **kwargs)
