"""Who gets a window of the desk, and until when."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.logger import capturedLogs, formatEvent

from chip.desk import windows
from chip.desk.sessions import SESSION_DAYS
from tests.support.desk_fixture import DeskFixture
from tests.support.visitor import RefusedError

transcript = pytest_twisted.ensureDeferred


async def status(desk: DeskFixture, **headers: str) -> int:
    """What the handshake is answered with."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        await (await desk.watch(**named)).leave()
    except RefusedError as refusal:
        return refusal.status
    return 101


@transcript
async def test_a_window_takes_a_session(desk):
    assert await status(desk) == 401
    await desk.sit_down()
    assert await status(desk) == 101
    assert (await desk.ask("GET", "/desk/api/events")).status == 426


@transcript
async def test_a_page_of_another_site_or_port_gets_no_window_and_the_log_says_so(desk):
    await desk.sit_down()
    host = desk.url.partition("://")[2]
    assert await status(desk, Origin=f"http://{host}") == 101
    assert await status(desk, Origin=f"https://{host}") == 101
    with capturedLogs() as lines:
        for origin in ("http://127.0.0.1:1", "http://127.0.0.1", "https://evil.example", "null"):
            assert await status(desk, Origin=origin) == 403
    [line] = [formatEvent(line) for line in lines if "windows of the desk" in formatEvent(line)]
    assert line == (
        f"windows of the desk are refused: their page is of 127.0.0.1:1, and was asked for {host}."
        " Let the proxy pass Host on as it is"
    )


@transcript
async def test_behind_a_proxy_that_changes_the_host_the_one_that_it_was_asked_of_counts(tmp_path):
    desk = DeskFixture(tmp_path / "data", trusted=("127.0.0.1",))
    await desk.open()
    await desk.sit_down()
    chat = {"Origin": "https://chat.example"}
    assert await status(desk, **chat) == 403
    assert await status(desk, **chat, X_Forwarded_Host="chat.example") == 101
    await desk.close()


@transcript
async def test_a_window_is_closed_when_its_session_has_had_its_days(desk):
    await desk.sit_down()
    window = await desk.watch()
    desk.clock.advance(SESSION_DAYS * 86_400)
    assert await window.closed() == windows.SESSION_OVER
    assert await status(desk) == 401


@transcript
async def test_there_may_be_only_so_many_windows(desk, monkeypatch):
    monkeypatch.setattr(windows, "MOST_WINDOWS", 1)
    await desk.sit_down()
    window = await desk.watch()
    with pytest.raises(RefusedError) as refusal:
        await desk.watch()
    assert refusal.value.status == 503
    assert refusal.value.json["retry_after"] == 30
    await window.leave()
    assert await status(desk) == 101


@transcript
async def test_a_desk_that_stops_sends_its_windows_away(desk):
    await desk.sit_down()
    window = await desk.watch()
    await desk.desk.stop()
    assert await window.closed() == windows.SERVICE_RESTART
