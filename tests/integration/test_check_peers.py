"""``twistd chip --check`` and whoever is in Courier's place, or in Valkey's."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.support.certificates import Certificates
from tests.support.checked import Checked
from tests.support.guide import valkey_rights
from tests.support.process import free_port
from tests.support.valkey import Valkey


@pytest.fixture
def stranger():
    """Something else in Courier's place: it answers every request in the same way."""
    servers: list[HTTPServer] = []

    def serve(status: int, body: str = "", **headers: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


# Courier.


def courier_says(checked: Checked) -> str:
    """The line about Courier, which failed."""
    assert checked.status == 1
    (line,) = [line for line in checked.failures if line.startswith("Courier: ")]
    return line


@pytest.mark.parametrize(
    ("status", "body", "headers", "complaint"),
    [
        (200, "<h1>Back soon</h1>", {}, "status 200, and not in Courier's words"),
        (200, '{"message":"ok"}', {}, "status 200, and not in Courier's words"),
        (301, "", {"Location": "https://courier.example.org/"}, "https://courier.example.org/"),
        (404, "<h1>Not Found</h1>", {}, "status 404, not from Courier"),
        (404, '{"message":"Not Found","data":[]}', {}, "this Courier has no channels of type CHP"),
        (502, "<h1>Bad Gateway</h1>", {}, "status 502"),
    ],
)
def test_any_other_server_in_couriers_place_is_found_out(
    check, stranger, status, body, headers, complaint
):
    domain = stranger(status, body, **headers)
    line = courier_says(check(domain=domain))
    assert f"http://{domain}" in line
    assert complaint in line


def test_a_courier_that_refuses_connections_is_told_in_words(check):
    nobody = free_port()
    line = courier_says(check(domain=f"127.0.0.1:{nobody}"))
    assert f"http://127.0.0.1:{nobody}" in line
    assert "the connection was refused" in line


def test_a_courier_whose_host_is_unknown_is_told_in_words(check):
    assert "the host is not known" in courier_says(check(domain="courier.invalid"))


def test_a_courier_that_never_answers_is_told_in_words(check, courier, proxied):
    hole = proxied(courier.port)
    hole.black_hole()
    assert "no answer" in courier_says(check(domain=f"127.0.0.1:{hole.port}"))


def test_tls_where_courier_has_none_is_told_in_words(check, stranger):
    domain = stranger(404)
    line = courier_says(check(domain=domain, ssl=True))
    assert f"https://{domain}" in line
    assert "it does not speak TLS" in line


def test_a_courier_whose_certificate_nobody_knows_is_told_in_words(check, tmp_path):
    with _tls_server(Certificates(tmp_path)) as port:
        line = courier_says(check(domain=f"localhost:{port}", ssl=True))
    assert "certificate" in line


@contextlib.contextmanager
def _tls_server(certificates: Certificates) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def test_each_channel_that_courier_refuses_is_named(check, courier, rapidpro, channel):
    taken = rapidpro.channel(channel.org)
    courier.fail(400, body=_refusal("secret incorrect"), times=1)
    line = courier_says(checked := check())
    assert "secret incorrect" in line
    (refused,) = [one for one in (channel.uuid, taken.uuid) if one in line]
    other = ({channel.uuid, taken.uuid} - {refused}).pop()
    assert any(line.startswith("Courier: ") and other in line for line in checked.only("ok"))


def _refusal(reason: str) -> str:
    return f'{{"message":"Error","data":[{{"type":"error","error":"{reason}"}}]}}'


# Valkey.


@pytest.fixture
def other_valkey() -> Iterator[Callable[..., Valkey]]:
    """Start a Valkey of one's own."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(Valkey(**options))


def valkey_lines(checked: Checked, verdict: str) -> list[str]:
    return [line for line in checked.only(verdict) if line.startswith("Valkey: ")]


def test_a_valkey_that_throws_things_away_fails(check, other_valkey):
    server = other_valkey(settings={"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"})
    checked = check(valkey=server.url)
    assert checked.status == 1
    (line,) = valkey_lines(checked, "FAILED")
    assert "allkeys-lru" in line
    assert "noeviction" in line


def test_a_valkey_without_persistence_is_warned_of(check, other_valkey):
    server = other_valkey(settings={"appendonly": "no"})
    checked = check(valkey=server.url)
    assert checked.status == 0, checked.lines
    (line,) = valkey_lines(checked, "warning")
    assert "appendonly" in line


@pytest.mark.parametrize(
    ("settings", "command", "complaint"),
    [
        ({"maxmemory": "500kb"}, (), "out of memory"),
        ({"min-replicas-to-write": "1"}, (), "too few replicas"),
        ({}, ("REPLICAOF", "127.0.0.1", "1"), "read-only replica"),
    ],
)
def test_a_valkey_that_can_store_nothing_fails(check, other_valkey, settings, command, complaint):
    server = other_valkey(settings=settings)
    if command:
        server.cli(*command)
    checked = check(valkey=server.url)
    assert checked.status == 1
    assert any(complaint in line for line in valkey_lines(checked, "FAILED")), checked.lines


def test_the_rights_in_valkey_that_the_guide_gives_are_enough_for_a_check(check, guarded):
    checked = check(valkey=guarded.url)
    assert checked.status == 0, checked.lines
    assert not checked.warnings


@pytest.mark.parametrize(
    ("less", "complaint"),
    [
        ("-zadd", "zadd"),
        ("-lset", "lset"),
        ("-@scripting", "SCRIPT LOAD"),
        ("-subscribe", "SUBSCRIBE"),
        ("resetchannels", "channel"),
        ("resetkeys ~chat:outbox:*", "key"),
        ("-publish", "publish"),
    ],
)
def test_a_right_in_valkey_that_is_missing_is_named(check, other_valkey, less, complaint):
    server = other_valkey(user="chip", password="s3cret-of-valkey", acl=f"{valkey_rights()} {less}")
    checked = check(valkey=server.url)
    assert checked.status == 1
    lines = valkey_lines(checked, "FAILED")
    assert any(complaint.lower() in line.lower() for line in lines), checked.lines
    # In Chip's words, not in those of whichever release it is.
    assert not any("ERR" in line or "executing the script" in line for line in lines), lines


@pytest.mark.parametrize("replicas", [0, 1])
def test_the_right_to_wait_for_replicas_is_missed_where_there_are_to_be_some(
    check, other_valkey, replicas
):
    acl = f"{valkey_rights()} -wait"
    server = other_valkey(user="chip", password="s3cret-of-valkey", acl=acl)
    lines = valkey_lines(check(valkey=server.url, valkey_replicas=replicas), "FAILED")
    assert any(line.startswith("Valkey: WAIT: ") for line in lines) == bool(replicas), lines


def test_a_valkey_that_may_not_be_asked_how_it_is_set_up_is_warned_of(check, other_valkey):
    server = other_valkey(
        user="chip", password="s3cret-of-valkey", acl="~chat:* &chat:* +@all -info"
    )
    checked = check(valkey=server.url)
    assert checked.status == 0, checked.lines
    (line,) = valkey_lines(checked, "warning")
    assert "INFO" in line


def test_a_valkey_that_is_not_there_is_told(check):
    checked = check(valkey=f"redis://127.0.0.1:{free_port()}")
    assert checked.status == 1
    (line,) = valkey_lines(checked, "FAILED")
    assert "the connection was refused" in line
