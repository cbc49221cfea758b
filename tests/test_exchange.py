"""Whose words an answer is in: gateways and firewalls before Courier have JSON, too."""

from __future__ import annotations

import pytest

from chip.gateway.chp import handling
from chip.gateway.exchange import outcome_of
from chip.gateway.http_client import HttpAnswer
from chip.models import Incoming

ANSWERED = [
    (504, b'{"message":"Endpoint request timed out"}', "unknown", False),
    (504, b'{"message":"The upstream server is timing out"}', "unknown", False),
    (502, b'{"message":"Error"}', "unknown", False),
    (500, b'{"message":"Internal server error"}', "failed", True),
    (503, b'{"message":"Not here","data":[]}', "failed", True),
    (429, b'{"message":"API rate limit exceeded"}', "failed", False),
    (403, b'{"message":"Forbidden","data":[]}', "failed", False),
    (400, b'{"message":"Error"}', "failed", False),
    (400, b'{"message":"Error","data":[]}', "failed", False),
]


@pytest.mark.parametrize(("status", "body", "kind", "may_have_arrived"), ANSWERED)
def test_what_others_say_in_json_refuses_nothing_and_says_nothing_of_the_channel(
    status, body, kind, may_have_arrived
):
    answer = outcome_of(HttpAnswer(status, body), handling([Incoming("hello")]), "CHP")
    assert (answer.kind, answer.may_have_arrived) == (kind, may_have_arrived)
