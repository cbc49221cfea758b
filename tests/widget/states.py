"""The states in which visitors see the widget, each brought about as it comes about in life."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.widget.scripted_site import CHANNEL, SITE, ScriptedSite, Widget

BOB = {"id": 234, "email": "bob@example.com", "name": "Bob McTickets", "avatar": f"{SITE}/bob.svg"}
ANN = {"id": 235, "email": "ann@example.com", "name": "Ann Uwase"}
CHAT = "c" * 24

Act = Callable[[ScriptedSite, Widget], None]


def returning(site: ScriptedSite) -> None:
    """Make the visitor one who has a chat already."""
    site.chip.known.add(CHAT)
    note(site, "chat", CHAT)


def note(site: ScriptedSite, name: str, value: str) -> None:
    """Have the widget of an earlier page noted that."""
    site.context.add_init_script(
        f"if (location.origin === '{SITE}') localStorage['chip:{CHANNEL}:{name}'] ??= '{value}'"
    )


def blocked_storage(site: ScriptedSite) -> None:
    """Forbid the site to store anything, as browsers do that block site data."""
    site.context.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"])
          Object.defineProperty(window, name, {
            get() { throw new DOMException("no", "SecurityError") }
          })"""
    )


def talk(site: ScriptedSite) -> None:
    """Let the visitor have talked with people before."""
    returning(site)
    say = site.chip.remember
    say("msg_out", "Hello! 👋 How can we help?", origin="flow", time="2026-05-03T08:00:00Z")
    say("msg_in", "Hi, where is my order?", time="2026-05-03T08:01:00Z")
    say("msg_out", "Let me look that up for you. One moment, please.", user=BOB)
    say("msg_out", "It left this morning: https://track.example/4432 follows it.", user=BOB)
    say("msg_in", "😍")
    say("msg_in", "Thank you so much!\nThat was quick.")
    say("msg_out", "مرحبًا! هذه صورة الطرد", user=ANN, attachments=[f"image/png:{SITE}/parcel.svg"])
    say("msg_out", user=ANN, attachments=[f"application/pdf:{SITE}/invoice-4432.pdf"])
    say("msg_out", "Anything else?", user=ANN, quick_replies=["Yes, please", "No, thank you"])


def closed(site: ScriptedSite, widget: Widget) -> None:
    expect(widget.launcher).to_be_visible()


def fresh(site: ScriptedSite, widget: Widget) -> None:
    widget.open()
    expect(widget.page.locator("chip-chat .greeting")).to_be_visible()


def unread(site: ScriptedSite, widget: Widget) -> None:
    expect(widget.badge).to_have_text("6")


def conversation(site: ScriptedSite, widget: Widget) -> None:
    widget.open()
    expect(widget.replies).to_have_count(2)
    expect(widget.page.locator("chip-chat .picture img")).to_be_in_viewport()


def connecting(site: ScriptedSite, widget: Widget) -> None:
    site.chip.ignore("start_chat")
    widget.open(online=False)
    widget.page.clock.fast_forward(4000)
    expect(widget.banner).to_contain_text("Connecting")


def offline(site: ScriptedSite, widget: Widget) -> None:
    widget.open()
    expect(widget.messages).to_have_count(9)
    site.chip.answers["start_chat"] = lambda ws, _: ws.close(code=1012)
    site.chip.drop()
    widget.write("Are you still there?")
    expect(widget.message("still there")).to_contain_text("Waiting to be sent")
    widget.page.clock.run_for(4000)
    expect(widget.banner).to_contain_text("No connection")


def failed(site: ScriptedSite, widget: Widget) -> None:
    site.chip.refuse("send_msg", "rejected")
    widget.open()
    widget.write("This cannot be delivered")
    expect(widget.message("cannot be delivered")).to_contain_text("Not sent")
    site.chip.ignore("send_msg")
    widget.write("This is on its way")
    expect(widget.message("on its way")).to_contain_text("Sending")


def replaced(site: ScriptedSite, widget: Widget) -> None:
    widget.open()
    expect(widget.messages).to_have_count(9)
    site.chip.drop(4409)
    expect(widget.banner).to_contain_text("another window")


def long_history(site: ScriptedSite, widget: Widget) -> None:
    widget.open()
    expect(widget.message("Message 59")).to_be_in_viewport()
    widget.log.evaluate("log => log.scrollTop = 500")
    site.chip.say("Something new")
    expect(widget.page.locator("chip-chat .pill")).to_be_visible()


def lightbox(site: ScriptedSite, widget: Widget) -> None:
    widget.open()
    widget.page.locator("chip-chat .picture").click()
    expect(widget.page.locator("chip-chat .lightbox img")).to_be_visible()


def too_long(site: ScriptedSite, widget: Widget) -> None:
    widget.open()
    widget.input.fill("A very long message. " * 200)
    expect(widget.page.locator("chip-chat .count")).to_contain_text("too many")


def much_said(site: ScriptedSite, messages: int = 60) -> None:
    """Let the visitor return to a conversation of which he has read everything."""
    returning(site)
    for number in range(messages):
        site.chip.remember("msg_out" if number % 3 else "msg_in", f"Message {number}")
    note(site, "seen", f"{site.chip.clock:%Y-%m-%dT%H:%M:%S}.000000000")


def in_no_time(before: Callable[[ScriptedSite], None]) -> Callable[[ScriptedSite], None]:
    """Let the state turn the page's clock."""

    def prepare(site: ScriptedSite) -> None:
        site.context.clock.install()
        before(site)

    return prepare


def unknown(site: ScriptedSite) -> None:
    """Let the server know nothing of the channel: it refuses the handshake, and says why."""
    site.context.add_init_script(
        "window.WebSocket = class { close() {}"
        " constructor() { setTimeout(() => this.onclose({ code: 1006 })) } };"
        " window.fetch = async () => Response.json({ error: 'no such channel' }, { status: 404 });"
    )


def styled(site: ScriptedSite, widget: Widget) -> None:
    widget.open()
    site.chip.say(
        "We have **two** left:\n- the *red* one\n- the blue one\n1. Open [the shop](https://a.example)"
        "\n2. Enter `SPRING-26`\n```\nchip --check\n  ok\n```\nSee you soon",
        user=BOB,
    )
    expect(widget.bubbles.locator("pre")).to_be_visible()


def away(site: ScriptedSite, widget: Widget) -> None:
    site.facts = {"hours": "Mon 00:00-00:01", "zone": "UTC"}
    site.context.clock.set_fixed_time("2026-05-05T09:00:00Z")  # A Tuesday.
    widget.open()
    widget.write("Is anybody there?")
    expect(widget.page.locator("chip-chat .email")).to_be_visible()


def answered(site: ScriptedSite, widget: Widget) -> None:
    site.context.clock.set_fixed_time("2026-05-04T09:05:00Z")
    widget.open()
    site.chip.say("Bob here, how can I help?", user=BOB)
    expect(widget.page.locator("chip-chat .heading")).to_have_text("Bob McTickets")


def refused(site: ScriptedSite, widget: Widget) -> None:
    widget.open(online=False)
    expect(widget.banner).to_contain_text("not available")


def nothing(site: ScriptedSite) -> None:
    """Let nothing have happened yet."""


STATES: dict[str, tuple[Callable[[ScriptedSite], None], Act]] = {
    "closed": (nothing, closed),
    "fresh": (nothing, fresh),
    "unread": (talk, unread),
    "conversation": (talk, conversation),
    "connecting": (in_no_time(nothing), connecting),
    "offline": (in_no_time(talk), offline),
    "failed": (talk, failed),
    "replaced": (talk, replaced),
    "styled": (nothing, styled),
    "refused": (unknown, refused),
    "away": (nothing, away),
    "answered": (nothing, answered),
    "long history": (much_said, long_history),
    "lightbox": (talk, lightbox),
    "too long": (nothing, too_long),
}
