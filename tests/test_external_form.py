"""What is wrong with an External channel, by what RapidPro's form was told."""

from __future__ import annotations

import pytest

from chip.models import MAX_LENGTH
from chip.store.external_form import (
    BODY,
    RESPONSE_CHECK,
    Fault,
    faults_of,
)
from chip.web.http.answers import json_answer
from tests.support.rapidpro import EXTERNAL_BODY

UUID = "3e7e5a52-0c5a-4b7e-8a5c-6f5d4c3b2a19"
GOOD = {
    "send_url": "https://chat.example.org/wc/external",
    "method": "POST",
    "content_type": "urlencoded",
    "body": BODY,
    "max_length": MAX_LENGTH,
    "encoding": "D",
    "send_authorization": "Bearer of good news",
    "mt_response_check": RESPONSE_CHECK,
}


def test_a_channel_as_recommended_has_no_fault():
    assert BODY == EXTERNAL_BODY
    assert faults_of(UUID, GOOD) == []


@pytest.mark.parametrize(
    "given",
    [
        {"mt_response_check": ""},
        {"mt_response_check": json_answer({"status": "queued"}).body.decode()},
        {"send_url": "https://example.org/chat/wc/external/"},
        {"body": "channel={{channel}}&to={{to_no_plus}}&id={{id}}"},
        {"send_url": "https://example.org/wc/external/{{channel}}", "body": "id={{id}}&to={{to}}"},
        {"send_url": f"https://example.org/wc/external/{UUID}", "body": "id={{id}}&to={{to}}"},
        {"method": None, "content_type": None},
        {"max_length": "640"},
        {"max_length": "9" * 5000},
    ],
)
def test_what_works_as_well_is_no_fault(given):
    assert faults_of(UUID, GOOD | given) == []


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"send_authorization": ""}, "there is no send_authorization"),
        ({"send_authorization": None}, "there is no send_authorization"),
        ({"send_authorization": "Bearer é"}, "letters that a header cannot carry"),
        ({"send_authorization": " Bearer x"}, "letters that a header cannot carry"),
        ({"method": "GET"}, "method is 'GET', not POST"),
        ({"method": "\x1b[2J"}, r"method is '\x1b[2J', not POST"),
        ({"content_type": "json"}, "content_type is 'json', not urlencoded"),
        ({"send_url": "https://chat.example.org/"}, "send_url does not end in /wc/external"),
        ({"send_url": "chat.example.org/wc/external"}, "send_url does not end in /wc/external"),
        ({"send_url": "https://[chat.example.org/wc/external"}, "send_url is no URL"),
        ({"send_url": "https://chat\u2100.example.org/wc/external"}, "send_url is no URL"),
        ({"send_url": None}, "send_url does not end in /wc/external"),
        ({"body": BODY.replace("id={{id}}&", "")}, "body lacks id={{id}}"),
        ({"body": BODY.replace("to={{to}}&", "")}, "body lacks to={{to}}"),
        ({"body": BODY.replace("&channel={{channel}}", "")}, "body lacks channel={{channel}}"),
        ({"body": BODY.replace("{{to}}", "{{from}}")}, "body lacks to={{to}}"),
        ({"mt_response_check": "ok"}, "mt_response_check is no part of"),
        ({"mt_response_check": '"status": "queued"'}, "mt_response_check is no part of"),
    ],
)
def test_what_lets_no_message_through_is_a_fault(given, text):
    [fault] = faults_of(UUID, GOOD | given)
    assert text in fault.text
    assert fault.is_fatal
    assert UUID not in fault.text
    assert "Bearer" not in fault.text


def test_every_fault_is_told_at_once():
    assert len(faults_of(UUID, {})) == 4


@pytest.mark.parametrize("length", [None, 160, "639"])
def test_a_short_length_is_told_and_lets_messages_through(length):
    [fault] = faults_of(UUID, GOOD | {"max_length": length})
    assert fault == Fault(
        f"max_length is {length or 160}, so that most messages come in several requests",
        is_fatal=False,
    )
