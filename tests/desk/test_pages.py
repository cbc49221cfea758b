"""Who gets to the desk's pages over HTTP, and what the front page shows."""

from __future__ import annotations

import pytest_twisted

transcript = pytest_twisted.ensureDeferred


@transcript
async def test_what_belongs_to_the_pages_is_there_for_everybody(desk):
    for name in ("plain.css", "front.js", "icon.svg", "postcard.png"):
        assert (await desk.ask("GET", f"/welcome/{name}")).status == 200, name
    for name in ("desk.js", "desk.html", "", "..%2Fdesk.py"):
        assert (await desk.ask("GET", f"/welcome/{name}")).status == 404, name
