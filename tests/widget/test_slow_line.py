"""A line on which a page of history takes longer than a dead line would be waited for.

Slow by nature: bytes take their time. The page's clock runs faster than ours, so that 2 KB in one
of the page's seconds are 40 in one of ours: for each 2 KB that the line carries, it turns a second.
"""

import time

import pytest
from playwright.sync_api import expect

from chip.limits import Limits
from chip.web.websocket.protocol import SLOWEST_LINE
from tests.support.chip_process import ChipProcess
from tests.support.proxy import FaultyProxy
from tests.widget.real_site import Website, channel_of
from tests.widget.scripted_site import Widget

FASTER = 20
MESSAGES = 25


@pytest.fixture
def chip():
    with ChipProcess(desk_guide=False, limits="off", history_page_bytes=100_000) as chip:
        yield chip


def test_a_usual_page_is_there_before_a_line_is_given_up():
    given = 8  # seconds, after a ping

    assert Limits().history_page_bytes < given * SLOWEST_LINE


def test_a_large_page_arrives_over_a_line_of_two_kilobytes_a_second(chip, browser):
    context = browser.person()
    context.clock.install()
    with Website() as website, FaultyProxy(chip.port) as line:

        def visit(server):
            script = f'<script async src="{chip.url}/wc/widget.js" data-server="{server}"'
            page = context.new_page()
            page.goto(website.put(f'{script} data-channel="{channel_of(chip)}"></script>'))
            return Widget(page)

        talkative = visit(chip.url).open()
        for number in range(MESSAGES):
            talkative.write(f"Message {number}. " + "lorem ipsum " * 250)
        expect(talkative.message(f"Message {MESSAGES - 1}.")).to_contain_text("Sent")
        talkative.page.reload()
        unsettled = "Object.keys(localStorage).filter(key => key.includes(':out:')).length"
        talkative.until(
            lambda: talkative.page.evaluate(unsettled) == 0, "the history has everything"
        )
        talkative.page.close()

        line.slow(SLOWEST_LINE * FASTER)
        context.clock.pause_at(time.time() + 60)
        widget = visit(f"http://127.0.0.1:{line.port}")
        deadline = time.monotonic() + 120
        seen = 0
        while not widget.messages.count() and time.monotonic() < deadline:
            idle, carried = not line.trickling, line.trickled
            if carried > seen or idle:
                # While the line has nothing to carry, the page waits for its own next step.
                widget.page.clock.run_for(((carried - seen) / SLOWEST_LINE or 0.2) * 1000)
                seen = carried

        assert widget.messages.count() == MESSAGES
        assert line.accepted > 1
    browser.problems.clear()
