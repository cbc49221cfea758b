"""The conformance kit finds Chip right, and each of many wrong servers wrong where it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

import pytest

from chip_conformance.command import main
from chip_conformance.courier import Courier
from chip_conformance.http import Request, ask
from chip_conformance.report import junit
from chip_conformance.target import Webchat
from tests.conformance.verdicts import (
    BEARER,
    BY_NAME,
    NOT_EXTERNAL,
    NOT_WEBCHAT,
    SLOW,
    Verdicts,
    external_channel,
    tried,
    webchat_channel,
)
from tests.conformance.wrongs import EVERYWHERE, EXTERNAL, NEVER_ANSWER, WEBCHAT
from tests.support.process import free_port

WAITING = "Courier waits|nothing came|still open|TimeoutError"
ON_EARLIER = {
    "delivery.at_once": "kept",
    "delivery.by_uuid": "not offered",
    "starting.nothing_before": "not offered",
    "mistakes.ping": "not offered",
    "handshake.plain_get": "not offered",
    "handshake.availability": "not offered",
    "saying.whole": "not tried",
}


def apart(call: Callable[..., Any], *arguments: Any) -> Any:
    """What `call` returns, in a thread of its own: in the tests' own, asyncio's loop may be that of
    the browsers."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call, *arguments).result()


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory, postgres):
    """What the kit says of both, with all that can be wrong."""

    async def come(external: Verdicts, webchat: Verdicts) -> None:
        quick = tried(NOT_WEBCHAT) - SLOW
        await asyncio.gather(
            external.come(tried(NOT_EXTERNAL), EVERYWHERE | EXTERNAL),
            webchat.come(quick, WEBCHAT),
            external.come_to_the_earlier({*ON_EARLIER}),
        )

    with (
        external_channel(tmp_path_factory.mktemp("chip")) as external,
        webchat_channel(postgres) as webchat,
    ):
        apart(asyncio.run, come(external, webchat))
        yield external, webchat


@pytest.fixture
def external(verdicts):
    return verdicts[0]


@pytest.fixture
def webchat(verdicts):
    return verdicts[1]


def test_every_promise_can_be_broken():
    assert {*EVERYWHERE, *EXTERNAL, *WEBCHAT} == {*BY_NAME}


def test_chip_keeps_every_promise_on_an_external_channel(external):
    assert external.results() == dict.fromkeys(tried(NOT_EXTERNAL), "kept"), external.seen()


def test_chip_with_rapidpro_keeps_every_promise_on_a_webchat_channel(webchat):
    there_are = tried(NOT_WEBCHAT) - SLOW
    assert webchat.results() == dict.fromkeys(there_are, "kept"), webchat.seen()


def test_every_wrong_server_is_found_out_by_what_it_does_and_not_by_being_slow(external, webchat):
    found = external.of_wrong | webchat.of_wrong
    assert found.keys() == BY_NAME.keys()
    wrong = {name: outcome.seen for name, outcome in found.items() if outcome.result != "broken"}
    assert wrong == {}
    waited = {name for name, outcome in found.items() if re.search(WAITING, outcome.seen)}
    assert waited <= NEVER_ANSWER


def test_what_an_earlier_server_does_not_offer_is_no_fault(external):
    assert {name: outcome.result for name, outcome in external.of_earlier.items()} == ON_EARLIER


# The command.


@pytest.fixture
def kit(external, capsys):
    """Run the command on the External channel; its exit status and what it wrote."""

    def run(*arguments: str) -> tuple[int, str]:
        channel = external.channel
        known = ("--channel", channel.page, "--external", channel.uuid)
        wanted = [external.chip.url, *known, "--authorization", BEARER, *arguments]
        status = apart(main, wanted)
        written = capsys.readouterr()
        return status, written.out + written.err

    return run


def test_the_command_says_what_it_saw_and_ends_with_0_where_all_is_kept(kit, tmp_path):
    chosen = ("--only", "handshake.version", "--only", "saying.whole", "--only", "delivery.at_once")
    status, said = kit(*chosen, "--junit", str(tmp_path / "kit.xml"))

    assert (status, said.splitlines()[-1]) == (0, "2 kept, 1 not tried")
    assert "  kept         Any other" not in said
    assert "[version " in said
    assert "[needs the kit as the server's Courier]" in said
    suite = ElementTree.parse(tmp_path / "kit.xml").getroot()
    counts = {name: suite.get(name) for name in ("tests", "failures", "skipped")}
    assert counts == {"tests": "3", "failures": "0", "skipped": "1"}


def test_the_command_ends_with_1_where_a_promise_is_broken(kit):
    status, said = kit("--authorization", "wrong", "--only", "external.taken")

    assert status == 1
    assert "  BROKEN       A message that is stored is answered 200 with `queued`." in said
    assert "external.taken: 400 channel secret incorrect" in said


def test_the_command_ends_with_1_where_there_is_no_server(capsys):
    url = f"http://127.0.0.1:{free_port()}"
    assert apart(main, [url, "--channel", "7d62d551-3030-4100-a260-2d7c4e9693e7"]) == 1
    assert "cannot be tried" in capsys.readouterr().err


def test_the_command_ends_with_1_where_the_server_is_another(external, capsys):
    assert apart(main, [external.chip.ops_url, "--channel", external.channel.page]) == 1
    assert "cannot be tried: the handshake is answered 404" in capsys.readouterr().err


def test_what_courier_cannot_read_is_refused():
    channel, port = Webchat(page="7d62d551-3030-4100-a260-2d7c4e9693e7", secret=""), free_port()

    async def asked(body: bytes) -> int:
        courier = Courier(channel)
        async with courier.listening("127.0.0.1", port):
            request = Request("POST", channel.receive, {}, body)
            return (await ask(f"http://127.0.0.1:{port}", request)).status

    assert [apart(asyncio.run, asked(body)) for body in (b"nothing", b"[]", b"{}")] == [400] * 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "a URL and --channel are needed"),
        (["http://localhost", "--channel", "x", "--external", "y"], "go together"),
        (["--only", "nothing.*"], "names no promise"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_why(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_the_list_has_each_promise_by_its_name_with_what_it_needs(capsys):
    assert main(["--list"]) == 0
    listed = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert listed == {
        name: f"{promise.sentence}  [{promise.wants or 'nothing'}]"
        for name, promise in BY_NAME.items()
    }
    assert listed["mistakes.ping"].endswith("in it.  [ping and pong]")


def test_junit_says_what_failed_and_holds_no_control_characters(external):
    broken = external.of_wrong["saying.whole"]._replace(seen="a\0b\x1b[31m")
    suite = ElementTree.fromstring(junit([broken]))
    failure = suite.find("testcase/failure")
    assert suite.get("failures") == "1"
    assert failure is not None
    assert (failure.get("message"), failure.text) == ("a·b·[31m", "saying.whole")
