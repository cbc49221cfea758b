"""The header names and shows whoever answers, and the site where nobody has of late."""

import pytest
from playwright.sync_api import expect

from tests.widget.scripted_site import SITE, embed
from tests.widget.states import ANN, BOB, returning

NOON = "2026-05-04T12:00:00Z"


class Header:
    def __init__(self, widget):
        self.heading = widget.page.locator("chip-chat .heading")
        self.subheading = widget.page.locator("chip-chat .subheading")
        self.face = widget.page.locator("chip-chat .face")
        self.picture = widget.page.locator("chip-chat .face img")

    def shows(self, heading, subheading=""):
        expect(self.heading).to_have_text(heading)
        expect(self.subheading).to_have_text(subheading)


@pytest.fixture
def opened(site, visit):
    """Open the chat at noon, with what was said before."""
    returning(site)
    site.context.clock.set_fixed_time(NOON)

    def open_chat(**attributes):
        return visit(embed(heading="A shop", subheading="Within minutes", **attributes)).open()

    return open_chat


def test_whoever_answers_is_named_and_shown(site, opened):
    site.chip.remember("msg_out", "Hello", user=BOB, time="2026-05-04T11:58:00Z")
    widget = opened()
    header = Header(widget)

    header.shows("Bob McTickets", "A shop")
    expect(header.picture).to_have_attribute("src", BOB["avatar"])
    assert header.picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0

    site.chip.say("I take over", user=ANN, time="2026-05-04T12:00:00Z")

    header.shows("Ann Uwase", "A shop")
    expect(header.face).to_have_text("A")
    expect(widget.panel).to_have_accessible_name("A shop")


@pytest.mark.parametrize(
    ("who", "time"),
    [(BOB, "2026-05-03T11:00:00Z"), (None, "2026-05-04T11:58:00Z")],
    ids=["a day ago", "a machine"],
)
def test_nobody_is_shown_where_nobody_has_answered_of_late(site, opened, who, time):
    site.chip.remember("msg_out", "Hello", time=time, **({"user": who} if who else {}))
    widget = opened()
    expect(widget.messages).to_have_count(1)
    header = Header(widget)

    header.shows("A shop", "Within minutes")
    expect(header.face).to_be_hidden()


def test_the_site_has_a_face_of_its_own_until_somebody_answers(site, opened):
    header = Header(opened(avatar="/team.svg"))

    header.shows("A shop", "Within minutes")
    expect(header.picture).to_have_attribute("src", f"{SITE}/team.svg")

    site.chip.say("Hello", user=BOB, time="2026-05-04T12:00:00Z")

    header.shows("Bob McTickets", "A shop")
    expect(header.picture).to_have_attribute("src", BOB["avatar"])


def test_a_picture_that_cannot_be_had_is_an_initial(site, opened):
    gone = {**BOB, "avatar": f"{SITE}/gone.png"}
    site.chip.remember("msg_out", "Hello", user=gone, time="2026-05-04T11:58:00Z")
    header = Header(opened())

    expect(header.face).to_have_text("B")
    expect(header.picture).to_have_count(0)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:image/png;base64,", "https://"])
def test_a_face_is_a_picture_of_the_web(opened, address):
    header = Header(opened(avatar=address))

    header.shows("A shop", "Within minutes")
    expect(header.face).to_be_hidden()
