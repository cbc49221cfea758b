"""The least that anybody expects of an installed Chip: that it serves a chat, with nothing set up.

Owns one short conversation with the guide of the front page.
"""

from __future__ import annotations

import re

from twisted.internet.threads import deferToThread

from .fetch import fetch
from .visitor import Visitor


async def serves_a_chat(url: str, chat: str | None = None) -> str:
    """Say something on the front page's chat, and be answered. Returns the chat's id.

    A `chat` is resumed, which must be known."""
    page = await deferToThread(fetch, url, headers={"Accept": "text/html"})
    own = re.search(r'<script .*data-channel="(.*?)"', page.body.decode())
    assert own, page
    visitor = await Visitor(url, own[1], chat).connect()
    started = await visitor.start_chat()
    assert started["type"] == ("chat_resumed" if chat else "chat_started")
    visitor.send("Is anybody there?", ref="1")
    missing = {"msg_accepted", "chat_out"}
    while missing:
        missing.discard((await visitor.next())["type"])
    await visitor.leave()
    assert visitor.chat_id
    return visitor.chat_id
