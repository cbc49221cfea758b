"""``twistd chip --check`` and the channels of both kinds, in a database and at Courier."""

from __future__ import annotations

import re

import pytest

from chip.store.public_ids import public_id
from tests.support.postgres import GENERATIONS

CHOSEN = "7d62d551-3030-4100-a260-2d7c4e9693e7"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def external(rapidpro, channel):
    """An External channel as recommended, in the workspace of the other one."""
    return rapidpro.external_channel(channel.org)


@pytest.fixture
def public(external):
    return public_id(external.uuid, external.secret)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_both_kinds_are_counted_and_asked_about_with_the_rights_that_the_guide_gives(
    check, guided, courier, channel, external, public
):
    checked = check(db=guided)
    assert checked.status == 0, checked.lines
    assert not checked.warnings
    found = checked.only("ok")
    assert "channels: 1 active of type CHP, 1 active External" in found
    assert (
        f"Courier: http://{courier.domain}/c takes the channels {channel.uuid}, {public}" in found
    )
    [advice] = [line for line in found if line.startswith("Courier: whoever knows")]
    assert "/c/ex/UUID/ from Chip alone" in advice
    assert advice.endswith(f": {public}")
    assert external.uuid not in "\n".join(checked.lines)


def test_what_is_wrong_with_an_external_channel_is_told(check, rapidpro, external, public):
    rapidpro.change_config(external, content_type="json", max_length=160)
    bare = rapidpro.external_channel(external.org, authorization="", address="Shop")
    checked = check()
    assert checked.status == 1
    failures = [line for line in checked.failures if line.startswith("channels: ")]
    another = "That cannot be changed in RapidPro: make another channel"
    assert failures == [
        f"channels: {public}: content_type is 'json', not urlencoded. {another}",
        f"channels: “Shop”: there is no send_authorization, so nothing is taken from Courier."
        f" {another}",
    ]
    [line] = checked.warnings
    assert line.startswith(f"channels: {public}: max_length is 160")
    assert bare.uuid not in "\n".join(checked.lines)


def test_a_channel_that_sends_nothing_is_told_of_either_kind(check, rapidpro, channel):
    rapidpro.update("channels_channel", channel.id, role="R")
    checked = check()
    [line] = checked.failures
    assert line.startswith(f"channels: {channel.uuid}: its role has no S")


def test_an_id_that_was_chosen_for_no_channel_is_warned_of(check, external):
    chosen = [f"{CHOSEN}={external.uuid}", f"{NOBODY}={CHOSEN.replace('7d', '8d')}"]
    checked = check(external_ids=chosen)
    assert checked.status == 0, checked.lines
    [line] = checked.warnings
    assert line == f"external_ids: for {NOBODY} it names none of the active External channels"


def test_an_id_that_is_another_channels_own_uuid_is_warned_of(check, rapidpro, channel, external):
    other = rapidpro.external_channel(channel.org)
    checked = check(external_ids=[f"{external.uuid}={other.uuid}"])
    [line] = checked.warnings
    public = public_id(external.uuid, external.secret)
    assert line.startswith(f"channels: {public}: external_ids gives its own UUID to pages")


def test_a_channel_whose_place_another_has_taken_is_warned_of_until_it_is_removed(
    check, courier, rapidpro, channel, external
):
    chosen = [f"{channel.uuid}={external.uuid}"]
    before = check(external_ids=chosen)
    assert before.status == 0, before.lines
    [line] = before.warnings
    assert line.startswith(f"channels: {channel.uuid}: pages open the External channel")
    takes = f"Courier: http://{courier.domain}/c takes the channel {channel.uuid}"
    assert takes in before.only("ok")

    rapidpro.update("channels_channel", channel.id, is_active=False)
    after = check(external_ids=chosen)
    assert (after.status, after.warnings) == (0, [])
    assert takes in after.only("ok")


def test_courier_is_asked_about_every_channel(check, rapidpro, channel):
    for _ in range(111):
        rapidpro.channel(channel.org)
    checked = check()
    assert checked.status == 0, checked.lines
    assert not checked.warnings
    [line] = [line for line in checked.only("ok") if " takes the channels " in line]
    assert line.endswith(" and 102 more")


def test_a_courier_without_channels_of_type_chp_serves_external_ones(
    check, courier, rapidpro, channel, external, public
):
    courier.configure(release="26.3")
    rapidpro.update("channels_channel", channel.id, is_active=False)
    checked = check()
    assert checked.status == 0, checked.lines
    assert "channels: 1 active External" in checked.only("ok")
    assert f"Courier: http://{courier.domain}/c takes the channel {public}" in checked.only("ok")


def test_a_courier_without_channels_of_type_chp_refuses_those_and_no_others(
    check, courier, channel, external, public
):
    courier.configure(release="26.3")
    checked = check()
    [line] = checked.failures
    assert re.search(f"refuses the channel {channel.uuid}: .* no channels of type CHP", line)
    assert f"Courier: http://{courier.domain}/c takes the channel {public}" in checked.only("ok")


@pytest.mark.parametrize(("release", "types"), [("26.2", "CHP and EX"), ("26.3", "EX")])
def test_without_channels_it_is_told_which_types_courier_knows(
    check, courier, rapidpro, channel, release, types
):
    courier.configure(release=release)
    rapidpro.update("channels_channel", channel.id, is_active=False)
    checked = check()
    [line] = [line for line in checked.only("ok") if line.startswith("Courier: ")]
    assert line.endswith(f"is there, and knows channels of type {types}")
