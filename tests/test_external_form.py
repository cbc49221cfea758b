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
        {"body": BODY.replace("{{id}}", "{{uuid}}")},
        {"headers": {"X-Number": 1, "X-Name": "Zoë"}},
        {"headers": {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}},
        {"headers": {"authorization": "Bearer of good news"}},
        {"mo_response": "", "mo_response_content_type": "text/plain"},
        {"mo_from_field": "from", "mo_text_field": "text", "mo_date_field": "date"},
        # Courier takes what is called as usual where there is no field of these names.
        {"mo_from_field": "sender", "mo_text_field": "msg", "mo_date_field": "at"},
        {"from_xpath": "//from"},
        {"text_xpath": "//text", "from_xpath": ""},
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
        ({"headers": {"Content-Type": "application/json"}}, "headers sets another Content-Type"),
        ({"headers": {"content-type": None}}, "headers sets another Content-Type"),
        ({"headers": {"Authorization": "Bearer of bad news"}}, "headers sets another Authoriz"),
        ({"headers": {"AUTHORIZATION": ""}}, "headers sets another Authorization"),
        ({"headers": {"X Number": 1}}, "headers has one that Courier cannot send"),
        ({"headers": {"X-Number": "1\r\n2"}}, "headers has one that Courier cannot send"),
        ({"headers": None}, "headers is no object"),
        ({"headers": ["X-Number: 1"]}, "headers is no object"),
        ({"mo_response": "OK"}, "mo_response takes the place of Courier's answer"),
        ({"mo_from_field": "text"}, "mo_from_field is 'text'"),
        ({"mo_text_field": "from"}, "mo_text_field is 'from'"),
        ({"mo_date_field": "text"}, "mo_date_field is 'text'"),
        ({"from_xpath": "//from", "text_xpath": "//text"}, "from_xpath and text_xpath"),
    ],
)
def test_what_lets_no_message_through_is_a_fault(given, text):
    [fault] = faults_of(UUID, GOOD | given)
    assert text in fault.text
    assert fault.is_fatal
    assert UUID not in fault.text
    assert "Bearer" not in fault.text


def test_a_courier_that_knows_no_uuid_leaves_it_as_it_is():
    config = GOOD | {"body": BODY.replace("{{id}}", "{{uuid}}")}
    [fault] = faults_of(UUID, config, knows_uuid=False)
    assert (fault.text, fault.is_fatal) == ("body lacks id={{id}}", True)
    assert faults_of(UUID, GOOD, knows_uuid=False) == []


def test_every_fault_is_told_at_once():
    assert len(faults_of(UUID, {})) == 4


@pytest.mark.parametrize("length", [None, 160, "639"])
def test_a_short_length_is_told_and_lets_messages_through(length):
    [fault] = faults_of(UUID, GOOD | {"max_length": length})
    assert fault == Fault(
        f"max_length is {length or 160}, so that most messages come in several requests",
        is_fatal=False,
    )
