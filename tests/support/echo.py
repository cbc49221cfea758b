"""A server that says everything back, and what is said to it."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65536):
                self.request.sendall(data)


@contextlib.contextmanager
def echo() -> Iterator[int]:
    """The port of such a server."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def hear(client: socket.socket, count: int) -> bytes:
    """So many bytes, or fewer at the end."""
    heard = b""
    while len(heard) < count and (data := client.recv(count - len(heard))):
        heard += data
    return heard


def exchange(client: socket.socket, data: bytes = b"hello") -> bytes:
    """What comes back."""
    client.sendall(data)
    return hear(client, len(data))
