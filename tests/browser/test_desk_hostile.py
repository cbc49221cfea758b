"""Whatever is in a message or a conversation, the desk shows the others."""

from __future__ import annotations

import json
import uuid
from urllib.parse import urljoin

from playwright.sync_api import expect

from tests.browser.pages import Agent

READABLE = "what it said"
NOTE = "This message cannot be shown as it is."
RIGHT_TO_LEFT = "\u202egpj.exe"


def replies(agent: Agent, **fields) -> None:
    """Send a reply past the page, which would not send every one."""
    answer = agent.page.request.post(
        urljoin(agent.page.url, "/desk/api/conversations/1/messages"),
        headers={"X-Chip-Desk": "1"},
        data={"uuid": str(uuid.uuid4()), "text": "", **fields},
    )
    assert answer.ok, answer.text()


ADDRESSES = [
    "100%.png",
    "%.png",
    "%E0%A4%A.jpg",
    "a%2Fb.png?x=%",
    "[brackets].pdf",
    f"{RIGHT_TO_LEFT}.png",
    "%00.mp3",
    "film.mp4",
    "?",
    "",
]


def test_no_attachment_hides_the_others(agent, visitor, browser):
    replies(agent, attachments=[f"https://x.invalid/{name}" for name in ADDRESSES])
    agent.answers("after it")
    agent.reads("hello")
    agent.reads("after it")
    expect(agent.log.locator(".attachment")).to_have_count(len(ADDRESSES))
    expect(agent.log.get_by_text("100%.png")).to_be_visible()
    agent.page.reload()
    agent.reads("after it")
    browser.problems.clear()  # Nothing is at those addresses.


def test_no_text_name_or_quick_reply_hides_the_others(agent):
    odd = ["x" * 10_000, "(" * 10_000, f"http://a{')' * 9_000}", RIGHT_TO_LEFT, "\u200b\u2028."]
    for text in odd:
        replies(
            agent, text=text, author=RIGHT_TO_LEFT, quick_replies=[RIGHT_TO_LEFT, "a" * 100, "<b>"]
        )
    agent.answers("after it")
    agent.reads("after it")
    expect(agent.log.get_by_role("article")).to_have_count(len(odd) + 2)
    expect(agent.log.get_by_text(NOTE)).to_have_count(0)
    agent.page.get_by_role("button", name="Visitor 1", exact=True).click()
    agent.page.keyboard.type(RIGHT_TO_LEFT)
    agent.page.keyboard.press("Enter")
    expect(agent.page.locator("#who")).to_have_text(RIGHT_TO_LEFT)
    expect(agent.list.get_by_role("button")).to_contain_text("after it")


ODD_FIELDS = [
    {"text": None},
    {"text": 7},
    {"text": "half \ud83d a face"},
    {"time": "yesterday"},
    {"time": None},
    {"attachments": None},
    {"attachments": [None, 7]},
    {"attachments": ["", ":", "image/png", "image/png:javascript:alert(1)"]},
    {"quick_replies": None},
    {"quick_replies": [None]},
    {"quick_replies": None, "text": READABLE},
    {"author": 7},
    {"author": {}},
    {"state": "lost"},
    {"state": None},
    {"incoming": None},
    {"uuid": None},
]

# Whatever brings them to the page, one of these reads them.
MANGLE = """odd => {
  const mangle = (value) => {
    const { message, conversation, messages } = value?.news ?? value ?? {};
    for (const one of [message, conversation?.last, ...(messages ?? [])]) {
      Object.assign(one ?? {}, odd[/^odd (\\d+)$/.exec(one?.text)?.[1]]);
    }
    return value;
  };
  const { parse } = JSON, { json } = Response.prototype;
  JSON.parse = (...all) => mangle(parse(...all));
  Response.prototype.json = async function () { return mangle(await json.call(this)); };
}"""


def test_no_odd_field_of_a_message_hides_another_as_it_comes_or_afterwards(agent, visitor):
    agent.page.add_init_script(f"({MANGLE})({json.dumps(ODD_FIELDS)})")
    agent.page.reload()
    agent.is_connected()
    for number in range(len(ODD_FIELDS)):
        visitor.says(f"odd {number}")
    visitor.says("after them")
    for _ in ("as it comes", "afterwards"):
        agent.reads("hello")
        agent.reads("after them")
        expect(agent.log.get_by_role("article")).to_have_count(len(ODD_FIELDS) + 2)
        plain = agent.log.get_by_role("article").filter(has_text=NOTE)
        expect(plain.filter(has_text=READABLE)).to_be_visible()
        agent.page.reload()


def test_an_odd_message_is_still_said_to_be_one_when_it_is_delivered(agent, visitor):
    agent.page.add_init_script(f"({MANGLE})({json.dumps(ODD_FIELDS)})")
    agent.page.reload()
    agent.is_connected()
    visitor.page.goto("about:blank")
    expect(agent.page.locator("#facts")).to_contain_text("Away")
    agent.answers(f"odd {ODD_FIELDS.index({'quick_replies': None, 'text': READABLE})}")
    plain = agent.log.get_by_role("article").filter(has_text=NOTE)
    expect(plain).to_have_count(1)
    visitor.page.go_back()
    agent.answers("after it")
    agent.sees_state("after it", "Delivered")
    expect(plain.filter(has_text=READABLE)).to_be_visible()


ODD_CONVERSATIONS = [
    {"name": 7},
    {"name": RIGHT_TO_LEFT},
    {"email": None, "name": None},
    {"active": None},
    {"started": "?"},
    {"last": 7},
    {"unread": None},
    {"id": None},
]


def test_no_odd_field_of_a_conversation_hides_another(agent):
    def mangled(route):
        answer = route.fetch()
        body = answer.json()
        whole = body["conversations"][0]
        for number, odd in enumerate(ODD_CONVERSATIONS):
            body["conversations"].append({**whole, "id": 9000 + number, **odd})
        route.fulfill(response=answer, json=body)

    agent.page.route("**/desk/api/conversations?*", mangled)
    agent.page.reload()
    agent.is_connected()
    expect(agent.list.get_by_role("button")).to_have_count(len(ODD_CONVERSATIONS))
    agent.opens("Visitor 1,")
    agent.reads("hello")
    agent.page.unroute_all(behavior="wait")
