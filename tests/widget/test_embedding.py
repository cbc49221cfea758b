"""What `docs/embedding.md` says of markup and style, run, and that it names everything there is."""

import json
import re

import pytest
from playwright.sync_api import expect

from chip.config.origins import origin_allowed, parse_allowed_origins
from chip.widget.serving import SOURCES
from tests.widget.attention import (
    COUNT_TONES,
    attentive,
    away,
    comes,
    stay,
    teaser,
    tones,
    with_clock,
    without_time,
)
from tests.widget.guide import CSS, GUIDE, HTML, examples, tells_email
from tests.widget.scripted_site import SERVER, SITE, ScriptedSite, Widget, embed
from tests.widget.states import talk

SCRIPT = f'<script async src="{SERVER}/wc/widget.js"></script>'


def test_the_one_line_is_enough(site, visit):
    [line, _] = HTML["Putting the chat on a website"]
    widget = visit(line).open()
    widget.write("Hello")

    expect(widget.message("Hello")).to_contain_text("Sent")
    assert {url.partition("/wc/")[0] for url in site.requests} <= {SERVER, f"{SITE}/"}


def test_an_element_of_ones_own_knows_its_server(visit):
    [_, own] = HTML["Putting the chat on a website"]
    widget = visit(own).open()
    widget.write("Hello")

    expect(widget.message("Hello")).to_contain_text("Sent")
    expect(widget.page.get_by_role("dialog", name="Ask the workshop")).to_be_visible()


def test_the_same_line_twice_is_one_chat(visit):
    widget = visit(embed() + embed())

    expect(widget.host).to_have_count(1)


def french(widget, site):
    expect(widget.open().input).to_have_attribute("placeholder", "Écrivez un message")


def right_to_left(widget, site):
    assert widget.launcher.bounding_box()["x"] < 100


def yellow(widget, site):
    style = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    assert widget.launcher.evaluate(style) == ["rgb(255, 214, 10)", "rgb(0, 0, 0)"]


def dark(widget, site):
    ground = widget.open().panel.evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground == "rgb(23, 25, 29)"


def text(place, words):
    def check(widget, site):
        expect(widget.open().page.locator(f"chip-chat .{place}")).to_have_text(words)

    return check


def closed(widget, site):
    widget.page.clock.set_fixed_time("2026-05-05T09:00:00Z")  # A Tuesday.
    word = widget.open().page.locator("chip-chat .availability")
    expect(word).to_contain_text("The workshop is closed · Back Mon")


def own_button(widget, site):
    expect(widget.launcher).to_be_hidden()
    widget.page.get_by_role("button", name="Help").click()
    expect(widget.panel).to_be_visible()


def opened(widget, site):
    expect(widget.panel).to_be_visible()
    assert widget.page.evaluate("document.activeElement === document.body")


def own_words(widget, site):
    expect(widget.input).to_have_attribute("placeholder", "Ask us anything")
    widget.open()
    widget.online()
    widget.launcher.click()
    site.chip.say("Psst")
    expect(widget.launcher).to_have_accessible_name("Open chat, 1 new")


def newcomers(widget, site):
    expect(teaser(stay(widget))).to_contain_text("Half price until Sunday. Questions?")


def silent(widget, site):
    away(attentive(widget.open(), site))
    comes(site, "Psst", widget)
    assert tones(widget) == 0


def chats(widget, site):
    widget.open().write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")


def face(widget, site):
    picture = widget.open().page.locator("chip-chat .face img")
    expect(picture).to_have_attribute("src", f"{SITE}/team.svg")


ATTRIBUTES = {
    "channel": chats,
    "server": chats,
    "lang": french,
    "dir": right_to_left,
    "accent": yellow,
    "theme": dark,
    "position": right_to_left,
    "heading": text("heading", "The workshop"),
    "subheading": text("subheading", "We answer within minutes"),
    "avatar": face,
    "greeting": text("greeting", "What shall we build?"),
    "launcher": own_button,
    "open": opened,
    "email": tells_email,
    "hours": text("availability", "Open now"),
    "zone": text("availability", "Open now"),
    "available": text("availability", "The workshop is open"),
    "away": closed,
    "usually": text("availability", "Usually answers in a few minutes"),
    "teaser": newcomers,
    "sound": silent,
    "strings": own_words,
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_each_attribute_does_what_the_documentation_says(site, name):
    [example] = HTML[name]
    with_clock(site).context.add_init_script(COUNT_TONES)
    site.context.route(
        f"{SITE}/assets/widget.js",
        lambda route: route.fulfill(body=site.script, content_type="text/javascript"),
    )
    markup = example if "<script async" in example else SCRIPT + example

    ATTRIBUTES[name](Widget(site.page(markup)), site)


def test_attributes_may_change_while_the_chat_is_open(site, visit):
    without_time(site)
    widget = visit()
    widget.open().write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    widget.host.evaluate("e => e.setAttribute('lang', 'sw')")

    expect(widget.input).to_have_attribute("placeholder", "Andika ujumbe")
    expect(widget.panel).to_be_visible()
    expect(widget.message("Hello")).to_be_visible()


def test_an_element_that_is_moved_goes_on(visit):
    widget = visit()
    widget.open().write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    widget.host.evaluate("e => document.querySelector('main').append(e)")

    expect(widget.message("Hello")).to_be_visible()
    widget.write("Still there")
    expect(widget.message("Still there")).to_contain_text("Sent")


VARIABLES = {
    "--chip-accent": ("launcher", "backgroundColor", "rgb(102, 51, 153)"),
    "--chip-font": ("panel", "fontFamily", "Georgia, serif"),
    "--chip-radius": ("panel", "borderTopLeftRadius", "4px"),
    "--chip-width": ("panel", "width", "340px"),
    "--chip-height": ("panel", "height", "500px"),
    "--chip-inset": ("root", "bottom", "32px"),
    "--chip-z-index": ("root", "zIndex", "50"),
}


def test_the_variables_of_the_documentation_are_all_there_are_and_change_the_looks(visit):
    [css] = CSS["Variables"]
    widget = visit(f"<style>{css}</style>{embed()}").open()

    assert set(re.findall(r"--chip-[\w-]+", css)) == set(VARIABLES)
    for name, (place, style, value) in VARIABLES.items():
        element = widget.page.locator(f"chip-chat .{place}")
        assert element.evaluate("(e, s) => getComputedStyle(e)[s]", style) == value, name


def test_the_parts_of_the_documentation_can_be_styled(site):
    [css] = CSS["Parts"]
    markup = f"<style>{css}</style>{embed(subheading='Minutes')}"
    newcomer = stay(Widget(with_clock(site).page(markup)))
    expect(teaser(newcomer)).to_be_visible()
    talk(site)
    site.context.clock.set_fixed_time("2026-05-05T09:00:00Z")  # A Tuesday: nobody is there.
    site.facts = {"hours": "Mon 00:00-00:01", "zone": "UTC"}
    widget = Widget(site.page(markup))
    expect(widget.badge).to_be_visible()
    widget.open()
    widget.write("Is anybody there?")
    expect(widget.page.locator("chip-chat .email")).to_be_visible()
    widget.launcher.click()
    site.chip.say("Which one?", quick_replies=["This", "That"])
    expect(widget.badge).to_be_visible()
    widget.open()
    expect(widget.replies).to_have_count(2)
    widget.page.locator("chip-chat .picture").click()
    expect(widget.page.locator("chip-chat .lightbox")).to_be_visible()
    rules = re.findall(r"::part\(([\w-]+)\) \{ ([\w-]+): ([^;]+); \}", css)

    assert len(rules) == css.count("::part")
    for part, style, value in rules:
        shown = newcomer if part == "teaser" else widget
        element = shown.page.locator(f"chip-chat [part~='{part}']").first
        found = element.evaluate("(e, s) => getComputedStyle(e).getPropertyValue(s)", style)
        assert found == value, part


def later_words():
    """The names of what the files say that are loaded later."""
    sources = [path.read_text() for path in sorted(SOURCES.glob("*/phrases.js"))]
    return re.findall(r"^  (\w+): [\"{]", "".join(sources), re.MULTILINE)


def test_the_guide_names_everything_there_is():
    source = "".join(path.read_text() for path in SOURCES.rglob("*.js"))
    parts = {name for names in re.findall(r'part: "([\w -]+)"', source) for name in names.split()}
    parts |= {"message", "own"}
    variables = set(re.findall(r"var\((--chip-[\w-]+)", source)) | {"--chip-accent"}
    attributes = re.search(r"ATTRIBUTES = \[(.*?)\];", source, re.DOTALL)
    words = re.search(r"export const en = \{(.*?)\n\};", source, re.DOTALL)
    events = set(re.findall(r'\.tell\("(\w+)"', source))

    assert parts == set(re.findall(r"::part\(([\w-]+)\)", CSS["Parts"][0]))
    assert variables == set(VARIABLES)
    assert set(re.findall(r'"(\w+)"', attributes[1])) == set(ATTRIBUTES)
    for name in [*re.findall(r"^  (\w+):", words[1], re.MULTILINE), *later_words()]:
        assert f"`{name}`" in GUIDE.partition("## Words")[2], name
    for event in events:
        assert f"### {event}\n" in GUIDE, event


def test_every_language_says_everything():
    english = re.findall(r"^  (\w+):", (SOURCES / "words.js").read_text(), re.MULTILINE)
    [listed] = re.findall(r"LANGUAGES = (\[.*\]);", (SOURCES / "language.js").read_text())
    files = {path.stem: path for path in (SOURCES / "words").iterdir()}

    assert set(files) == {*json.loads(listed)} - {"en"}
    for name, path in files.items():
        assert list(json.loads(path.read_text())) == english + later_words(), name


def test_the_language_is_the_pages_else_the_browsers_else_english(browser):
    def hint(page_language, locale):
        site = without_time(ScriptedSite(browser.person(locale=locale)))
        return Widget(site.page(lang=page_language)).input.get_attribute("placeholder")

    assert hint("es-MX", "fr-FR") == "Escribe un mensaje"
    assert hint("", "rw-RW") == "Andika ubutumwa"
    assert hint("tlh", "pt-BR") == "Digite uma mensagem"
    assert hint("pt_BR", "fr-FR") == "Digite uma mensagem"
    assert hint("pt-AO", "fr-FR") == "Escreva uma mensagem"
    assert hint("tlh", "ja-JP") == "Write a message"


def test_what_is_asked_before_the_words_are_there_is_done_when_they_are(browser):
    site = without_time(ScriptedSite(browser.person()))
    held = []
    site.words_answer = held.append
    early = "<script>Chip = [['open'], ['send', 'Bonjour']]</script>"
    widget = Widget(site.page(early + embed(lang="fr")))
    widget.until(lambda: held, "the question for the words")
    widget.host.evaluate("e => e.setAttribute('heading', 'La boutique')")
    expect(widget.panel).to_have_count(0)

    site.answer_words(held[0])

    expect(widget.message("Bonjour")).to_contain_text("Envoyé")
    expect(widget.page.locator("chip-chat .heading")).to_have_text("La boutique")


@pytest.mark.parametrize("status", [204, 404, 500])
def test_a_chat_whose_words_cannot_be_had_is_in_english(browser, status):
    site = ScriptedSite(browser.person())
    site.words_answer = lambda route: route.fulfill(status=status)
    widget = Widget(site.page(lang="fr")).open()

    expect(widget.input).to_have_attribute("placeholder", "Write a message")
    browser.problems.clear()  # the browser complains of that answer itself


def test_a_chat_whose_words_do_not_come_is_in_english_after_three_seconds(browser):
    site = ScriptedSite(browser.person())
    site.words_answer = lambda route: None
    widget = Widget(site.page(lang="fr")).open()

    expect(widget.input).to_have_attribute("placeholder", "Write a message")


def test_english_needs_no_request_for_words(browser):
    site = ScriptedSite(browser.person())
    Widget(site.page()).open()

    assert not [url for url in site.requests if "/words/" in url]


def test_the_policy_in_the_guide_is_enough(browser):
    [header] = examples("http")["A strict content security policy"]
    policy = (
        header.partition(": ")[2].strip() + "; require-trusted-types-for 'script'; img-src data:"
    )
    site = without_time(ScriptedSite(browser.person(), csp=policy))
    widget = Widget(site.page(embed(accent="hotpink", lang="fr"))).open()
    widget.write("Bonjour")

    expect(widget.message("Bonjour")).to_contain_text("Envoyé")
    assert widget.panel.evaluate("e => getComputedStyle(e).borderTopLeftRadius") == "18px"


def test_the_allowed_origins_in_the_guide_are_good():
    [setting] = examples("toml")["Which sites may embed it"]
    entries = parse_allowed_origins(re.findall(r'"(.+?)"', setting))

    assert origin_allowed("https://shop.example", entries)
    assert origin_allowed("https://www.shop.example", entries)
    assert not origin_allowed("https://evil.example", entries)


def test_a_channel_that_is_none_is_told_to_the_developer(site):
    page = site.page(SCRIPT)
    page.wait_for_function("!!customElements.get('chip-chat')")
    message = page.evaluate(
        """() => new Promise((resolve) => {
          const chat = document.createElement("chip-chat");
          chat.setAttribute("channel", "nonsense");
          chat.on("error", ({ message }) => resolve(message));
          document.body.append(chat);
        })"""
    )

    assert message == 'not a channel: "nonsense"'
