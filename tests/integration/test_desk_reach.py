"""A desk without a token is for whoever sits at the machine."""

from __future__ import annotations

import pytest

from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch


@pytest.mark.parametrize(
    ("settings", "is_open"),
    [
        ({}, True),
        ({"address": "0.0.0.0"}, False),
        ({"public_url": "https://chat.example.org"}, False),
        ({"address": "0.0.0.0", "desk_token": "open sesame"}, True),
    ],
)
def test_where_others_reach_chip_the_desk_is_closed_without_a_token(tmp_path, settings, is_open):
    with ChipProcess(directory=tmp_path, ops_listen="off", **settings) as chip:
        answer = fetch(f"{chip.url}/desk/")
        assert answer.status == (401 if is_open else 403)
        assert ("The desk is closed" in chip.log()) == (not is_open)
