"""The desk behind its HTTP: Courier's contract on one side, whoever answers on the other."""

from __future__ import annotations

import uuid

import pytest
import pytest_twisted

from chip.desk.guide import PICTURE
from tests.support.desk_fixture import CHAT, DeskFixture

transcript = pytest_twisted.ensureDeferred
CHAT_STARTED = {"type": "chat_started"}
OTHER = "AAAAbDAQCdPdEWlEhDGy4utO"


@pytest_twisted.async_yield_fixture
async def desk(tmp_path):
    desk = DeskFixture(tmp_path / "data", guide=False)
    await desk.open()
    yield desk
    await desk.close()


@pytest_twisted.async_yield_fixture
async def guided(tmp_path):
    desk = DeskFixture(tmp_path / "data")
    await desk.open()
    yield desk
    await desk.close()


def reply(text: str = "Hi", **more):
    return {"uuid": str(uuid.uuid4()), "text": text, **more}


def status(message: dict, state: str) -> dict:
    return {"type": "msg_status", "status": {"msg_uuid": message["uuid"], "status": state}}


async def message_states(desk: DeskFixture) -> list[str]:
    found = await desk.get("conversations/1")
    return [message["state"] for message in found["messages"]]


# In Courier's place.


@transcript
async def test_a_started_chat_has_a_contact_that_chip_can_read(desk):
    answer = await desk.receive(CHAT_STARTED)
    assert answer.status == 200
    assert answer.json["message"] == "Events Handled"
    contact = await desk.store.contact(desk.channel, CHAT)
    assert contact is not None
    assert contact.last_heard == ""


@transcript
async def test_a_chat_that_starts_twice_is_one_contact(desk):
    await desk.receive(CHAT_STARTED)
    await desk.receive(CHAT_STARTED)
    await desk.sit_down()
    assert len((await desk.get("conversations"))["conversations"]) == 1


@transcript
async def test_what_a_visitor_said_is_answered_with_its_uuid_and_stands_in_the_store(desk):
    answer = await desk.hear("hello")
    [event] = answer.json["data"]
    contact = await desk.store.contact(desk.channel, CHAT)
    assert event["type"] == "msg"
    assert event["msg_uuid"] == contact.last_heard
    assert await desk.store.heard_since(contact, "") == [(event["msg_uuid"], "hello")]


@transcript
async def test_several_events_happen_in_order(desk):
    said = [{"type": "msg_in", "msg": {"text": text}} for text in ("one", "two", "two")]
    answer = await desk.receive(CHAT_STARTED, *said)
    assert [event["type"] for event in answer.json["data"]] == ["event", "msg", "msg", "msg"]
    contact = await desk.store.contact(desk.channel, CHAT)
    heard = await desk.store.heard_since(contact, "")
    assert [message.text for message in heard] == ["one", "two", "two"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"secret": "wrong"}, "secret incorrect"),
        ({"secret": ""}, "secret incorrect"),
        ({"events": [{"type": "nonsense"}]}, "error reading request: "),
        ({"chat_id": 5}, "error reading request: "),
    ],
)
@transcript
async def test_what_courier_would_refuse_is_refused_in_its_words(desk, fields, error):
    answer = await desk.receive(**{"events": [CHAT_STARTED], **fields})
    assert answer.status == 400
    assert answer.json["message"] == "Error"
    [told] = answer.json["data"]
    assert told["type"] == "error"
    assert told["error"].startswith(error)
    assert await desk.store.contact(desk.channel, CHAT) is None


@transcript
async def test_other_paths_and_methods_of_courier_are_not_there(desk):
    for path in ("/c/", "/c/chp/x/receive", "/c/chp/x/y", f"/c/tg/{desk.channel.uuid}/receive"):
        answer = await desk.ask("POST", path, b"{}")
        assert answer.status in (400, 404), path
    answer = await desk.ask("GET", f"/c/chp/{desk.channel.uuid}/receive")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@transcript
async def test_a_report_about_an_unknown_message_is_no_error(desk):
    await desk.receive(CHAT_STARTED)
    answer = await desk.receive(status({"uuid": str(uuid.uuid4())}, "delivered"))
    assert answer.status == 200


@transcript
async def test_a_number_beyond_all_numbers_is_no_error(desk):
    await desk.receive(CHAT_STARTED)
    report = {"type": "msg_status", "status": {"msg_id": 2**70, "status": "delivered"}}
    assert (await desk.receive(report)).status == 200


# Answering.


@transcript
async def test_a_reply_goes_to_chip_as_courier_would_send_it(desk):
    await desk.hear("hello")
    await desk.sit_down()
    body = reply(
        "Hi!",
        quick_replies=["Yes", "No"],
        attachments=["https://x.example/cat.jpg?size=1"],
        author="Ada",
    )
    answer = await desk.post("conversations/1/messages", body)
    assert answer.status == 200
    [sent] = await desk.has_sent(1)
    user_id = sent["msg"].pop("user_id")
    assert (await desk.store.user(user_id)).name == "Ada"
    assert sent == {
        "chat_id": CHAT,
        "secret": desk.channel.secret,
        "msg": {
            "uuid": body["uuid"],
            "text": "Hi!",
            "attachments": ["image/jpeg:https://x.example/cat.jpg?size=1"],
            "quick_replies": ["Yes", "No"],
            "origin": "chat",
        },
    }


@transcript
async def test_a_reply_is_sent_then_delivered(desk):
    await desk.hear("hello")
    await desk.sit_down()
    window = await desk.watch()
    message = (await desk.post("conversations/1/messages", reply())).json["message"]
    await window.until("news", uuid=message["uuid"], state="sent")
    await desk.receive(status(message, "delivered"))
    await window.until("news", uuid=message["uuid"], state="delivered")
    await window.close()


@transcript
async def test_a_message_that_was_delivered_never_becomes_less(desk):
    await desk.hear("hello")
    await desk.sit_down()
    message = (await desk.post("conversations/1/messages", reply())).json["message"]
    await desk.has_sent(1)
    await desk.receive(status(message, "delivered"), status(message, "sent"))
    assert await message_states(desk) == ["heard", "delivered"]


@transcript
async def test_the_same_reply_twice_is_one_reply(desk):
    await desk.hear("hello")
    await desk.sit_down()
    body = reply()
    first = await desk.post("conversations/1/messages", body)
    second = await desk.post("conversations/1/messages", body)
    assert first.json["message"]["id"] == second.json["message"]["id"]
    await desk.has_sent(1)
    assert len((await desk.get("conversations/1"))["messages"]) == 2


@transcript
async def test_replies_of_one_chat_go_in_order_and_one_that_waits_holds_the_next(desk):
    await desk.hear("hello")
    await desk.sit_down()
    desk.answers = [503, None, 200]
    for text in ("one", "two"):
        await desk.post("conversations/1/messages", reply(text))
    await desk.has_sent(1)
    assert await message_states(desk) == ["heard", "queued", "queued"]
    desk.clock.advance(1)
    await desk.has_sent(2)
    desk.clock.advance(2)
    sent = await desk.has_sent(4)
    assert [one["msg"]["text"] for one in sent] == ["one", "one", "one", "two"]
    assert len({one["msg"]["uuid"] for one in sent[:3]}) == 1


@transcript
async def test_a_reply_that_waits_in_one_chat_waits_in_no_other(desk):
    await desk.hear("hello")
    await desk.hear("hello", chat_id=OTHER)
    await desk.sit_down()
    desk.answers = [503]
    await desk.post("conversations/1/messages", reply("one"))
    await desk.has_sent(1)
    await desk.post("conversations/2/messages", reply("two"))
    sent = await desk.has_sent(2)
    assert [one["chat_id"] for one in sent] == [CHAT, OTHER]


@transcript
async def test_a_reply_that_chip_refuses_has_failed_and_can_be_tried_again(desk, expected_failures):
    await desk.hear("hello")
    await desk.sit_down()
    window = await desk.watch()
    desk.answers = [400]
    message = (await desk.post("conversations/1/messages", reply())).json["message"]
    await window.until("news", uuid=message["uuid"], state="failed")
    assert (await desk.post(f"messages/{message['id']}/retry", {})).status == 200
    await window.until("news", uuid=message["uuid"], state="sent")
    assert (await desk.post(f"messages/{message['id']}/retry", {})).status == 404
    await window.close()


@transcript
async def test_what_was_on_its_way_goes_again_after_a_restart(tmp_path):
    desk = DeskFixture(tmp_path / "data", guide=False)
    await desk.open()
    await desk.hear("hello")
    await desk.sit_down()
    desk.answers = [None]
    await desk.post("conversations/1/messages", reply("kept"))
    await desk.has_sent(1)
    await desk.close()
    await desk.open()
    sent = await desk.has_sent(2)
    assert [one["msg"]["text"] for one in sent] == ["kept", "kept"]
    assert sent[0]["msg"]["uuid"] == sent[1]["msg"]["uuid"]
    await desk.close()


@transcript
async def test_a_reply_that_was_stored_while_nothing_could_be_read_goes_out_once_it_can(
    desk, expected_failures
):
    await desk.hear("hello")
    await desk.sit_down()
    async with desk.unreadable():
        assert (await desk.post("conversations/1/messages", reply("kept"))).status == 503
        desk.clock.advance(60)
    desk.clock.advance(5)
    [sent] = await desk.has_sent(1)
    assert sent["msg"]["text"] == "kept"
    expected_failures.take()


@transcript
async def test_a_reply_whose_sending_could_not_be_noted_goes_out_again(desk, expected_failures):
    await desk.hear("hello")
    await desk.sit_down()
    window = await desk.watch()
    desk.answers = [503]
    await desk.post("conversations/1/messages", reply("kept"))
    await desk.has_sent(1)
    async with desk.unwritable():
        desk.clock.advance(1)
        await desk.has_sent(2)
    desk.clock.advance(5)
    first, *again = await desk.has_sent(3)
    assert [one["msg"]["uuid"] for one in again] == [first["msg"]["uuid"]] * 2
    await window.until("news", state="sent")
    await window.close()
    expected_failures.take()


@pytest.mark.parametrize(
    "body",
    [
        reply(""),
        reply("   "),
        reply("nul \0"),
        reply("x" * 10_001),
        reply(attachments=["javascript:alert(1)"]),
        reply(attachments=["https://x.example/a b"]),
        reply(quick_replies=[""]),
        reply(quick_replies=["x"] * 11),
        {"text": "no uuid"},
        reply(surprise=True),
    ],
)
@transcript
async def test_a_reply_that_cannot_be_is_refused(desk, body):
    await desk.hear("hello")
    await desk.sit_down()
    assert (await desk.post("conversations/1/messages", body)).status == 400
    assert desk.sent == []


@transcript
async def test_nobody_can_be_answered_who_is_not_there(desk):
    await desk.sit_down()
    assert (await desk.post("conversations/7/messages", reply())).status == 404


# The list.


@transcript
async def test_conversations_come_by_newest_activity_with_what_is_unread(desk):
    await desk.hear("first")
    await desk.hear("second", chat_id=OTHER)
    desk.clock.advance(60)
    await desk.hear("third")
    await desk.sit_down()
    found = (await desk.get("conversations"))["conversations"]
    assert [(one["id"], one["unread"], one["last"]["text"]) for one in found] == [
        (1, 2, "third"),
        (2, 1, "second"),
    ]
    assert found[0]["active"] == "2024-05-01T12:01:00Z"


@transcript
async def test_reading_in_one_window_is_seen_in_every_other(desk):
    await desk.hear("hello")
    await desk.sit_down()
    one, other = await desk.watch(), await desk.watch()
    await desk.post("conversations/1/read", {"up_to": 1})
    for window in (one, other):
        await window.until("news", id=1, unread=0)
        await window.close()


@transcript
async def test_conversations_are_found_by_name_email_and_text(desk):
    await desk.hear("where is my parcel?")
    await desk.hear("100% wool", chat_id=OTHER)
    contact = await desk.store.contact(desk.channel, CHAT)
    await desk.store.set_email(contact, "bob@example.com")
    await desk.sit_down()
    await desk.post("conversations/2/name", {"name": " Ada "})

    async def found(search: str) -> list[int]:
        answer = await desk.get(f"conversations?search={search}")
        return [one["id"] for one in answer["conversations"]]

    assert await found("PARCEL") == [1]
    assert await found("bob%40") == [1]
    assert await found("ada") == [2]
    assert await found("visitor+1") == [1]
    assert await found("%25") == [2]
    assert await found("_") == []
    assert sorted(await found("")) == [1, 2]


@transcript
async def test_long_lists_and_long_conversations_come_in_pages(desk):
    for number in range(55):
        desk.clock.advance(1)
        await desk.hear(f"hello {number}", chat_id=f"{number:024}")
        await desk.hear(f"text {number}", chat_id="0" * 24)
    await desk.sit_down()
    first = await desk.get("conversations")
    assert (len(first["conversations"]), first["more"]) == (50, True)
    before = first["conversations"][-1]["id"]
    rest = await desk.get(f"conversations?before={before}")
    assert (len(rest["conversations"]), rest["more"]) == (5, False)

    latest = await desk.get("conversations/1")
    assert (len(latest["messages"]), latest["more"]) == (50, True)
    assert latest["messages"][-1]["text"] == "text 54"
    earlier = await desk.get(f"conversations/1?before={latest['messages'][0]['id']}")
    assert (len(earlier["messages"]), earlier["more"]) == (6, False)
    assert earlier["messages"][0]["text"] == "hello 0"


# What happens while somebody looks.


@transcript
async def test_every_window_hears_what_visitors_say(desk):
    await desk.sit_down()
    one, other = await desk.watch(), await desk.watch()
    await desk.hear("hello")
    for window in (one, other):
        news = await window.until("news", text="hello")
        assert news["conversation"]["unread"] == 1
        await window.close()


@transcript
async def test_windows_hear_who_comes_and_goes_and_of_an_email(desk):
    await desk.hear("hello")
    await desk.sit_down()
    window = await desk.watch()
    desk.comes_or_goes()
    await window.until("news", id=1, online=True)
    desk.comes_or_goes()
    await window.until("news", id=1, online=False)
    contact = await desk.store.contact(desk.channel, CHAT)
    await desk.store.set_email(contact, "bob@example.com")
    await window.until("news", id=1, email="bob@example.com")
    await window.close()


@transcript
async def test_windows_look_afresh_once_what_happened_can_be_read(desk, expected_failures):
    await desk.sit_down()
    window = await desk.watch()
    async with desk.unreadable():
        assert (await desk.hear("hello")).status == 503
        desk.comes_or_goes()
        desk.clock.advance(60)
    desk.clock.advance(5)
    await window.until("resync")
    await window.close()
    expected_failures.take()


@transcript
async def test_a_stream_shows_that_it_lives_and_ends_when_the_desk_stops(desk):
    await desk.sit_down()
    window = await desk.watch()
    desk.clock.advance(15)
    await window.until("pulse")
    desk.desk.send_away()
    await window.closed


# The guide.


@transcript
async def test_the_first_message_is_answered_while_nobody_is_at_the_desk(guided):
    await guided.hear("Good morning")
    greeting, introduction = await guided.has_sent(2)
    assert greeting["msg"]["text"] == "Good morning! 👋"
    assert greeting["msg"]["origin"] == "flow"
    assert PICTURE in introduction["msg"]["quick_replies"]
    await guided.hear(PICTURE)
    picture = (await guided.has_sent(3))[2]
    assert picture["msg"]["attachments"] == ["image/png:http://chip.example/welcome/postcard.png"]


@transcript
async def test_the_guide_is_silent_while_somebody_is_at_the_desk(guided):
    await guided.sit_down()
    window = await guided.watch()
    await guided.hear("hello")
    await window.until("news", text="hello")
    await window.close()
    await guided.hear("hello again", chat_id=OTHER)
    sent = await guided.has_sent(1)
    assert {one["chat_id"] for one in sent} == {OTHER}


@transcript
async def test_the_guide_falls_silent_for_good_once_a_person_has_answered(guided):
    await guided.hear("hello")
    await guided.has_sent(2)
    await guided.sit_down()
    await guided.post("conversations/1/messages", reply("A person"))
    await guided.has_sent(3)
    await guided.hear(PICTURE)
    await guided.hear("hello", chat_id=OTHER)
    sent = await guided.has_sent(5)
    assert [one["chat_id"] for one in sent[3:]] == [OTHER, OTHER]


@transcript
async def test_the_guide_can_be_turned_off_at_the_desk_and_stays_off(tmp_path):
    desk = DeskFixture(tmp_path / "data")
    await desk.open()
    await desk.sit_down()
    window = await desk.watch()
    answer = await desk.post("settings", {"guide": False})
    assert answer.json == {"settings": {"guide": False}}
    await window.until("news", guide=False)
    await window.close()
    await desk.close()
    await desk.open()
    await desk.hear("hello")
    assert (await desk.get("conversations"))["settings"] == {"guide": False}
    await desk.close()
    assert desk.sent == []


@transcript
async def test_a_guide_that_is_off_by_configuration_cannot_be_turned_on(desk):
    await desk.sit_down()
    answer = await desk.post("settings", {"guide": True})
    assert answer.json == {"settings": {"guide": False}}


# The door.


@transcript
async def test_without_a_cookie_nothing_of_the_desk_is_shown(desk):
    for path in ("/desk", "/desk/", "/desk/desk.js", "/desk/api/conversations", "/desk/x"):
        assert (await desk.ask("GET", path)).status == 401, path
    for path in ("/desk/api/settings", "/desk/logout", "/desk/api/events"):
        assert (await desk.ask("POST", path, b"{}", x_chip_desk="1")).status == 401, path
    assert (await desk.ask("GET", "/desk/api/events")).status == 401


@transcript
async def test_the_link_lets_in_by_a_cookie_that_scripts_and_other_sites_never_see(desk):
    answer = await desk.ask("GET", f"/desk/?token={desk.token}")
    assert answer.status == 200
    assert answer.headers["refresh"] == "0;url=/desk/"
    flags = answer.headers["set-cookie"].split("; ")[1:]
    assert {"HttpOnly", "SameSite=Strict", "Path=/desk"} <= set(flags)
    assert desk.token not in answer.headers["set-cookie"]
    desk.cookie = answer.headers["set-cookie"].partition(";")[0]
    page = await desk.ask("GET", "/desk/")
    assert page.status == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]


@transcript
async def test_a_wrong_token_is_403_and_too_many_are_429(desk):
    for _ in range(10):
        answer = await desk.ask("GET", "/desk/?token=wrong")
        assert answer.status == 403
        assert "set-cookie" not in answer.headers
    answer = await desk.ask("GET", "/desk/?token=wrong")
    assert answer.status == 429
    desk.clock.advance(int(answer.headers["retry-after"]))
    assert (await desk.ask("GET", f"/desk/?token={desk.token}")).status == 200


@transcript
async def test_a_token_can_be_typed_into_a_form(tmp_path):
    desk = DeskFixture(tmp_path / "data", token="open sesame")
    await desk.open()
    assert desk.desk.link == "http://chip.example/desk/"
    assert (await desk.ask("POST", "/desk/login", b"token=sesame")).status == 403
    answer = await desk.ask("POST", "/desk/login", b"token=open+sesame")
    assert answer.status == 200
    assert "set-cookie" in answer.headers
    await desk.close()


@transcript
async def test_a_cookie_survives_a_restart_and_leaving_the_desk_takes_it_back(tmp_path):
    desk = DeskFixture(tmp_path / "data")
    await desk.open()
    await desk.sit_down()
    await desk.close()
    await desk.open()
    assert (await desk.ask("GET", "/desk/")).status == 200
    answer = await desk.ask("POST", "/desk/logout", b"", x_chip_desk="1")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    await desk.close()


@transcript
async def test_what_another_site_could_send_changes_nothing(desk):
    await desk.hear("hello")
    await desk.sit_down()
    answer = await desk.ask("POST", "/desk/api/settings", b'{"guide":true}')
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


@transcript
async def test_a_closed_desk_says_why_and_lets_nobody_in(tmp_path):
    desk = DeskFixture(tmp_path / "data", closed="The desk is closed: because.")
    await desk.open()
    assert desk.desk.link == "The desk is closed: because."
    for path in ("/desk/", "/desk/?token=x", "/desk/api/conversations"):
        answer = await desk.ask("GET", path)
        assert answer.status == 403
        assert b"The desk is closed: because." in answer.body
    await desk.hear("hello")
    await desk.has_sent(2)
    await desk.close()


# The front page.


@transcript
async def test_the_front_page_has_the_embed_line_with_this_server_and_channel(desk):
    answer = await desk.ask("GET", "/front", host="chat.example:8070")
    page = answer.body.decode()
    line = (
        "&lt;script async src=&quot;http://chat.example:8070/wc/widget.js&quot; "
        f"data-channel=&quot;{desk.channel.uuid}&quot;&gt;&lt;/script&gt;"
    )
    assert line.replace("&quot;", '"') in page
    assert f'src="/wc/widget.js" data-channel="{desk.channel.uuid}"' in page
    assert "unsafe" not in answer.headers["content-security-policy"]


@transcript
async def test_a_strange_host_is_not_repeated_on_the_front_page(desk):
    answer = await desk.ask("GET", "/front", host='x"><script>')
    assert b"<script>" not in answer.body
    assert b"http://chip.example/wc/widget.js" in answer.body


@transcript
async def test_channel_and_secret_are_kept(tmp_path):
    desk = DeskFixture(tmp_path / "data")
    await desk.open()
    before = desk.channel
    await desk.close()
    await desk.open()
    assert desk.channel == before
    assert len(before.secret) >= 32
    await desk.close()


@transcript
async def test_what_belongs_to_the_pages_is_there_for_everybody(desk):
    for name in ("plain.css", "front.js", "icon.svg", "postcard.png"):
        assert (await desk.ask("GET", f"/welcome/{name}")).status == 200, name
    for name in ("desk.js", "desk.html", "", "..%2Fdesk.py"):
        assert (await desk.ask("GET", f"/welcome/{name}")).status == 404, name
