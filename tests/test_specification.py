"""The documents in docs/spec say what docs/protocol.md says, and what Chip does."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from chip.models import Incoming, Report
from chip.protocol.commands import COMMAND_NAMES, CommandError, decode_command
from chip.protocol.courier_receive import encode_chat_started, encode_receive
from chip.widget.serving import widget_handlers
from tests.support.web import CHANNEL, Listener
from tests.test_ops_site import Ops
from tools import schemas

SPEC = Path(__file__).parents[1] / "docs" / "spec"
PAGE = (SPEC.parent / "protocol.md").read_text()
ASYNC = yaml.safe_load((SPEC / "asyncapi.yaml").read_text())
OPEN = yaml.safe_load((SPEC / "openapi.yaml").read_text())
SCHEMAS = json.loads((SPEC / "schemas.json").read_text())
DOCUMENTS = {"asyncapi.yaml": ASYNC, "openapi.yaml": OPEN, "schemas.json": SCHEMAS}
REGISTRY: Registry[Any] = Registry().with_resource("schemas.json", Resource.from_contents(SCHEMAS))
CHAT = "65vbbDAQCdPdEWlEhDGy4utO"


@cache
def validator(name: str) -> Any:
    """What holds a value to the schema of that name."""
    reference = {"$ref": f"schemas.json#/$defs/{name}"}
    return Draft202012Validator(reference, registry=REGISTRY, format_checker=FormatChecker())


def named(schema: dict[str, str]) -> str:
    return schema["$ref"].removeprefix("schemas.json#/$defs/")


def walk(value: Any):
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from walk(item)


def found(reference: str, home: str) -> Any:
    """What a reference in the document `home` points to."""
    name, _, pointer = reference.partition("#/")
    value = DOCUMENTS[name or home]
    for key in pointer.split("/"):
        value = value[key.replace("~1", "/").replace("~0", "~")]
    return value


def test_the_schemas_are_those_of_the_types_now():
    assert schemas.PAGE.read_text() == schemas.page(), "make spec"
    validator("Ping").check_schema(SCHEMAS)


@pytest.mark.parametrize("home", DOCUMENTS)
def test_every_reference_leads_somewhere(home):
    references = [each["$ref"] for each in walk(DOCUMENTS[home]) if "$ref" in each]
    assert references
    for reference in references:
        assert found(reference, home)


def test_no_schema_is_there_for_nothing():
    used = {
        each["$ref"].partition("$defs/")[2]
        for document in DOCUMENTS.values()
        for each in walk(document)
        if "$ref" in each
    }
    assert used - {""} == {*SCHEMAS["$defs"]}


def test_the_openapi_document_is_valid():
    from openapi_spec_validator import validate  # noqa: PLC0415 - takes a second, here alone

    validate(OPEN, base_uri=(SPEC / "openapi.yaml").as_uri())


def test_the_asyncapi_document_is_whole():
    """What AsyncAPI 3 requires of these objects. It is held to the official schema by hand: that is
    published for JavaScript alone."""
    assert ASYNC["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= ASYNC["info"].keys()
    assert all({"host", "protocol"} <= server.keys() for server in ASYNC["servers"].values())
    (channel,) = ASYNC["channels"].values()
    assert re.findall(r"{(\w+)}", channel["address"]) == [*channel["parameters"]]
    assert [*channel["messages"]] == [*ASYNC["components"]["messages"]]
    prefix = "#/channels/chat/messages/"
    said = set()
    for name, operation in ASYNC["operations"].items():
        assert operation["action"] in {"send", "receive"}
        assert operation["messages"] == [{"$ref": prefix + name}]
        for part in (operation, operation.get("reply", operation)):
            assert part["channel"] == {"$ref": "#/channels/chat"}
            said |= {each["$ref"].removeprefix(prefix) for each in part["messages"]}
    assert said == channel["messages"].keys()


def test_every_command_and_every_event_of_chip_is_in_the_asyncapi_document_and_no_other():
    received = [name for name, each in ASYNC["operations"].items() if each["action"] == "receive"]
    assert sorted(received) == sorted(COMMAND_NAMES)
    kinds = {
        named(message["payload"]): SCHEMAS["$defs"][named(message["payload"])]
        for message in ASYNC["components"]["messages"].values()
    }
    tags = {schema["properties"]["type"]["const"] for schema in kinds.values()}
    assert tags == ASYNC["components"]["messages"].keys()
    tagged = {
        name
        for name, schema in SCHEMAS["$defs"].items()
        if "const" in schema["properties"].get("type", {})
    }
    assert tagged == {*kinds, "NewChat", "NewMessage", "NewStatus"}


# The examples.


def examples_of_the_page(language: str) -> list[str]:
    blocks = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)
    return [line for kind, block in blocks if kind == language for line in block.splitlines()]


def examples_of_the_spec() -> list[tuple[str, Any]]:
    """Each example with the name of its schema."""
    told = [
        (named(message["payload"]), example["payload"])
        for message in ASYNC["components"]["messages"].values()
        for example in message["examples"]
    ]
    return told + [
        (named(media["schema"]), example["value"])
        for media in walk(OPEN)
        if isinstance(media.get("examples"), dict)
        for example in media["examples"].values()
    ]


def as_form(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: [value] if isinstance(value, str) else value for name, value in fields.items()}


def test_the_examples_are_those_of_the_page():
    page = [json.loads(line) for line in examples_of_the_page("json")]
    page += [parse_qs(line) for line in examples_of_the_page("")]
    spec = [
        as_form(value) if name.startswith("External") else value
        for name, value in examples_of_the_spec()
    ]
    assert sorted(map(ordered, spec)) == sorted(map(ordered, page))


def ordered(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)


def test_every_example_is_as_its_schema_says_with_every_field_in_it():
    for name, value in examples_of_the_spec():
        validator(name).validate(value)
        assert value.keys() <= SCHEMAS["$defs"][name]["properties"].keys()


# What Chip does.


def test_what_courier_is_told_is_as_its_schema_says():
    reports = [Report("delivered", 1, "0191e180-7d60-7000-aded-7d8b151cbd5b"), Report("failed", 2)]
    for body in (
        encode_chat_started(CHAT, "sesame"),
        encode_receive(CHAT, "sesame", [Incoming("hello", ref="c1"), *reports]),
    ):
        told = json.loads(body)
        validator("ReceiveRequest").validate(told)
        for event in told["events"]:
            kind = {"chat_started": "NewChat", "msg_in": "NewMessage", "msg_status": "NewStatus"}
            assert event.keys() <= SCHEMAS["$defs"][kind[event["type"]]]["properties"].keys()


SAID: list[dict[str, Any]] = [
    *({"type": "start_chat", "chat_id": chat} for chat in (None, "", CHAT, 5)),
    *({"type": "send_msg", "text": text} for text in ("", "x", "x" * 4000, "x" * 4001, None, 5)),
    *(
        {"type": "send_msg", "text": "x", "ref": ref}
        for ref in (None, "", "c", "c" * 64, "c" * 65, 1)
    ),
    {"type": "send_msg", "more": 1, "text": "x"},
    *({"type": "ack_chat", "msg_id": name} for name in (1, "1", 1.5, [])),
    *({"type": "ack_chat", "msg_uuid": name} for name in (CHAT, 1)),
    *({"type": "ack_chat"}, {"type": "send_msg"}, {"type": "get_history"}, {"type": "set_email"}),
    *({"type": "get_history", "before": when} for when in ("2024-05-01T17:15:30Z", "now", 5)),
    *({"type": "set_email", "email": f"{'x' * n}@example.com"} for n in (1, 243, 244)),
    *({"type": "set_email", "email": email} for email in ("nobody", 5)),
    *({"type": "ping"}, {"type": "ping", "more": 1}),
]


def is_understood(said: dict[str, Any]) -> bool:
    try:
        decode_command(json.dumps(said).encode())
    except CommandError:
        return False
    return True


def is_allowed(said: dict[str, Any]) -> bool:
    payload = ASYNC["components"]["messages"][said["type"]]["payload"]
    return validator(named(payload)).is_valid(said)


def test_chip_understands_the_commands_that_the_schemas_allow_and_no_others():
    understood = [said for said in SAID if is_understood(said)]
    assert understood == [said for said in SAID if is_allowed(said)]
    assert 10 < len(understood) < len(SAID) - 10


METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")
PLACES = {"channel": CHANNEL, "file": "markdown.js"}
OPERATORS = [path for path, item in OPEN["paths"].items() if "servers" in item]
PUBLIC = [path for path in OPEN["paths"] if path not in OPERATORS]


@pytest.mark.parametrize("path", PUBLIC)
def test_chip_takes_the_methods_that_the_document_has_and_no_others(path):
    listener = Listener(mounts=widget_handlers())
    answers = {method: listener.asked(path.format(**PLACES), method) for method in METHODS}
    taken = {method for method, answer in answers.items() if answer.status != 405}
    assert 404 not in {answer.status for answer in answers.values()}
    assert {method.lower().replace("head", "get") for method in taken} == {
        name for name in OPEN["paths"][path] if name in {"get", "post", "put", "delete", "patch"}
    }


def test_every_place_of_chip_is_in_the_document():
    own = Listener(mounts=widget_handlers()).site
    firsts = {path.split("{")[0].rstrip("/") for path in PUBLIC}
    assert firsts == {
        "",
        *(f"/wc/{name.decode()}" for name in own._own),
        *(prefix.decode() for prefix, _ in own._mounts),
    }
    operators = Ops().site
    assert {path.encode() for path in OPERATORS} == {*operators._probes, b"/metrics"}
