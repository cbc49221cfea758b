"""Errors to Sentry: what reaches it over real HTTP, and what never does."""

from __future__ import annotations

import gzip
import http.server
import json
import sys
import threading

import pytest
import sentry_sdk
from twisted.logger import Logger
from twisted.python.failure import Failure

from chip.config.schema import Config
from chip.errors import ConfigError
from chip.logs.redact import Redactor
from chip.logs.sentry import SentryObserver

CHAT = "65vbbDAQCdPdEWlEhDGy4utO"


class Sentry(http.server.ThreadingHTTPServer):
    """Takes envelopes and keeps the events in them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Envelope)
        self.received = b""

    @property
    def dsn(self) -> str:
        return f"http://public-key@127.0.0.1:{self.server_port}/1"

    @property
    def events(self) -> list[dict]:
        found = (json.loads(line) for line in self.received.splitlines() if line[:1] == b"{")
        return [one for one in found if "event_id" in one and "logger" in one]


class Envelope(http.server.BaseHTTPRequestHandler):
    server: Sentry

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        self.server.received += body + b"\n"
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def sentry():
    server = Sentry()
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.init()
    server.shutdown()
    serving.join()
    server.server_close()


def failure() -> Failure:
    try:
        local = "bob@example.com"
        raise RuntimeError(f"{local} in {CHAT} with sesame-street")
    except RuntimeError:
        return Failure()


def test_errors_reach_sentry_without_anything_secret_and_small_talk_does_not(sentry):
    config = Config(sentry_dsn=sentry.dsn, instance_id="one")
    observer = SentryObserver(config, Redactor(["sesame-street"]), "1.2.3")
    log = Logger(namespace="chip.test", observer=observer)
    log.info("small talk")
    log.warn("a warning")
    log.failure("a command failed", failure(), chat=f"{CHAT}@x", text="hello")
    observer.close(10)

    (event,) = sentry.events
    assert event["logger"] == "chip.test"
    assert event["level"] == "fatal"
    assert event["logentry"]["formatted"] == "a command failed"
    assert event["release"] == "chip@1.2.3"
    assert event["server_name"] == "one"
    (exception,) = event["exception"]["values"]
    assert exception["type"] == "RuntimeError"
    assert "tests/test_sentry.py" in event["extra"]["trace"]
    for secret in (CHAT, "bob@", "sesame", "hello"):
        assert secret.encode() not in sentry.received


def test_an_address_that_is_none_is_refused_without_showing_it():
    with pytest.raises(ConfigError) as refused:
        SentryObserver(Config(sentry_dsn="https://pa55@"), Redactor(), "1")
    assert str(refused.value) == "sentry_dsn: expected https://key@host/project"


def test_without_the_extra_the_start_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(ConfigError, match=r"pip install 'chip-webchat\[sentry\]'"):
        SentryObserver(Config(sentry_dsn="https://key@sentry.example/1"), Redactor(), "1")
