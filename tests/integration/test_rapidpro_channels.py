"""``twistd chip channels`` where RapidPro's database is, as an operator asks it."""

from __future__ import annotations

import re

import pytest

from chip.store.external_form import faults_of
from chip.store.public_ids import public_id
from tests.support.chip_process import ChipProcess
from tests.support.postgres import GENERATIONS
from tests.support.process import free_port
from tests.support.rapidpro import EXTERNAL_BODY

CHOSEN = "7d62d551-3030-4100-a260-2d7c4e9693e7"
BEARER = "Bearer of good news"
URL = "http://127.0.0.1:8070"


@pytest.fixture
def channels(database):
    """Run the command; return its exit status and what it printed."""

    def run(*words: str, **settings: object) -> tuple[int, str]:
        usual = {"db": database, "port": 8070}
        chip = ChipProcess("channels", *words, **(usual | settings))
        try:
            return chip.run_to_end()
        finally:
            chip.close()

    return run


def line(uuid: str) -> str:
    return f'<script async src="{URL}/wc/widget.js" data-channel="{uuid}"></script>'


@pytest.mark.parametrize("generation", GENERATIONS)
def test_channels_of_both_kinds_are_listed_with_the_line_for_their_pages(channels, rapidpro):
    chp = rapidpro.channel(rapidpro.org(), secret="sesame")
    external = rapidpro.external_channel(rapidpro.org(), authorization=BEARER, address="Shop")
    chosen = rapidpro.external_channel(rapidpro.org(), authorization=BEARER, address="Blog")
    rapidpro.channel(chp.org, active=False)
    rapidpro.external_channel(chp.org, active=False)
    rapidpro.channel(chp.org, type="TWT")
    phone = rapidpro.external_channel(chp.org)
    rapidpro.update("channels_channel", phone.id, schemes=["tel"])

    status, said = channels("list", external_ids=[f"{CHOSEN}={chosen.uuid}"])
    public = public_id(external.uuid, BEARER)
    assert status == 0, said
    assert said.splitlines() == [
        "Website: CHP, works",
        f"  {chp.uuid}",
        f"  {line(chp.uuid)}",
        "Shop: External, works",
        f"  {public}",
        f"  {line(public)}",
        "Blog: External, works",
        f"  {CHOSEN}",
        f"  {line(CHOSEN)}",
        f"In place of {URL}: the address of Chip that browsers know (public_url).",
    ]


def test_what_keeps_a_channel_from_working_is_told_and_nothing_secret(channels, rapidpro):
    rapidpro.channel(rapidpro.org(), secret=None)
    bare = rapidpro.external_channel(rapidpro.org(), authorization="", address="Bare\x1b")
    wrong = rapidpro.external_channel(
        rapidpro.org(),
        authorization=BEARER,
        address="Wrong",
        content_type="json",
        response_check="ok",
        max_length=160,
    )
    rapidpro.update("channels_channel", wrong.id, role="R")
    short = rapidpro.external_channel(
        rapidpro.org(), authorization=BEARER, address="Short", max_length=160
    )
    status, said = channels()
    told = said.splitlines()
    faults = [fault.text for fault in faults_of(short.uuid, {"max_length": 160})]
    assert status == 0, said
    assert told[:4] == [
        "Website: CHP, cannot work",
        "  there is no secret in its config, so nothing is taken from Courier",
        told[2],
        r"'Bare\x1b': External, cannot work",
    ]
    assert told[4:6] == [f"  {faults[0]}", "Wrong: External, cannot work"]
    assert "  its role has no S, so that RapidPro sends nothing" in told
    assert "  content_type is 'json', not urlencoded" in told
    assert told[-5:-1] == [
        "Short: External, works",
        f"  {faults[-1]}",
        f"  {public_id(short.uuid, BEARER)}",
        f"  {line(public_id(short.uuid, BEARER))}",
    ]
    for secret in (bare.uuid, wrong.uuid, short.uuid, BEARER):
        assert secret not in said


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_body_with_uuid_is_for_the_couriers_that_fill_it_in(generation, channels, rapidpro):
    body = EXTERNAL_BODY.replace("{{id}}", "{{uuid}}")
    rapidpro.external_channel(rapidpro.org(), address="Shop", body=body)
    verdict, fault, *_ = channels()[1].splitlines()
    if generation == "10.2":
        assert (verdict, fault) == ("Shop: External, cannot work", "  body lacks id={{id}}")
    else:
        assert verdict == "Shop: External, works"


def test_without_channels_it_says_which_ones_there_might_be(channels):
    status, said = channels()
    assert (status, said) == (
        0,
        "No channel of type CHP is active, and no External one with the URN type webchat.\n",
    )


def test_a_database_that_does_not_answer_is_told_in_a_line(channels):
    status, said = channels(db=f"postgresql://chip:pa55@127.0.0.1:{free_port()}/temba")
    assert status == 1
    assert re.fullmatch(r"chip: cannot use the database: .*refused.*\n", said), said
    assert "pa55" not in said


def test_to_add_one_it_prints_what_rapidpros_form_asks(channels, rapidpro):
    """A channel that is made of what was printed works."""
    status, said = channels("add", "chat.example.org", "--uuid", CHOSEN)
    assert status == 1
    assert said.endswith("chip: channels: with db set, channels are made in RapidPro, as above\n")
    assert f'external_ids = ["{CHOSEN}=UUID"]' in said
    fields = dict(re.findall(r"^  (\S.*?)  +(\S.*)$", said, re.MULTILINE))
    assert re.fullmatch("Bearer [A-Za-z0-9]{40}", fields["Authorization header value"])
    assert fields["Content type"] == "URL Encoded"
    assert fields["URN type"] == "webchat"
    rapidpro.external_channel(
        rapidpro.org(),
        address=fields["Address"],
        send_url=fields["Send URL"],
        method=fields["Method"],
        body=fields["Request body"],
        max_length=int(fields["Max length"]),
        authorization=fields["Authorization header value"],
        response_check=fields["MT response check"],
    )
    assert channels()[1].startswith("chat.example.org: External, works\n")
    assert fields["Authorization header value"] not in channels("add", "x")[1]
