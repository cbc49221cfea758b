"""How the stand-in Courier makes requests of a message: text, parts and template."""

import json
from urllib.parse import parse_qs

import pytest

from tests.support.courier.database import Channel
from tests.support.courier.external_send import ExternalRoad
from tests.support.courier.http import Client
from tests.support.courier.outgoing import Saying
from tests.support.courier.parts import split, whole_text
from tests.support.courier.releases import Settings
from tests.support.courier.templates import fill
from tests.support.rapidpro import EXTERNAL_BODY

CHAT = "azosmAPAXirc3Cmu3TwMY6Yr"
CHANNEL = "3e7e5a52-3030-4100-a260-2d7c4e9693e7"
UUID = "01a2139e-c365-76c2-97fd-53bb20bc6da5"
JSON_BODY = '{"id":{{id}},"text":{{text}},"to":{{to}},"quick_replies":{{quick_replies}}}'
XML_BODY = "<msg><id>{{id}}</id><text>{{text}}</text><qr>{{quick_replies}}</qr></msg>"
REPLIES = ["Yes & no", '“Quoted" 😀']


def requests(text="hi", *, era="uuid", attachments=(), quick_replies=(), secret=None, **config):
    """What would be posted of a message."""
    config = {"send_url": "http://chip/wc/external", "body": EXTERNAL_BODY} | config
    channel = Channel(1, 1, CHANNEL, "EX", "chat.example.org", config)
    saying = Saying(
        46,
        UUID,
        CHAT,
        text,
        era,
        attachments=list(attachments),
        quick_replies=list(quick_replies),
        session_status="W",
        secret=secret,
    )
    return ExternalRoad(Client(), Settings(), "").payload(channel, saying)


def request(*args, **kwargs):
    [only] = requests(*args, **kwargs)
    return only


@pytest.mark.parametrize(("era", "named"), [("id", "46"), ("uuid", UUID)])
def test_a_form_is_made_as_the_real_one_makes_it(era, named):
    made = request(
        "Yes or no?\nPick & choose",
        era=era,
        attachments=["image/png:https://x.example/a.png"],
        quick_replies=["Yes", "No"],
    )

    assert made["body"] == (
        f"id={named}&to={CHAT}&text=Yes+or+no%3F%0APick+%26+choose%0Ahttps%3A%2F%2Fx.example%2Fa.png"
        f"&channel={CHANNEL}&quick_reply=Yes&quick_reply=No"
    )
    assert made["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


def test_without_quick_replies_nothing_is_added():
    assert request()["body"] == f"id={UUID}&to={CHAT}&text=hi&channel={CHANNEL}"


@pytest.mark.parametrize(("era", "named"), [("id", "46"), ("uuid", UUID)])
def test_in_json_all_values_are_strings_and_quick_replies_a_list(era, named):
    made = request('Say "hi"', era=era, quick_replies=REPLIES, content_type="json", body=JSON_BODY)

    assert json.loads(made["body"]) == {
        "id": named,
        "text": 'Say "hi"',
        "to": CHAT,
        "quick_replies": REPLIES,
    }
    assert made["headers"]["Content-Type"] == "application/json"


def test_in_json_there_is_an_empty_list_without_quick_replies_and_quotes_belong_to_a_variable():
    body = '{"text":"{{text}}","quick_replies":{{quick_replies}}}'

    made = request("hi", content_type="json", body=body)

    assert json.loads(made["body"]) == {"text": "hi", "quick_replies": []}


def test_in_xml_quick_replies_are_items():
    made = request("Choose", quick_replies=REPLIES, era="id", content_type="xml", body=XML_BODY)

    assert made["body"] == (
        "<msg><id>46</id><text>Choose</text>"
        "<qr><item>Yes &amp; no</item><item>“Quoted&#34; 😀</item></qr></msg>"
    )
    assert made["headers"]["Content-Type"] == "text/xml; charset=utf-8"


def test_all_variables_are_replaced_and_an_unknown_one_stays():
    body = "{{from}} {{from_no_plus}} {{to_no_plus}} {{session_status}} {{channel}} {{nonsense}}"

    made = request(body=body, content_type="text/plain")

    assert made["body"] == (
        f"chat.example.org chat.example.org {CHAT} W {CHANNEL} {{{{nonsense}}}}"
    )
    assert made["headers"]["Content-Type"] == "text/plain"


@pytest.mark.parametrize(("era", "shown"), [("id", "{{uuid}}"), ("uuid", UUID)])
def test_10_2_knows_no_uuid(era, shown):
    assert request(era=era, body="{{uuid}}")["body"] == shown


def test_variables_are_replaced_in_the_url_too():
    made = request(send_url="http://chip/wc/external?c={{channel}}&t={{text}}", text="a b")

    assert made["url"] == f"http://chip/wc/external?c={CHANNEL}&t=a+b"


@pytest.mark.parametrize(("method", "has_body"), [("POST", True), ("PUT", True), ("GET", False)])
def test_a_get_has_no_body(method, has_body):
    made = request(method=method)

    assert (made["method"], bool(made["body"])) == (method, has_body)


@pytest.mark.parametrize(("era", "agent"), [("id", "Courier/10.2.0"), ("uuid", "Courier/26.2")])
def test_headers_tell_the_release_and_carry_the_authorization(era, agent):
    headers = request(era=era, send_authorization="Bearer x")["headers"]

    assert headers == {
        "User-Agent": agent,
        "Accept-Encoding": "gzip",
        "Authorization": "Bearer x",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert "Authorization" not in request()["headers"]
    assert request(secret="other")["headers"]["Authorization"] == "other"


def test_a_channels_own_headers_come_last():
    headers = request(headers={"content-type": "x/y", "X-Number": 1})["headers"]

    assert (headers["Content-Type"], headers["X-Number"]) == ("x/y", "1")


def test_attachments_and_places_are_lines_behind_the_text():
    attachments = ["image/jpeg:https://x.example/a.jpg", "geo:-2.9,30.1"]

    assert whole_text("Look", attachments) == "Look\nhttps://x.example/a.jpg\n-2.9,30.1"
    assert whole_text("", attachments[:1]) == "\nhttps://x.example/a.jpg"


@pytest.mark.parametrize("content_type", ["json", "xml"])
def test_a_text_that_holds_variables_is_replaced_into_now_and_then(content_type):
    variables = {"text": 'You said "{{to}}"', "to": "<CHAT>", "id": "1"}

    made = {fill("{{text}}", variables, [], content_type) for _ in range(100)}

    assert len(made) == 2
    if content_type == "json":
        assert '"You said \\"{{to}}\\""' in made
        broken = made - {'"You said \\"{{to}}\\""'}
        with pytest.raises(ValueError):
            json.loads(*broken)


def test_in_a_form_nothing_is_replaced_in_what_a_visitor_wrote():
    text = "{{to}}{{channel}}{{quick_replies}}{{text}}"

    made = {request(text)["body"] for _ in range(100)}

    assert len(made) == 1
    assert text not in made.pop()


def test_a_long_text_goes_in_parts_with_one_id_and_quick_replies_with_the_last():
    made = requests("x" * 250, max_length=100, quick_replies=["Yes"])

    forms = [parse_qs(one["body"]) for one in made]
    assert [form["text"] for form in forms] == [["x" * 100], ["x" * 100], ["x" * 50]]
    assert [form["id"] for form in forms] == [[UUID]] * 3
    assert [form.get("quick_reply") for form in forms] == [None, None, ["Yes"]]


@pytest.mark.parametrize(("length", "parts"), [("60", 2), (None, 1), (6400, 1)])
def test_the_limit_is_160_unless_the_channel_has_another(length, parts):
    config = {} if length is None else {"max_length": length}

    assert len(requests("x" * 100, **config)) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("aaaa bbbb cccc", ["aaaa bbbb cccc"]),
        # A space near the limit ends a part, one too far from it does not.
        ("aaaaaaaaaaaaaa bbbbbb", ["aaaaaaaaaaaaaa", "bbbbbb"]),
        ("aaaaaaaaaaaaa bbbbbbb", ["aaaaaaaaaaaaa bbbbbb", "b"]),
        # Parts are trimmed, so that line ends at the cuts are lost.
        ("aaaaaaaaaaaaaaaaaaa\nb", ["aaaaaaaaaaaaaaaaaaa", "b"]),
        # The limit counts bytes.
        ("é" * 12, ["é" * 10, "éé"]),
    ],
)
def test_texts_are_cut_near_the_limit(text, parts):
    assert split(text, 20) == parts


def test_160_emoji_of_four_bytes_make_four_parts():
    assert split("😀" * 160, 160) == ["😀" * 40] * 4


def test_a_limit_on_which_no_letter_ends_is_missed():
    assert split("語" * 6400, 6400) == ["語" * 6400]
