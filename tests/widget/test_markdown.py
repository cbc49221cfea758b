"""Light Markdown of the business: what it shows, and what it leaves alone."""

import pytest
from playwright.sync_api import expect

from tests.widget.axe import complaints
from tests.widget.scripted_site import SERVER
from tests.widget.test_accessibility import announced

TREE = """e => [...e.firstChild.childNodes].map(function tree(node) {
  if (node.nodeType === 3) return node.data;
  const inside = [...node.childNodes].map(tree).join("");
  const more = node.href ? ` ${node.href}` : node.hasAttribute("value") ? ` ${node.value}` : "";
  return node.tagName === "BDI" ? inside : `<${node.tagName.toLowerCase()}${more}>${inside}</>`;
}).join("")"""
SHOWN = {
    "**bold** and *italics*": "<strong>bold</> and <em>italics</>",
    "__bold__ and _italics_": "<strong>bold</> and <em>italics</>",
    "**bold _and both_**": "<strong>bold <em>and both</></>",
    "Press `**`, or `a_b`.": "Press <code>**</>, or <code>a_b</>.",
    "See [the page](https://a.example/x_y_z)!": "See <a https://a.example/x_y_z>the page</>!",
    "**https://a.example/_b_**": "<strong><a https://a.example/_b>https://a.example/_b</>_</>",
    "[one](https://a.example/b_(c)), [two](mailto:a@b.example) [3](tel:+2507)": (
        "<a https://a.example/b_(c)>one</>, <a mailto:a@b.example>two</> <a tel:+2507>3</>"
    ),
    "这是**重点**内容": "这是<strong>重点</>内容",
    "Choose:\n- tea\n- **rum**\nor not": (
        "Choose:<ul><li>tea</>\n<li><strong>rum</></>\n</>or not"
    ),
    "1. one\n3. three": "<ol><li 1>one</>\n<li 3>three</>\n</>",
    "```\na *b*\n\n  c\n```\nend": "<pre>a *b*\n\n  c\n</>end",
    "one\ntwo\n\nthree": "one\ntwo\n\nthree",
}
LEFT = [
    "5 * 3 * 2 = 30",
    "5*3*2",
    "snake_case_name and __init__py",
    "Name: ____  ______",
    "**not closed",
    "a ** b ** c",
    "*one **two",
    "** **",
    "[no](javascript:alert(1))",
    "[no](data:text/html,x)",
    "``` not closed",
    "-5 degrees",
    "#1 * and _",
    "`",
    "\\*",
]


@pytest.fixture
def say(site, visit):
    widget = visit().open()

    def say(text):
        count = widget.bubbles.count()
        site.chip.say(text)
        expect(widget.bubbles).to_have_count(count + 1)
        # By then the file is there, and its promise is kept.
        widget.page.evaluate(f"import('{SERVER}/wc/widget/markdown.js').then(() => {{}})")
        return widget.bubbles.last.evaluate(TREE)

    say.widget = widget
    return say


def test_marks_of_the_business_are_shown_as_what_they_mean(say):
    for text, tree in SHOWN.items():
        assert say(text) == tree, text

    assert complaints(say.widget.page) == []


def test_what_only_looks_like_a_mark_stays_as_it_was_written(say):
    for text in LEFT:
        assert say(text) == text


def test_marks_of_the_visitor_are_his_own(site, visit):
    widget = visit().open()
    widget.write("**bold** `code`")

    expect(widget.message("bold")).to_contain_text("**bold** `code`")
    expect(widget.bubbles.locator("strong, code")).to_have_count(0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The **red** one, `rm -r`", "The red one, rm -r"),
        ("*Not* the _blue_ **_one_**.", "Not the blue one."),
        ("See [the page](https://a.example/b_(c)), [or not](tel:+2507)", "See the page, or not"),
        ("5 * 3 * 2, 5*3, a_b_c", "5 * 3 * 2, 5*3, a_b_c"),
    ],
)
def test_marks_are_not_read_aloud(site, visit, text, said):
    widget = visit().open()
    site.chip.say(text)

    expect(announced(widget)).to_have_text([f"Support: {said}"])


def test_without_the_file_of_marks_the_text_is_plain(site, visit):
    site.context.route("**/wc/widget/markdown.js", lambda route: route.fulfill(status=204))
    widget = visit().open()
    site.chip.say("The **red** one")

    expect(widget.message("The **red** one")).to_be_visible()


def test_a_chat_without_marks_fetches_no_file_for_them(site, visit):
    widget = visit().open()
    site.chip.say("The red one")

    expect(widget.message("The red one")).to_be_visible()
    assert not any("markdown" in url for url in site.requests)


HOSTILE = [
    "*_" * 1_000 + "x" + "_*" * 1_000,
    "**" * 10_000,
    "*a **b " * 2_000,
    "[" * 20_000,
    "_*__**" * 3_000,
    "```\n" * 5_001,
    "*a " * 100_000,
]
DEPTH = """e => {
  let deepest = 0;
  for (let [level, at] = [e.children, 0]; level.length; at++) {
    deepest = at;
    level = [...level].flatMap((one) => [...one.children]);
  }
  return deepest;
}"""


def test_hostile_marks_nest_nowhere_and_stop_nothing(say):
    for text in HOSTILE:
        say(text)
        assert say.widget.bubbles.last.evaluate(DEPTH) <= 6
