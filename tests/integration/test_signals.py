"""What signals do to a running Chip: it reloads, and it stops, in order and once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import socket
import ssl
import termios
from pathlib import Path

import pytest
from twisted.internet.threads import deferToThread

from tests.support.certificates import Certificates
from tests.support.chip_process import ChipProcess
from tests.support.desk_api import TOKEN, DeskApi
from tests.support.fetch import fetch
from tests.support.process import answers, eventually
from tests.support.visitor import Visitor

pytestmark = pytest.mark.private_parts

SHOP, BLOG = "https://shop.example", "https://blog.example"


class Reloaded(ChipProcess):
    """A Chip whose settings are in its file, and may change."""

    def __init__(self, directory: Path, *flags: str, **settings: object) -> None:
        super().__init__(directory=directory, ops_listen="off", desk_token=TOKEN, **settings)
        self._twistd_flags = flags

    def command(self):
        twistd, *rest = super().command()
        return [twistd, *self._twistd_flags, *rest]

    def write(self, settings: str) -> None:
        (self.directory / "config.toml").write_text(settings)

    def reload(self, until: str) -> None:
        """Have Chip reload, and wait until its log says so."""
        before = self.log().count(until)
        os.kill(self.pid, signal.SIGHUP)
        eventually(lambda: self.log().count(until) > before, f"the log says {until!r}")

    def lets_in(self, origin: str) -> bool:
        channel = DeskApi(self.directory / "chip-data").channel().uuid
        url = f"{self.url}/wc/connect/{channel}"
        return fetch(url, headers={"Origin": origin}).status == 426


@pytest.fixture
def start(tmp_path):
    """Start a Chip with these settings in its file."""
    started: list[Reloaded] = []

    def begin(settings: str = "", *flags: str, **more: object) -> Reloaded:
        chip = Reloaded(tmp_path, *flags, **more)
        chip.write(settings)
        started.append(chip)
        chip.start()
        return chip

    yield begin
    for chip in started:
        chip.close()
        chip.check_log()


async def test_origins_and_the_log_level_are_reloaded_and_nobody_is_dropped(start):
    chip = start(f'allowed_origins = ["{SHOP}"]')
    channel = DeskApi(chip.directory / "chip-data").channel().uuid
    bob = await Visitor(chip.url, channel, headers={"Origin": SHOP}).connect()
    await bob.start_chat()
    assert not chip.lets_in(BLOG)
    chip.write(f'allowed_origins = ["{BLOG}"]\nlog_level = "debug"')
    await deferToThread(chip.reload, "has reloaded")
    assert chip.lets_in(BLOG)
    assert not chip.lets_in(SHOP)
    await bob.hears_nothing()
    await bob.leave()
    chip.stop()
    assert " debug " in chip.log()


def test_a_mistake_in_the_file_is_one_line_and_changes_nothing(start):
    chip = start(f'allowed_origins = ["{SHOP}"]')
    chip.write(f'allowed_origins = ["{BLOG}"]\nlog_level = "loud"')
    chip.reload("the old settings stay")
    assert chip.lets_in(SHOP)
    assert not chip.lets_in(BLOG)
    (line,) = [line for line in chip.log().splitlines() if "the old settings stay" in line]
    assert "log_level" in line


def test_settings_that_only_a_restart_takes_up_are_named(start):
    chip = start()
    chip.write("sockets = 7\nwrite_stall = 3")
    chip.reload("a restart")
    assert "sockets, write_stall" in chip.log()


@pytest.mark.parametrize("kind", ["tls", "ssl", "haproxy:tls"])
def test_certificates_are_reloaded_and_connections_stay(start, tmp_path, kind):
    (tmp_path / "pem").mkdir()
    (tmp_path / "ca").mkdir()
    first = Certificates(tmp_path / "ca")
    pem = tmp_path / "pem" / "server.pem"
    pem.write_bytes(first.bundle.read_bytes())
    port = ChipProcess().port
    proxy, _, kind = kind.rpartition(":")
    listen = {
        "tls": f"tls:{pem.parent}:port={port}:interface=127.0.0.1",
        "ssl": f"ssl:{port}:interface=127.0.0.1:privateKey={pem}:certKey={pem}",
    }[kind]
    listen = f"haproxy:{listen}" if proxy else listen

    @contextlib.contextmanager
    def visitor(authority):
        context = ssl.create_default_context(cadata=authority)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
            if proxy:
                raw.sendall(b"PROXY TCP4 203.0.113.5 192.0.2.1 5123 443\r\n")
            with context.wrap_socket(raw, server_hostname="localhost") as connection:
                yield connection

    def is_served(connection):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(1000).startswith(b"HTTP/1.1 200")

    class Secure(Reloaded):
        def ready(self):
            return answers(port)

    chip = Secure(tmp_path, listen=listen)
    with chip, visitor(first.authority.read_text()) as early:
        assert is_served(early)
        second = Certificates(tmp_path / "ca")
        pem.write_bytes(second.bundle.read_bytes())
        chip.reload("has reloaded")
        assert is_served(early)
        with visitor(second.authority.read_text()) as late:
            assert is_served(late)
        pem.write_text("no certificate at all")
        chip.reload("the old certificates stay")
        with visitor(second.authority.read_text()) as later:
            assert is_served(later)
    chip.check_log()


def test_a_log_file_that_was_moved_away_is_opened_anew(start):
    chip = start("", "--logfile=chip.filed")
    filed, moved = chip.directory / "chip.filed", chip.directory / "chip.moved"
    filed.rename(moved)
    os.kill(chip.pid, signal.SIGHUP)
    eventually(
        lambda: filed.exists() and "has reloaded" in filed.read_text(), "the new file is used"
    )
    assert "is ready" in moved.read_text()


class Ignoring(Reloaded):
    """A Chip that is started with a signal ignored, as ``nohup`` and the background of a script
    have it."""

    ignored: signal.Signals | None = None

    def spawn_options(self):
        return {"preexec_fn": self.prepare}

    def prepare(self):
        # The tests may have been started with any of them ignored, and would pass that on.
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN if number == self.ignored else signal.SIG_DFL)


class AtATerminal(Ignoring):
    """A Chip that is started at a terminal, which `hang_up` closes."""

    def spawn(self):
        self._ours, self._theirs = pty.openpty()
        super().spawn()
        os.close(self._theirs)

    def spawn_options(self):
        return {
            "stdin": self._theirs,
            "stdout": self._theirs,
            "stderr": self._theirs,
            "preexec_fn": self.prepare,
        }

    def prepare(self):
        super().prepare()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def hang_up(self):
        os.close(self._ours)


def test_a_terminal_that_is_closed_ends_chip_in_order(tmp_path):
    chip = AtATerminal(tmp_path, log_level="debug")
    with chip:
        chip.hang_up()
        assert chip.wait_for_exit() == -signal.SIGTERM
    assert not (tmp_path / "chip-data" / "chip.sqlite3-wal").exists()


def test_a_terminal_that_is_closed_does_not_end_a_chip_that_was_to_ignore_it(tmp_path):
    chip = AtATerminal(tmp_path, "--logfile=chip.log")
    chip.ignored = signal.SIGHUP
    chip.write("")
    with chip:
        chip.hang_up()
        eventually(lambda: "has reloaded" in chip.log(), "it reloads instead")
        assert chip.ready()
    chip.check_log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_chip_that_is_stopped_by_a_signal_ends_by_it(start, number):
    """A shell says of that 128 and the signal's number: 143, 130."""
    chip = start()
    os.kill(chip.pid, number)
    assert chip.wait_for_exit() == -number


def test_an_interrupt_that_was_ignored_at_the_start_stays_so(tmp_path):
    chip = Ignoring(tmp_path)
    chip.ignored = signal.SIGINT
    chip.write("")
    with chip:
        os.kill(chip.pid, signal.SIGINT)
        chip.reload("has reloaded")
        assert chip.stop() == -signal.SIGTERM
    assert "SIGINT" not in chip.log()
    chip.check_log()


async def test_further_requests_to_stop_change_nothing(start):
    chip = start()
    channel = DeskApi(chip.directory / "chip-data").channel().uuid
    bob = await Visitor(chip.url, channel).connect()
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        os.kill(chip.pid, number)
        await deferToThread(eventually, lambda: "is stopping" in chip.log(), "it stops")
    assert await bob.closed() == 1012
    assert await deferToThread(chip.wait_for_exit) == -signal.SIGTERM
    chip.check_log()


async def test_a_stop_is_logged_with_what_still_waits(start_chip, visit, courier, channel):
    chip = start_chip()
    bob, ann = await visit(chip), await visit(chip)
    await bob.start_chat()
    await ann.start_chat()
    await courier.apart.fail()
    bob.send("not now", "c1")
    await bob.expect("msg_accepted", ref="c1")
    await bob.vanish()
    sent = await courier.apart.send(channel, bob.chat_id, "for later")
    assert sent["status"] == 200
    await deferToThread(chip.stop)
    log = chip.log()
    assert "Chip is stopping visitors=1" in log
    assert "events_for_courier=1 chats_with_messages=1" in log
