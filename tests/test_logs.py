"""The log: one line per event, nothing secret in it, and never in the service's way."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
from pathlib import Path

import pytest
from twisted.application.service import Application
from twisted.logger import ILogObserver, Logger, LogLevel, globalLogPublisher
from twisted.python import log as legacy
from twisted.python.failure import Failure
from txaio import make_logger

from chip.errors import Unavailable
from chip.logs.log_observer import LoggedService, LogObserver, StandardLibraryHandler
from chip.logs.redact import Redactor
from chip.logs.targets import Descriptor, RotatedFile, target_of

CHAT = "65vbbDAQCdPdEWlEhDGy4utO"
CHANNEL = "7d62d551-3030-4100-a260-2d7c4e9693e7"


class Paper:
    """A target that keeps what is written, unless it is told to fail."""

    def __init__(self) -> None:
        self.written = b""
        self.trouble: Exception | None = None

    def write(self, line: bytes) -> None:
        if self.trouble:
            raise self.trouble
        self.written += line

    @property
    def lines(self) -> list[str]:
        return self.written.decode().splitlines()

    @property
    def last(self) -> dict[str, object]:
        return json.loads(self.lines[-1])


class Desk:
    """A log on paper."""

    def __init__(self, level: str = "info", format: str = "text", secrets: tuple = ()) -> None:
        self.paper = Paper()
        self.redact = Redactor(secrets)
        self.observer = LogObserver(self.paper, self.redact, level=level, format=format)
        self.log = Logger(namespace="chip.test", observer=self.observer)

    @property
    def line(self) -> str:
        assert len(self.paper.lines) == 1, self.paper.lines
        return self.paper.lines[0].split(" ", 1)[1]


@pytest.fixture
def heard():
    """A log that hears everything in this process."""
    desk = Desk(level="debug", format="json")
    globalLogPublisher.addObserver(desk.observer)
    yield desk
    globalLogPublisher.removeObserver(desk.observer)


def failed(raiser) -> Failure:
    try:
        raiser()
    except Exception:
        return Failure()
    raise AssertionError("it did not raise")


def test_an_event_is_a_line_with_its_time_level_module_sentence_and_fields():
    desk = Desk()
    desk.log.info("connection closed", code=1000, seconds=1.5, tab=None, chat="65vb…@7d62d551")
    time, rest = desk.paper.lines[0].split(" ", 1)
    assert len(time) == len("2026-11-22T20:42:00.123Z")
    assert time[10] == "T"
    assert time[-5] == "."
    assert rest == (
        "info chip.test connection closed code=1000 seconds=1.5 tab=None chat=65vb…@7d62d551"
    )


def test_the_same_event_as_json_is_one_object():
    desk = Desk(format="json")
    desk.log.warn("connection closed", code=1000, seconds=1.5, tab=None, ok=True)
    record = desk.paper.last
    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "warn",
        "logger": "chip.test",
        "message": "connection closed",
        "code": 1000,
        "seconds": 1.5,
        "tab": None,
        "ok": True,
    }


@pytest.mark.parametrize("format", ["text", "json"])
def test_no_value_can_begin_a_new_line_or_steer_a_terminal(format):
    desk = Desk(format=format)
    nasty = "a\nb\r\n\x1b[2Jc\x85d\u2028e\x7f\ud800"
    desk.log.info("odd", value=nasty)
    desk.log.info("odd {value}", value=nasty)
    assert len(desk.paper.lines) == 2
    assert all(line.isprintable() for line in desk.paper.lines)
    if format == "json":
        assert "b\r\n" in desk.paper.last["value"]


def test_a_value_with_spaces_is_quoted_so_that_fields_can_be_told_apart():
    desk = Desk()
    desk.log.info("odd", a="x y", b='q"=', c="")
    assert desk.line.endswith('odd a="x y" b="q\\"=" c=""')


def test_a_field_that_the_sentence_mentions_is_not_repeated():
    desk = Desk()
    desk.log.info("{task} failed", task="sweep", tries=2)
    assert desk.line.endswith("sweep failed tries=2")


def test_long_values_are_cut():
    desk = Desk()
    desk.log.info("long", value="x y" * 10_000)
    assert len(desk.line) < 2_200


@pytest.mark.parametrize(("level", "kept"), [("debug", 5), ("info", 4), ("warn", 3), ("error", 2)])
def test_only_the_level_asked_for_and_worse_is_written(level, kept):
    desk = Desk(level=level)
    for one in LogLevel.iterconstants():
        desk.log.emit(one, "event")
    assert len(desk.paper.lines) == kept


def test_the_small_talk_of_other_packages_counts_as_debug():
    for level, expected in (("info", ["warn"]), ("debug", ["debug", "warn"])):
        desk = Desk(level=level, format="json")
        theirs = Logger(namespace="twisted.internet.tcp", observer=desk.observer)
        theirs.info("Starting factory")
        theirs.warn("Trouble")
        assert [json.loads(line)["level"] for line in desk.paper.lines] == expected


def test_an_exception_is_one_line_with_its_causes_and_its_way():
    def inner():
        raise OSError(errno.ECONNREFUSED, "refused")

    def outer():
        try:
            inner()
        except OSError as error:
            raise Unavailable("Valkey does not answer") from error

    desk = Desk(format="json")
    desk.log.failure("sweep failed", failed(outer))
    record = desk.paper.last
    assert record["level"] == "critical"
    assert record["error"] == (
        "chip.errors.Unavailable: Valkey does not answer"
        f" < ConnectionRefusedError: [Errno {errno.ECONNREFUSED}] refused"
    )
    assert record["trace"].endswith("outer")
    assert "tests/test_logs.py:" in record["trace"]


def test_exceptions_that_quote_what_they_were_given_do_not_bring_it_into_the_log():
    desk = Desk()
    quoted = ["my message", 'it\'s "my message"', "my message " * 1000, "\"'my message"]
    for said in quoted:
        for raiser in (lambda said=said: int(said), lambda said=said: {}[said]):
            desk.log.failure("bug", failed(raiser))
    assert "my message" not in desk.paper.written.decode()
    assert "invalid literal for int() with base 10: …" in desk.paper.lines[0]


def test_only_the_first_line_of_an_exceptions_text_is_shown():
    def violate():
        raise RuntimeError("violates a constraint\nDETAIL: Failing row contains (hello)")

    desk = Desk()
    desk.log.failure("bug", failed(violate))
    assert "violates a constraint" in desk.line
    assert "hello" not in desk.line


def test_a_travelled_failure_still_tells_its_way():
    failure = failed(lambda: int("x"))
    failure.cleanFailure()
    desk = Desk(format="json")
    desk.log.failure("bug", failure)
    assert "tests/test_logs.py:" in desk.paper.last["trace"]


def test_a_value_that_cannot_be_shown_costs_its_event_and_nothing_else():
    class Broken:
        def __str__(self):
            raise RuntimeError

    desk = Desk()
    desk.log.info("broken", value=Broken())
    desk.log.info("fine")
    assert "an event that cannot be shown: RuntimeError" in desk.paper.lines[0]
    assert desk.paper.lines[1].endswith("fine")


# What must not be there.


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"chat:outbox:{CHAT}@{CHANNEL}", f"chat:outbox:65vb…@{CHANNEL}"),
        (f'{{"chat_id":"{CHAT}"}}', '{"chat_id":"65vb…"}'),
        (f"webchat:{CHAT}", "webchat:65vb…"),
        (f"urn=webchat%3A{CHAT}&x=1", "urn=webchat%3A65vb…&x=1"),
        (f"\n{CHAT}\n", "\n65vb…\n"),
        (CHANNEL, CHANNEL),
        ("65vb…@7d62d551", "65vb…@7d62d551"),
        ("from bob.o'neil+x@example.com to b@localhost.", "from <email> to <email>"),
        ("<zoë@exämple.org>", "<<email>>"),
        ("redis://:pa55@valkey/5 refused", "redis://***@valkey/5 refused"),
        ("postgres://temba:p%40ss@db:5432/temba", "postgres://***@db:5432/temba"),
    ],
)
def test_patterns_of_secrets_are_masked(text, shown):
    assert Redactor()(text) == shown


def test_known_values_are_masked_however_they_are_spelled():
    redact = Redactor(['p/a"ss é'])
    for spelling in ('p/a"ss é', "p%2Fa%22ss%20%C3%A9", 'p/a\\"ss \\u00e9', 'p/a"ss é'):
        assert redact(f"<{spelling}>") == "<***>"


def test_a_longer_secret_is_not_betrayed_by_a_shorter_one_that_begins_it():
    assert Redactor(["sesame", "sesame-street"])("sesame-street") == "***"


def test_learned_values_are_forgotten_only_after_many_others_and_kept_ones_never(monkeypatch):
    monkeypatch.setattr("chip.logs.redact._MAX_LEARNED", 2)
    redact = Redactor(["for-ever"])
    for secret in ("first-one", "second-one", "second-one", "third-one"):
        redact.learn(secret)
    assert redact("for-ever first-one second-one third-one") == "*** first-one *** ***"


def test_very_short_values_would_mask_half_the_language_and_are_not_looked_for():
    assert Redactor(["abc"])("abc") == "abc"


@pytest.mark.parametrize("most", [300, 2000])
def test_a_secret_at_the_place_where_a_text_is_cut_is_masked_all_the_same(most):
    def fail(text):
        raise RuntimeError(text)

    for secret in (CHAT, "sesame-street"):
        for before in range(most - len(secret), most):
            desk = Desk(secrets=("sesame-street",))
            text = ("x " * most)[: before - 1] + " " + secret
            desk.log.info("cut", value=text)
            desk.log.info("{value}", value=text)
            desk.log.failure("cut", failed(lambda text=text: fail(text)))
            assert secret[:6] not in desk.paper.written.decode()


def test_fields_named_like_secrets_are_masked_whatever_they_hold():
    desk = Desk()
    desk.log.info("sent", text="hello", email="", chat_id="x", secret="y")
    assert desk.line.endswith("sent text=*** email=*** chat_id=*** secret=***")


@pytest.mark.parametrize("format", ["text", "json"])
def test_secrets_in_sentences_fields_and_tracebacks_are_masked(format):
    def leak():
        raise RuntimeError(f"{CHAT}@{CHANNEL} bob@example.com sesame-street")

    desk = Desk(format=format, secrets=("sesame-street",))
    desk.log.failure(f"{CHAT} is bob@example.com", failed(leak), key="x\nsesame-street")
    desk.log.info("{who} said {what}", who="bob@example.com", what="sesame-street")
    written = desk.paper.written.decode()
    assert not any(secret in written for secret in (CHAT, "bob@", "sesame"))
    assert CHANNEL in written


def test_what_other_packages_log_comes_out_as_lines_without_secrets(heard, expected_failures):
    handler = StandardLibraryHandler()
    library = logging.getLogger("some.library")
    library.addHandler(handler)
    try:
        library.warning("lost %s", "bob@example.com")
        assert (heard.paper.last["level"], heard.paper.last["message"]) == ("warn", "lost <email>")
        assert heard.paper.last["logger"] == "some.library"
        try:
            int("bob")
        except ValueError:
            library.exception("broken {brace}")
        assert heard.paper.last["message"] == "broken {brace}"
        assert heard.paper.last["error"] == (
            "ValueError: invalid literal for int() with base 10: …"
        )
    finally:
        library.removeHandler(handler)

    legacy.msg(f"txredisapi: {CHAT}", extra="bob@example.com")
    assert heard.paper.last["message"] == "txredisapi: 65vb…"
    assert set(heard.paper.last) == {"time", "level", "logger", "message"}
    make_logger().error("autobahn: {what}", what=f"x {CHAT}")
    assert heard.paper.last["message"] == "autobahn: x 65vb…"
    assert heard.paper.last["level"] == "error"
    assert len(expected_failures.take()) == 2
    assert not any(secret in heard.paper.written.decode() for secret in (CHAT, "bob@"))


# Where it goes.


def test_a_full_disk_costs_lines_and_is_told_of_once_it_is_over(heard):
    heard.paper.trouble = OSError(errno.ENOSPC, "No space left on device")
    heard.log.info("lost")
    heard.log.info("lost too")
    heard.paper.trouble = None
    heard.log.info("there again")
    messages = [json.loads(line)["message"] for line in heard.paper.lines]
    assert messages == ["there again", "log lines were lost"]
    assert heard.paper.last["lines"] == 2


def test_a_reader_that_has_gone_costs_lines_and_nothing_else():
    ours, theirs = os.pipe()
    observer = LogObserver(Descriptor(theirs), Redactor(), level="info", format="text")
    log = Logger(namespace="chip.test", observer=observer)
    log.info("heard")
    assert os.read(ours, 4096).endswith(b"heard\n")
    os.close(ours)
    log.info("unheard")
    os.close(theirs)
    log.info("closed")


def test_a_log_file_is_rotated_when_the_operator_asks(tmp_path: Path):
    target = RotatedFile(str(tmp_path / "chip.log"))
    target.write(b"before\n")
    target.rotate_soon()
    target.write(b"after\n")
    target.reopen()
    assert (tmp_path / "chip.log.1").read_bytes() == b"before\n"
    assert (tmp_path / "chip.log").read_bytes() == b"after\n"


def test_a_log_file_that_failed_is_opened_again_by_the_next_line(tmp_path: Path, monkeypatch):
    target = RotatedFile(str(tmp_path / "chip.log"))
    with monkeypatch.context() as broken:
        broken.setattr("os.rename", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "")))
        target.rotate_soon()
        with pytest.raises(OSError):
            target.write(b"lost\n")
    target.write(b"kept\n")
    target.reopen()
    assert (tmp_path / "chip.log").read_bytes() == b"kept\n"


def test_twistds_own_flags_decide_where_lines_go(tmp_path: Path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    usual = signal.getsignal(signal.SIGUSR1)
    try:
        target_of({"nodaemon": True}).write(b"to the terminal\n")
        target_of({"nodaemon": True, "logfile": "-"}).write(b"and there too\n")
        assert capfd.readouterr().out == "to the terminal\nand there too\n"
        for options, name in (({}, "twistd.log"), ({"nodaemon": 1, "logfile": "x.log"}, "x.log")):
            target = target_of(options)
            assert isinstance(target, RotatedFile)
            target.write(b"to a file\n")
            target.reopen()
            assert (tmp_path / name).read_bytes() == b"to a file\n"
    finally:
        signal.signal(signal.SIGUSR1, usual)
    with pytest.raises(SystemExit, match="a daemon cannot log to the terminal"):
        target_of({"logfile": "-"})


def test_twistd_finds_the_observer_on_the_application():
    desk = Desk()
    application = Application("chip")
    LoggedService(desk.observer).setServiceParent(application)
    assert application.getComponent(ILogObserver) is desk.observer
