"""Who reads the newest message goes on seeing it, and who reads an older one keeps his place.

Heights change for many reasons, and a browser tells of scrolling late: a change right between a
message and the browser's word of the scroll to it is the hardest, and is what happens here.
"""

import pytest
from playwright.sync_api import expect

from tests.widget.scripted_site import PICTURE, SITE
from tests.widget.states import much_said

# What changes, as JavaScript that is given the shadow root.
CHANGES = {
    "a fast picture": "root.querySelector('.rows').lastChild.append(box(104))",
    "a late font": "root.querySelector('.rows').style.fontSize = '19px'",
    "the composer grows": "root.querySelector('.input').style.height = '140px'",
    "the banner appears": "root.querySelector('.banner').hidden = false",
    "suggested answers": "root.querySelector('.quick-replies').append(box(60))",
    "the trouble at the top": "root.querySelector('.past').append(box(60))",
    "the keyboard of a phone": "root.querySelector('.panel').style.height = '400px'",
    "a wider window": "root.querySelector('.panel').style.width = '300px'",
}
HELP = """
const root = document.querySelector("chip-chat").shadowRoot;
const box = (height) => {
  const box = document.createElement("div");
  box.style.cssText = `height: ${height}px; flex: none`;
  return box;
};
const frames = async (n) => { while (n--) await new Promise(requestAnimationFrame); };
"""
LEFT = "log => log.scrollHeight - log.scrollTop - log.clientHeight"


@pytest.fixture
def reader(site, visit):
    """A visitor at the end of a long conversation."""
    much_said(site)
    widget = visit().open()
    expect(widget.message("Message 59")).to_be_in_viewport()
    return widget


def run(widget, script):
    widget.page.evaluate(f"async () => {{ {HELP} {script} }}")


@pytest.mark.parametrize("change", CHANGES)
def test_the_end_stays_in_view_when_something_changes_right_after_a_message(site, reader, change):
    # The page hears of a message before it is drawn: a few turns of the microtask queue later it
    # is drawn, and the browser has not yet told of the scroll.
    run(
        reader,
        f"""let changed; window.changed = new Promise((done) => (changed = done));
        document.querySelector("chip-chat").addEventListener("message", async () => {{
          for (let turn = 0; turn < 20; turn++) await null;
          {CHANGES[change]};
          await frames(4);
          changed();
        }});""",
    )
    site.chip.say("New")
    expect(reader.message("New")).to_be_visible()
    reader.page.evaluate("window.changed")

    assert reader.log.evaluate(LEFT) <= 1
    expect(reader.page.locator("chip-chat .pill")).to_be_hidden()


@pytest.mark.parametrize("change", ["a fast picture", "a late font", "the trouble at the top"])
def test_who_reads_above_keeps_his_place(reader, change):
    run(
        reader,
        f"""const row = root.querySelectorAll("article")[12];
        root.querySelector(".log").scrollTop = row.offsetTop + 2;
        await frames(3);
        const before = row.getBoundingClientRect().top;
        root.querySelectorAll("article")[3].append(box(70));
        {CHANGES[change]};
        await frames(4);
        window.moved = row.getBoundingClientRect().top - before;""",
    )

    assert abs(reader.page.evaluate("window.moved")) <= 2


def test_who_scrolls_to_the_very_top_keeps_his_place_when_older_messages_come(reader):
    top = reader.message("Message 35")
    expect(reader.messages).to_have_count(25)
    reader.log.evaluate("log => log.scrollTop = 0")
    before = top.bounding_box()["y"]
    expect(reader.messages).to_have_count(50)

    assert abs(top.bounding_box()["y"] - before) <= 2
    # Nobody has scrolled to what is above of that.
    assert reader.messages.count() == 50


def test_a_scroll_upwards_while_a_message_comes_is_the_visitors(site, reader):
    run(
        reader,
        """document.querySelector("chip-chat").addEventListener("message", () => {
          root.querySelector(".log").scrollTop -= 300;
        });""",
    )
    site.chip.say("New")

    expect(reader.page.locator("chip-chat .pill")).to_be_visible()
    assert reader.log.evaluate(LEFT) > 200


def test_a_picture_takes_its_place_before_it_comes(site, reader):
    waiting = []

    def keep(route):
        waiting.append(route)

    site.context.route(f"{SITE}/slow.svg", keep)
    site.chip.say("Look", attachments=[f"image/png:{SITE}/slow.svg"])
    picture = reader.page.locator("chip-chat .picture")
    expect(picture).to_be_in_viewport()
    reader.until(lambda: waiting, "the picture is asked for")
    before = picture.bounding_box()

    waiting[0].fulfill(body=PICTURE, content_type="image/svg+xml")

    loaded = "image => image.complete && image.naturalWidth > 0"
    reader.until(lambda: picture.locator("img").evaluate(loaded), "the picture to come")
    assert picture.bounding_box() == before
    assert before["height"] > 100


def test_a_film_takes_its_place_before_its_size_is_known(site, reader):
    site.chip.say("Look", attachments=[f"video/mp4:{SITE}/film.mp4"])
    film = reader.page.locator("chip-chat video")
    expect(film).to_be_in_viewport()
    box = film.bounding_box()

    assert abs(box["width"] / box["height"] - 16 / 9) < 0.02


def test_a_window_that_changes_leaves_the_end_in_view(reader):
    for width, height in [(900, 620), (400, 800), (1280, 800)]:
        reader.page.set_viewport_size({"width": width, "height": height})
        run(reader, "await frames(4)")
        assert reader.log.evaluate(LEFT) <= 1, (width, height)


def test_who_reads_above_finds_a_way_to_the_newest_also_when_there_is_no_news(site, reader):
    way = reader.page.get_by_role("button", name="Go to the newest message")
    expect(way).to_be_hidden()
    reader.log.evaluate("log => log.scrollTop = 500")
    expect(way).to_be_visible()

    site.chip.say("New")
    expect(reader.page.get_by_role("button", name="New messages")).to_be_visible()
    expect(way).to_have_count(0)


def test_what_one_writes_on_another_page_leaves_who_reads_above_in_his_place(visit, reader):
    other = visit().open()
    reader.log.evaluate("log => log.scrollTop = 500")
    expect(reader.page.get_by_role("button", name="Go to the newest message")).to_be_visible()
    top = reader.messages.nth(10).bounding_box()
    other.write("From the other page")
    expect(reader.message("From the other page")).to_contain_text("Sent")

    assert reader.messages.nth(10).bounding_box() == top


@pytest.mark.parametrize("how", ["it is written", "it is tried again"])
def test_what_one_writes_is_in_view_also_for_who_reads_above(site, reader, how):
    if how == "it is tried again":
        site.chip.refuse("send_msg", "rejected")
        reader.write("From here")
        expect(reader.message("From here")).to_contain_text("Not sent")
        site.chip.behave("send_msg")
        for number in range(20):
            site.chip.say(f"Later {number}")
        expect(reader.message("Later 19")).to_be_in_viewport()
        reader.message("From here").get_by_role("button", name="Try again").click()
    else:
        reader.log.evaluate("log => log.scrollTop = 500")
        reader.write("From here")

    expect(reader.message("From here")).to_contain_text("Sent")
    expect(reader.message("From here")).to_be_in_viewport()


def test_the_way_to_the_newest_leaves_the_focus_in_the_conversation(reader):
    reader.log.evaluate("log => log.scrollTop = 500")
    way = reader.page.get_by_role("button", name="Go to the newest message")
    way.focus()
    reader.page.keyboard.press("Enter")

    expect(reader.message("Message 59")).to_be_in_viewport()
    expect(way).to_be_hidden()
    expect(reader.log).to_be_focused()
