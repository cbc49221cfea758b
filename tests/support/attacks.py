"""Hostile peers, each in a process of its own so that it takes nothing from who is measured.

    python -m tests.support.attacks NAME PORT CHANNEL      prints what came of it, as JSON

Every attack opens one connection, unless its name says otherwise, does its worst until it is cut
or gives up, and reports `seconds` until it was cut (null: it never was), the `sent` bytes, and how
the answer began.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator

GIVES_UP = 30.0
STRANGER = "127.0.0.66"
"""An address of this machine that is not its neighbours'."""
_KIB = 1024

Sending = Iterator[bytes | float]
"""What an attack sends, in order; a number is a pause in seconds."""


def upgrade(channel: str, *more: str) -> bytes:
    """A good handshake."""
    lines = [
        f"GET /wc/connect/{channel} HTTP/1.1",
        "Host: chat.example.org",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *more,
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def _post(channel: str, *more: str) -> bytes:
    """The head of a message from Courier."""
    lines = [f"POST /wc/send/{channel} HTTP/1.1", "Host: chat.example.org", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def endless_head(channel: str) -> Sending:
    yield b"GET /wc/connect/" + channel.encode() + b" HTTP/1.1\r\nHost: x\r\nX-Endless: "
    yield from itertools.repeat(b"x" * 64 * _KIB)


def many_headers(channel: str) -> Sending:
    yield b"GET / HTTP/1.1\r\n"
    for first in range(0, 200_000, 1000):
        yield b"".join(b"X-%d: x\r\n" % number for number in range(first, first + 1000))


def slow_headers(channel: str) -> Sending:
    yield b"GET / HTTP/1.1\r\n"
    for number in itertools.count():
        yield 2.0
        yield b"X-%d: x\r\n" % number


def slow_body(channel: str) -> Sending:
    yield _post(channel, "Content-Length: 1000")
    while True:
        yield 1.0
        yield b"x"


def endless_body(channel: str) -> Sending:
    yield _post(channel, "Transfer-Encoding: chunked")
    yield from itertools.repeat(b"10000\r\n" + bytes(64 * _KIB) + b"\r\n")


def requests_without_end(channel: str) -> Sending:
    yield from itertools.repeat(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)


def empty_continuations(channel: str) -> Sending:
    yield upgrade(channel)
    yield b"\x01\x80mask"
    yield from itertools.repeat(b"\x00\x80mask" * 10_000)


def pings(channel: str) -> Sending:
    yield upgrade(channel)
    yield from itertools.repeat((b"\x89\xfd" + b"mask" + b"x" * 125) * 500)


def pongs(channel: str) -> Sending:
    yield upgrade(channel)
    yield from itertools.repeat(b"\x8a\x80mask" * 10_000)


def bad_commands(channel: str) -> Sending:
    yield upgrade(channel)
    yield from itertools.repeat(b"\x81\x82\0\0\0\0{}" * 5_000)


def declared_2_31(channel: str) -> Sending:
    yield from _declared(channel, 2**31)


def declared_2_63(channel: str) -> Sending:
    yield from _declared(channel, 2**63 - 1)


def declared_2_64(channel: str) -> Sending:
    yield from _declared(channel, 2**64 - 1)


def _declared(channel: str, length: int) -> Sending:
    yield upgrade(channel)
    yield b"\x81\xff" + length.to_bytes(8, "big") + b"mask"
    yield from itertools.repeat(bytes(64 * _KIB))


def forged_headers(channel: str) -> Sending:
    for byte in "\x0b\x0c\x1c\x1d\x1e":
        yield upgrade(channel, f"X-A: a{byte}X-Forwarded-For: 203.0.113.1")


ATTACKS: dict[str, Callable[[str], Sending]] = {
    attack.__name__: attack
    for attack in (
        endless_head,
        many_headers,
        slow_headers,
        slow_body,
        endless_body,
        requests_without_end,
        empty_continuations,
        pings,
        pongs,
        bad_commands,
        declared_2_31,
        declared_2_63,
        declared_2_64,
        forged_headers,
    )
}
DEAF = {"pings", "bad_commands", "requests_without_end"}
"""Attacks that read no answer until they are cut."""


def attack(name: str, port: int, channel: str) -> dict[str, object]:
    """Carry out one attack."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sent, answer = 0, bytearray()
        try:
            for item in ATTACKS[name](channel):
                if isinstance(item, float):
                    _pause(sock, item, answer)
                else:
                    sent += _send(sock, item, answer, name not in DEAF, began)
            _pause(sock, GIVES_UP, answer)
            seconds = None
        except TimeoutError:
            seconds = None
        except OSError:
            seconds = time.monotonic() - began
        _read(sock, answer)
        return {"seconds": seconds, "sent": sent, "answer": bytes(answer[:4000]).decode("latin-1")}


def _send(sock: socket.socket, data: bytes, answer: bytearray, reads: bool, began: float) -> int:
    sock.setblocking(False)
    view = memoryview(data)
    while view:
        if time.monotonic() - began > GIVES_UP:
            raise TimeoutError
        readable, writable, _ = select.select([sock] if reads else [], [sock], [], 1.0)
        if writable:
            view = view[sock.send(view) :]
        if readable:
            _take(sock, answer)
    return len(data)


def _pause(sock: socket.socket, seconds: float, answer: bytearray) -> None:
    """Let time pass; raise OSError as soon as the connection has ended."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([sock], [], [], left)[0]:
            _take(sock, answer)


def _take(sock: socket.socket, answer: bytearray) -> None:
    data = sock.recv(64 * _KIB)
    if not data:
        raise ConnectionResetError
    answer += data


def _read(sock: socket.socket, answer: bytearray) -> None:
    sock.settimeout(1)
    try:
        while True:
            _take(sock, answer)
    except OSError:
        return


def aborted_handshakes(port: int, channel: str, count: int) -> None:
    """Connect so many times, say half of what is needed, and reset the connection."""
    half = upgrade(channel)[:-20]
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    for number in range(count):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            sock.sendall(half[: number % len(half)])


def all_places(port: int, channel: str) -> dict[str, int]:
    """Have 4,200 unfinished requests from an address of its own, and renew what is cut, until the
    standard input is closed. Says so once more than 200 were cut."""
    half = upgrade(channel)[:-20]
    told = sys.stdin.fileno()
    cut, says_so, poll = 0, False, select.epoll()
    poll.register(told, select.EPOLLIN)
    held: dict[int, socket.socket] = {}
    while True:
        for _ in range(min(200, 4200 - len(held))):
            sock = socket.socket()
            sock.bind((STRANGER, 0))
            sock.settimeout(5)
            with contextlib.suppress(OSError):
                sock.connect(("127.0.0.1", port))
                sock.sendall(half)
            held[sock.fileno()] = sock
            poll.register(sock, select.EPOLLIN)
        for number, _ in poll.poll(0.01):
            if number == told:
                return {"cut": cut, "held": len(held)}
            cut += 1
            held.pop(number).close()
        if cut > 200 and not says_so:
            print("cut", flush=True)
            says_so = True


if __name__ == "__main__":
    _, name, port, channel = sys.argv
    if name == "aborted_handshakes":
        aborted_handshakes(int(port), channel, 10_000)
        print("{}")
    elif name == "all_places":
        print(json.dumps(all_places(int(port), channel)))
    else:
        print(json.dumps(attack(name, int(port), channel)))
