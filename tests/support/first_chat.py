"""The least that anybody expects of an installed Chip: that it serves a chat, with nothing set up.

Owns one short conversation with the guide of the front page.
"""

from __future__ import annotations

import re

from twisted.internet.threads import deferToThread

from .fetch import fetch
from .visitor import Visitor


async def serves_a_chat(url: str, words: str = "Is anybody there?") -> str:
    """Say something on the front page's chat, and be answered. Returns the chat's id."""
    page = await deferToThread(fetch, url, headers={"Accept": "text/html"})
    own = re.search(r'<script .*data-channel="(.*?)"', page.body.decode())
    assert own, page
    visitor = await Visitor(url, own[1]).connect()
    await visitor.start_chat()
    visitor.send(words, ref="1")
    await visitor.until("msg_accepted", ref="1")
    answer = await visitor.until("chat_out")
    assert answer["msg_out"]["text"]
    await visitor.leave()
    assert visitor.chat_id
    return visitor.chat_id
