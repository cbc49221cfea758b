"""The command line, as twistd sees it and as people mistype it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.application.service import Application, IServiceCollection, Service
from twisted.logger import ILogObserver

import chip.app
from chip.config.settings import SECTIONS, SETTINGS
from chip.errors import ConfigError
from chip.logs.redact import REDACTOR
from chip.store.public_ids import public_id
from chip.tap import Options, make_application, makeService
from tests.support.process import free_port


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in SETTINGS.values():
        monkeypatch.delenv(name.env, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parse(*arguments: str, rundir: str = ".") -> Options:
    options = Options()
    options.parent = {"rundir": rundir, "nodaemon": True}
    options.parseOptions(list(arguments))
    return options


UUID = "7d62d551-3030-4100-a260-2d7c4e9693e7"
EXTERNAL = "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"


def twistd(*arguments: str, cwd: Path, input: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("twistd")), *arguments],
        cwd=cwd,
        input=input,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_setting_has_a_flag_with_dashes():
    options = Options()
    for setting in SETTINGS.values():
        if setting.name != "version":
            assert setting.flag in options
    config = parse("--port", "9000", "--log-level=debug", "--outbox-messages=7").config
    assert (config.port, config.log_level, config.outbox_messages) == (9000, "debug", 7)


def test_a_switch_can_be_switched_both_ways(monkeypatch):
    assert parse("--ssl").config.ssl is True
    monkeypatch.setenv("CHIP_SSL", "true")
    assert parse().config.ssl is True
    assert parse("--no-ssl").config.ssl is False


def heads(page: str) -> dict[str, str]:
    """The blocks of a page of help, by their titles."""
    blocks = (block.partition(":\n") for block in page.split("\n\n"))
    return {title: block for title, colon, block in blocks if colon}


def test_the_help_has_every_flag_with_its_default_under_the_title_of_its_section():
    page = heads(Options().getUsage(width=200))
    *used, _ = SECTIONS.items()
    assert list(page) == ["Commands", "Options", *(title for title, _ in used)]
    for title, settings in used:
        flags = [line.split()[0] for line in page[title].splitlines()]
        assert flags == [
            f"--[no-]{one.flag}" if one.is_switch else f"--{one.flag}=" for one in settings
        ]
    assert "  --port=                       TCP port to listen on (default: 8070)" in (
        page["Listening"].splitlines()
    )
    assert [line.split()[0] for line in page["Commands"].splitlines()] == [
        *("channels", "inspect", "backup", "restore")
    ]
    for flag in ("--check", "--config=", "--version", "--help"):
        assert flag in page["Options"]


def test_the_help_names_what_is_unused_in_its_last_line_alone():
    *page, last = Options().getUsage(width=200).splitlines()
    assert last == (
        "Accepted and unused: aws_access_key_id, aws_secret_access_key, aws_region,"
        " cloudwatch_namespace, deployment_id, version."
    )
    assert "aws" not in "\n".join(page)


def test_the_help_fits_a_narrow_terminal():
    assert max(map(len, Options().getUsage(width=80).splitlines())) <= 80


def test_the_usual_file_is_looked_for_where_twistd_is_to_run(elsewhere):
    (elsewhere / "there").mkdir()
    (elsewhere / "there" / "config.toml").write_text("port = 9001\n")
    assert parse(rundir="there").config.port == 9001
    assert parse().config.port == 8070


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--prot", "1"), "chip: option --prot not recognized (see twistd chip --help)\n"),
        (("--port", "x"), "chip: port (--port): expected a whole number, 1 to 65535\n"),
        (("--config", "no.toml"), "chip: no.toml: no such file\n"),
        (("--domain", "x.example"), "chip: domain: names a Courier, but db is not set"),
        (("--db", "pa55://"), "chip: db (--db): expected a URL like postgresql://"),
        (("surprise",), "chip: Unknown command: surprise (see twistd chip --help)\n"),
        (
            ("channels", "paint"),
            "chip: channels: expected list, add NAME, remove UUID or set UUID",
        ),
        (
            ("channels", "set", "x", "--uuid=y"),
            "chip: channels: expected list, add NAME, remove UUID or set UUID",
        ),
        (("channels", "set", "x", "--away=y"), "chip: channels: expected a UUID like"),
        (("channels", "add", "x", "--uid=y"), "chip: channels: option --uid not recognized"),
        (("channels", "remove", "x"), "chip: data_dir: there is no database in"),
        (("channels", "add", ""), "chip: channels: expected a name of 1 to 100 characters"),
        (("channels", "add", "x", "--uuid="), "chip: channels: expected a UUID like"),
        (
            ("channels", "add", "x", "--external=x"),
            "chip: channels: --external: expected Courier's",
        ),
        (("channels", "add", "x", "--max-length=9"), "chip: channels: --max-length: only with"),
        (
            ("channels", "add", "x", "--external=https://x", "--max-length=x"),
            "chip: channels: --max-length: expected a number",
        ),
        (
            ("channels", "list", "--uuid=x"),
            "chip: channels: expected list, add NAME, remove UUID or set UUID",
        ),
        (("inspect",), "chip: inspect: expected one CHAT-OR-MESSAGE (see twistd chip --help)\n"),
        (("inspect", "65vb"), "chip: inspect: expected a message's id or uuid, a chat id"),
        (("inspect", "10"), "chip: data_dir: there is no database in"),
        (("backup",), "chip: expected one FILE (see twistd chip --help)\n"),
        (("backup", "x"), "chip: data_dir: there is no database in"),
        (("restore", "no.sqlite3"), "chip: there is no file "),
        (
            ("--db=postgres://h/d", "--valkey=valkey://h", "restore", "x"),
            "chip: restore: with db and valkey set, nothing is kept in data_dir\n",
        ),
        (
            ("--db=postgres://h/d", "channels", "remove", "x"),
            "chip: channels: with db set, channels",
        ),
        (
            ("--db=postgres://h/d", "channels", "set", "x", "--hours=x"),
            "chip: channels: with db set, hours are attributes of the page's line\n",
        ),
    ],
)
def test_a_mistake_ends_twistd_with_one_line_and_a_status(elsewhere, arguments, line):
    ended = twistd("-n", "chip", *arguments, cwd=elsewhere)
    assert ended.returncode == 1
    assert ended.stderr.startswith(line)
    assert ended.stderr.count("\n") == 1
    assert "pa55" not in ended.stderr
    assert ended.stdout == ""
    assert not (elsewhere / "twistd.pid").exists()


def test_a_log_file_in_no_directory_ends_twistd_with_one_line(elsewhere):
    ended = twistd("-n", "--logfile=no/such/chip.log", "chip", cwd=elsewhere)
    assert ended.returncode == 1
    assert ended.stderr.startswith("chip: --logfile: ")
    assert ended.stderr.endswith("no/such/chip.log: No such file or directory\n")
    assert ended.stderr.count("\n") == 1


def test_twist_is_told_to_be_twistd(elsewhere):
    ended = subprocess.run(
        [Path(sys.executable).with_name("twist"), "chip"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == "chip: twist cannot run Chip: twistd -n chip does\n"


def test_version_is_chips_own(elsewhere):
    assert twistd("chip", "--version", cwd=elsewhere).stdout == f"Chip {chip.__version__}\n"


class StandIn:
    """Takes the place of the module that builds Chip."""

    def __init__(self) -> None:
        self.service = Service()
        self.refusal: Exception | None = None

    def make_service(self, config, read, observer):
        self.config = config
        if self.refusal:
            raise self.refusal
        return self.service


@pytest.fixture
def built(monkeypatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, "chip.app.service", stand_in)
    # The package has it too, once anything has imported it.
    monkeypatch.setattr(chip.app, "service", stand_in, raising=False)
    return stand_in


def test_the_service_is_built_from_the_settings_and_logs_as_they_say(built):
    options = parse("--port=9000", "--desk-token=pa55word")
    application = Application("chip")
    makeService(options).setServiceParent(application)
    assert built.config.port == 9000
    assert ILogObserver.providedBy(application.getComponent(ILogObserver))
    assert REDACTOR("pa55word") == "***"


def test_what_the_service_refuses_is_one_line(built):
    built.refusal = ConfigError("listen: not an endpoint")
    with pytest.raises(SystemExit, match=r"^chip: listen: not an endpoint$"):
        makeService(parse())


def test_a_tac_file_gets_an_application_from_file_and_environment(built, elsewhere, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["twistd", "-ny", "chip.tac", "--logfile=x.log"])
    (elsewhere / "config.toml").write_text("port = 9001\n")
    application = make_application()
    assert built.config.port == 9001
    (top,) = IServiceCollection(application)
    assert list(top) == [built.service]
    assert (elsewhere / "x.log").exists()


def test_a_tac_file_with_a_mistake_in_its_settings_is_one_line(built, monkeypatch):
    monkeypatch.setenv("CHIP_PORT", "x")
    with pytest.raises(SystemExit, match=r"^chip: port \(CHIP_PORT\): expected"):
        make_application()


def test_a_variable_that_looks_like_a_setting_is_warned_of(built, monkeypatch):
    warned = []
    monkeypatch.setenv("CHIP_PROT", "1")
    monkeypatch.setattr("chip.tap._log.warn", lambda what, **fields: warned.append((what, fields)))
    makeService(parse())
    assert warned == [("no such setting", {"variable": "CHIP_PROT"})]


def test_channels_of_the_embedded_mode_are_managed_from_the_command_line(elsewhere):
    added = twistd("chip", "--data-dir=here", "channels", "add", "Shop", cwd=elsewhere)
    assert (added.returncode, added.stderr) == (0, "")
    made, advice, line = added.stdout.splitlines()
    assert made == f"{elsewhere / 'here'} is new"
    assert advice == (
        "For the pages of Shop, with the address of Chip that browsers know"
        " in place of http://localhost:8070 (public_url):"
    )
    [uuid] = re.findall(
        '^<script async src="http://localhost:8070/wc/widget.js" data-channel="(.{36})"></script>$',
        line,
    )
    listed = twistd("chip", "--data-dir=here", "channels", "list", cwd=elsewhere)
    assert listed.stdout.splitlines() == [
        "Shop: desk, works, 0 chats",
        f"  {uuid}",
        f"  {line}",
        "In place of http://localhost:8070: the address of Chip that browsers know (public_url).",
    ]
    removed = twistd("chip", "--data-dir=here", "channels", "remove", uuid, cwd=elsewhere)
    assert (removed.returncode, removed.stdout) == (0, "")
    assert twistd("chip", "--data-dir=here", "channels", cwd=elsewhere).stdout == ""
    again = twistd(
        *("chip", "--data-dir=here", "channels", "add", "Shop", "--uuid", uuid.upper()),
        cwd=elsewhere,
    )
    assert again.stdout.splitlines() == [advice, line]
    assert not (elsewhere / "twistd.pid").exists()


def test_links_that_are_printed_have_the_public_url(elsewhere, monkeypatch):
    monkeypatch.setenv("CHIP_PUBLIC_URL", "https://example.org/chat")
    monkeypatch.setenv("CHIP_LISTEN", "unix:/run/chip.sock")
    pages = twistd("chip", "channels", "add", "Shop", cwd=elsewhere).stdout
    assert "For the pages of Shop:\n" in pages
    assert '<script async src="https://example.org/chat/wc/widget.js" data' in pages
    blog = ("chip", "channels", "add", "Blog", "--external", "https://courier.example.org")
    form = twistd(*blog, cwd=elsewhere).stdout
    assert re.search(r"^  Send URL +https://example\.org/chat/wc/external$", form, re.M)
    assert "in place of" not in form.casefold()
    rapidpro = twistd("chip", "--db=postgres://h/d", "channels", "add", "x", cwd=elsewhere).stdout
    assert re.search(r"^  Send URL +https://example\.org/chat/wc/external$", rapidpro, re.M)
    assert "in place of" not in rapidpro.casefold()
    monkeypatch.delenv("CHIP_PUBLIC_URL")
    unknown = twistd("chip", "channels", "add", "News", cwd=elsewhere).stdout
    assert "in place of https://chat.example.org (public_url):" in unknown


def test_an_external_channel_is_made_in_two_steps_that_say_what_to_do(elsewhere):
    def channels(*words, given=""):
        run = twistd("chip", "channels", *words, cwd=elsewhere, input=given)
        assert (run.returncode, run.stderr) == (0, "")
        return run.stdout

    form = channels("add", "Shop & Co", "--external", "https://courier.example.org")
    [authorization] = re.findall(r"^  Authorization header value  (Bearer \w{40})$", form, re.M)
    for line in (
        "  Method                      POST",
        "  Content type                URL Encoded",
        "  Max length                  6400",
        "  MT response check           queued",
        "  Send URL                    http://localhost:8070/wc/external",
        "  Request body                "
        "id={{id}}&to={{to}}&text={{text}}&channel={{channel}}{{quick_replies}}",
    ):
        assert line in form.splitlines()
    assert "knows in place of http://localhost:8070" in form
    assert form.splitlines()[-1] == (
        "  twistd chip channels add 'Shop & Co' --external"
        " https://courier.example.org/c/ex/…/receive"
    )
    assert channels("list") == (
        "Shop & Co: External at https://courier.example.org, cannot work\n"
        "  it waits to be connected: twistd chip channels add NAME --external URL, with the receive"
        " URL that RapidPro shows\n"
    )

    receive = f"https://courier.example.org/c/ex/{EXTERNAL}/receive"
    connected = channels("add", "Shop & Co", "--external", receive)
    public = public_id(EXTERNAL, authorization)
    assert f'data-channel="{public}"></script>' in connected
    assert (
        f"  location ~* ^/c/ex/{EXTERNAL}/ {{\n      allow 192.0.2.1;\n      deny all;" in connected
    )
    assert authorization not in connected
    listed = channels("list").splitlines()
    assert listed[:2] == [
        "Shop & Co: External at https://courier.example.org, works, 0 chats",
        f"  {public}",
    ]
    assert listed[2].strip() in connected.splitlines()
    assert EXTERNAL not in "".join(listed)
    channels("remove", public)
    again = channels("add", "Shop", "--external", receive, given=f"{authorization}\n")
    assert f'data-channel="{public}"></script>' in again


def test_a_check_of_the_embedded_mode_finds_all_well_beside_a_pid_file(elsewhere):
    (elsewhere / "twistd.pid").write_text("1")
    checked = twistd("chip", "--check", cwd=elsewhere)
    assert checked.returncode == 0, checked.stderr
    parts = [line.split()[:2] for line in checked.stdout.splitlines()]
    assert parts == [["ok", "listen:"], ["ok", "ops_listen:"], ["ok", "data_dir:"]]


def test_a_check_says_which_part_does_not_answer_and_fails(elsewhere):
    nobody = free_port()
    checked = twistd("chip", "--check", f"--valkey=redis://127.0.0.1:{nobody}", cwd=elsewhere)
    assert checked.returncode == 1
    assert "FAILED  Valkey: " in checked.stdout
    assert "ok      data_dir: " in checked.stdout
    assert checked.stderr == ""


def test_when_a_website_is_answered_is_set_from_the_command_line(elsewhere):
    def channels(*words):
        run = twistd("chip", "channels", *words, cwd=elsewhere)
        assert (run.returncode, run.stderr) == (0, "")
        return run.stdout

    channels("add", "Shop", "--uuid", UUID)
    hours = ("--hours=Mon-Fri 09:00-17:00", "--zone=Africa/Kigali")
    assert channels("set", UUID, *hours, "--away", "We are asleep.") == (
        "hours      Mon-Fri 09:00-17:00\n"
        "zone       Africa/Kigali\n"
        "available  not set\n"
        "away       We are asleep.\n"
    )
    assert channels("set", UUID, "--away=").splitlines()[-1] == "away       not set"
