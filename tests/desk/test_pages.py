"""Who gets to the desk's pages over HTTP, and what the front page shows."""

from __future__ import annotations

import re

import pytest_twisted

from chip.desk.page_files import PAGES
from chip.desk.sessions import Sessions
from chip.desk.windows import Windows
from tests.support.desk_fixture import DeskFixture

transcript = pytest_twisted.ensureDeferred

# The door.


@transcript
async def test_without_a_cookie_nothing_of_the_desk_is_shown(desk):
    for path in ("/desk/", "/desk/desk.js", "/desk/api/conversations", "/desk/x"):
        assert (await desk.ask("GET", path)).status == 401, path
    for path in ("/desk/api/settings", "/desk/logout", "/desk/api/events"):
        assert (await desk.ask("POST", path, b"{}", x_chip_desk="1")).status == 401, path
    assert (await desk.ask("GET", "/desk/api/events")).status == 401


@transcript
async def test_the_link_lets_in_by_a_cookie_that_scripts_and_other_sites_never_see(desk):
    answer = await desk.ask("GET", f"/desk/?token={desk.token}")
    assert answer.status == 200
    assert answer.headers["refresh"] == "0;url=./"
    flags = answer.headers["set-cookie"].split("; ")[1:]
    assert {"HttpOnly", "SameSite=Strict", "Path=/desk"} <= set(flags)
    assert desk.token not in answer.headers["set-cookie"]
    desk.cookie = answer.headers["set-cookie"].partition(";")[0]
    page = await desk.ask("GET", "/desk/")
    assert page.status == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]


@transcript
async def test_a_wrong_token_is_403_too_many_are_429_and_keep_nobody_out_who_is_right(desk):
    for _ in range(10):
        answer = await desk.ask("GET", "/desk/?token=wrong")
        assert answer.status == 403
        assert "set-cookie" not in answer.headers
    answer = await desk.ask("GET", "/desk/?token=wrong")
    assert answer.status == 429
    assert (await desk.ask("GET", f"/desk/?token={desk.token}")).status == 200
    desk.clock.advance(int(answer.headers["retry-after"]))
    assert (await desk.ask("GET", "/desk/?token=wrong")).status == 403


@transcript
async def test_wrong_tokens_count_by_whom_a_trusted_proxy_names(tmp_path):
    desk = DeskFixture(tmp_path / "data", trusted=("127.0.0.1",))
    await desk.open()
    for _ in range(10):
        await desk.ask("GET", "/desk/?token=wrong", x_forwarded_for="192.0.2.1")
    for address, status in (("192.0.2.1", 429), ("192.0.2.2", 403)):
        answer = await desk.ask("GET", "/desk/?token=wrong", x_forwarded_for=address)
        assert answer.status == status
    await desk.close()


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
async def test_signing_out_ends_the_session_and_that_browsers_other_windows(tmp_path):
    desk = DeskFixture(tmp_path / "data")
    await desk.open()
    await desk.sit_down()
    await desk.close()
    await desk.open()
    assert (await desk.ask("GET", "/desk/")).status == 200
    window, cookie = await desk.watch(), desk.cookie
    await desk.sit_down()
    other = await desk.watch()

    desk.cookie = cookie
    answer = await desk.ask("POST", "/desk/logout", b"", x_chip_desk="1")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert await window.closed() == 4401
    assert other.connected
    assert (await desk.ask("GET", "/desk/")).status == 401
    await desk.close()
    await desk.open()
    assert (await desk.ask("GET", "/desk/")).status == 401
    await desk.close()


@transcript
async def test_that_is_stored_before_the_other_windows_ask_who_comes_in_again(desk, monkeypatch):
    order, end, end_windows = [], Sessions.end, Windows.end_session

    async def noted_end(sessions, cookie):
        await end(sessions, cookie)
        order.append("stored")

    def noted_end_windows(windows, cookie):
        order.append("the windows ask")
        end_windows(windows, cookie)

    monkeypatch.setattr(Sessions, "end", noted_end)
    monkeypatch.setattr(Windows, "end_session", noted_end_windows)
    await desk.sit_down()
    window = await desk.watch()
    await desk.ask("POST", "/desk/logout", b"", x_chip_desk="1")
    assert await window.closed() == 4401
    assert order == ["stored", "the windows ask"]


@transcript
async def test_over_tls_the_cookie_belongs_to_this_very_host(desk):
    answer = await desk.ask("GET", f"/desk/?token={desk.token}", x_forwarded_proto="https")
    name, *flags = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-chip-desk-")
    assert {"Secure", "Path=/", "HttpOnly", "SameSite=Strict"} <= set(flags)
    desk.cookie = name
    assert (await desk.ask("GET", "/desk/", x_forwarded_proto="https")).status == 200
    assert (await desk.ask("GET", "/desk/")).status == 401


@transcript
async def test_with_a_public_url_by_tls_every_cookie_is_secure_and_links_have_it(tmp_path):
    desk = DeskFixture(tmp_path / "data", public_url="https://example.org/chat")
    await desk.open()
    answer = await desk.ask("GET", f"/desk/?token={desk.token}")
    name, *flags = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-chip-desk-")
    assert {"Secure", "Path=/"} <= set(flags)
    page = (await desk.ask("GET", "/front", host="box")).body.decode()
    assert 'src="https://example.org/chat/wc/widget.js" data-channel=' in page
    desk.cookie = name
    await (await desk.watch(Origin="https://example.org")).leave()
    await desk.close()


@transcript
async def test_pages_refer_to_each_other_wherever_they_are(desk):
    await desk.sit_down()
    shown = [await desk.ask("GET", path) for path in ("/desk/", "/front", "/desk/?token=x")]
    for page in shown:
        assert re.findall(r'(?:src|href|action)="(?:[^"./a-z]|/)[^"]*"', page.body.decode()) == []
    for name in (path.name for path in PAGES.iterdir() if path.name.endswith(".js")):
        script = (await desk.ask("GET", f"/desk/{name}")).body
        assert not re.search(rb'["\'`]/(desk|welcome|wc)/', script), name
    assert (await desk.ask("GET", "/desk")).headers["location"] == "desk/"
    assert (await desk.ask("GET", "/desk?token=x")).headers["location"] == "desk/?token=x"


@transcript
async def test_where_the_url_is_not_known_no_link_pretends_to_be_one(tmp_path):
    desk = DeskFixture(tmp_path / "data", base_url="", token="open sesame")
    await desk.open()
    assert desk.desk.front_link == "where its proxy is; set public_url"
    assert desk.desk.link == "at /desk/ there"
    await desk.close()


@transcript
async def test_a_name_that_somebody_has_led_here_shows_no_desk(tmp_path):
    desk = DeskFixture(tmp_path / "data", hosts=frozenset({"localhost", "[::1]"}))
    await desk.open()
    for host, status in (
        ("localhost", 401),
        ("LOCALHOST:8070", 401),
        ("[::1]:8070", 401),
        ("[::1]", 401),
        ("evil.example", 403),
        ("localhost.evil.example:8070", 403),
        ("127.0.0.1", 403),
    ):
        assert (await desk.ask("GET", "/desk/", host=host)).status == status, host
    await desk.close()


@transcript
async def test_what_another_site_embeds_or_fetches_is_refused_and_a_link_is_not(desk):
    await desk.sit_down()
    for site in ("cross-site", "same-site"):
        for mode in ("no-cors", "cors"):
            answer = await desk.ask(
                "GET", "/desk/api/conversations", sec_fetch_site=site, sec_fetch_mode=mode
            )
            assert answer.status == 403
        answer = await desk.ask("GET", "/desk/", sec_fetch_site=site, sec_fetch_mode="navigate")
        assert answer.status == 200
    own = {"sec_fetch_site": "same-origin", "sec_fetch_mode": "cors"}
    assert (await desk.ask("GET", "/desk/api/conversations", **own)).status == 200


@transcript
async def test_what_another_site_could_send_changes_nothing(desk):
    await desk.hear("hello")
    await desk.sit_down()
    answer = await desk.ask("POST", "/desk/api/settings", b'{"guide":true}')
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


@transcript
async def test_a_closed_desk_says_why_and_lets_nobody_in(tmp_path):
    desk = DeskFixture(tmp_path / "data", on_front_page=True, closed="The desk is closed: because.")
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
    own = await desk.desk.channels.front()
    assert own.uuid != desk.channel.uuid
    assert f'src="wc/widget.js" data-channel="{own.uuid}"' in page
    assert "unsafe" not in answer.headers["content-security-policy"]


@transcript
async def test_a_strange_host_is_not_repeated_on_the_front_page(desk):
    answer = await desk.ask("GET", "/front", host="x'(script)")
    assert b"(script)" not in answer.body
    assert b'src="/wc/widget.js"' in answer.body


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
